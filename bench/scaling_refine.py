"""Shows on recorded answers that refining never gives an answer that its check likes less than the draft.

python -m bench.scaling_refine --data DIR

Each case is a pair of recorded answers of one model to one problem: a draft, and what its "rewrite" says. Problems,
models and pairs are drawn by a seed. No model runs: a scripted one returns the recorded texts, and a critic speaks
against the draft and for the rewrite whatever they are, so that nothing but the guard decides. The check that knows
the answer decides in the method, as a caller's own check would, and grades at the end: what is shown is the guard, not
accuracy. The exit status is 1 where a checked score was lowered.
"""

import argparse
import asyncio
import itertools
import json
import random
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from agents import checks
from agents.context import Context, Reservation
from agents.methods.refine import Refine
from agents.model import Completion, Delta, ModelRequest
from agents.records import Answer, Choice, Effort, Message, Outcome, Step, Usage
from agents.sandbox import Sandbox
from bench.recorded_rows import Row, everything_recorded, rows
from services.sandbox.choice import Chosen

CASES = 200
SEED = 4
AGAINST = json.dumps({"faults": [{"quote": "", "problem": "It is wrong."}], "score": 0.1})
FOR = json.dumps({"faults": [], "score": 1.0})
WORTH: dict[Outcome, int] = {"fail": 0, "unsure": 1, "pass": 2}


@dataclass(frozen=True)
class Case:
    """A draft, and the rewrite of it that the model is going to give."""

    draft: Row
    rewrite: Row


@dataclass(frozen=True)
class Result:
    """What the check says of the draft, of the rewrite, and of what refining gave."""

    draft: Outcome
    rewrite: Outcome
    given: Outcome

    @property
    def lowered(self) -> bool:
        return WORTH[self.given] < WORTH[self.draft]


class Recorded:
    """A model that answers with a recorded draft and rewrite, and as a critic is always for the rewrite."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self.id = case.draft.model

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta | Completion]:
        yield Completion(choices=(self._reply(request),), model=self.id, usage=Usage(model_calls=1))

    def worst_cost(self, request: ModelRequest) -> tuple[int, Decimal]:
        return 0, Decimal(0)

    def _reply(self, request: ModelRequest) -> Choice:
        if request.response_schema is not None:
            about_the_draft = self._case.draft.text in request.messages[-1].content
            return Choice(text=AGAINST if about_the_draft else FOR)
        return (self._case.draft if len(request.messages) == 1 else self._case.rewrite).choice


class Forgetful:
    """A journal that keeps nothing: a case is gone through once."""

    async def open(self, step: Step, *, reserve: Reservation) -> Step:
        return step

    async def close(self, step: Step) -> None:
        return None


class Nobody:
    """A mailbox that nobody writes to."""

    async def post(self, messages: Sequence[Message]) -> None:
        raise AssertionError("refining sends no messages")

    async def final(self, attempt: int) -> Message:
        raise AssertionError("refining waits for no messages")


def cases(recorded: Iterable[Row], *, count: int = CASES) -> list[Case]:
    """Pairs of different texts of one model to one problem, drawn evenly from all that there are."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in recorded:
        groups.setdefault((row.model, row.problem), []).append(row)
    pairs = [
        Case(draft, rewrite)
        for _, group in sorted(groups.items())
        for draft, rewrite in itertools.permutations(sorted(group, key=lambda row: row.sample), 2)
        if draft.text != rewrite.text
    ]
    if len(pairs) < count:
        raise SystemExit(f"{len(pairs)} pairs are recorded, {count} are wanted; record more samples")
    return random.Random(SEED).sample(pairs, count)


async def refined(case: Case, sandbox: Sandbox) -> Result:
    """Go through one case."""
    model = Recorded(case)
    context = Context(
        run_id="bench",
        key="",
        parent_id=None,
        models=lambda _: model,
        tools={},
        journal=Forgetful(),
        mailbox=Nobody(),
        clock=lambda: datetime.now(UTC),
        sandbox=sandbox,
    )
    task = case.draft.task
    given = await Refine(model.id, Effort.NONE, rounds=1, task_type="math").answer(task, context)

    async def found(answer: Answer) -> Outcome:
        return (await checks.check(task.checks[0], answer, task, context)).outcome

    return Result(await found(case.draft.answer), await found(case.rewrite.answer), await found(given))


async def run(data: Path) -> list[Result]:
    """Go through all cases."""
    sandbox = Chosen("auto", socket=None)
    try:
        return [await refined(case, sandbox) for case in cases(rows(data, everything_recorded()))]
    finally:
        await sandbox.close()


def report(results: Sequence[Result]) -> str:
    """The table, as Markdown."""
    kinds = Counter((one.draft, one.rewrite) for one in results)
    lines = ["| draft | rewrite | cases | lowered | raised |", "| - | - | - | - | - |"]
    for (draft, rewrite), count in sorted(kinds.items()):
        same = [one for one in results if (one.draft, one.rewrite) == (draft, rewrite)]
        raised = sum(WORTH[one.given] > WORTH[one.draft] for one in same)
        lines.append(f"| {draft} | {rewrite} | {count} | {sum(one.lowered for one in same)} | {raised} |")
    unguarded = sum(WORTH[one.rewrite] < WORTH[one.draft] for one in results)
    lines.append(f"\n{len(results)} cases, seed {SEED}: lowered {sum(one.lowered for one in results)};")
    lines.append(f"a rewrite that is always taken would have lowered {unguarded}.")
    return "\n".join(lines)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder with gsm8k-300.jsonl")
    results = asyncio.run(run(parser.parse_args().data))
    print(report(results))
    if any(one.lowered for one in results):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
