"""Shows on recorded answers that refining never gives an answer that its check likes less than the draft.

Each case is a pair of recorded answers of one model to one problem: a draft, and what its "rewrite" says. Problems,
models and pairs are drawn by a seed. No model runs: a scripted one returns the recorded texts, and a critic speaks
against the draft and for the rewrite whatever they are, so that nothing but the guard decides. The check that knows
the answer decides in the method, as a caller's own check would, and grades at the end: what is shown is the guard, not
accuracy.
"""

import itertools
import json
import random
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from agents import checks
from agents.methods.refine import Refine
from agents.model import Completion, Delta, ModelRequest
from agents.records import Answer, Choice, Effort, Outcome, Usage
from agents.sandbox import Sandbox
from bench.recorded_rows import Row as Sample
from bench.recorded_rows import rows
from bench.scaling_replay import a_context
from bench.scaling_rows import Row

CASES = 200
SEED = 4
AGAINST = json.dumps({"faults": [{"quote": "", "problem": "It is wrong."}], "score": 0.1})
FOR = json.dumps({"faults": [], "score": 1.0})
WORTH: dict[Outcome, int] = {"fail": 0, "unsure": 1, "pass": 2}


@dataclass(frozen=True)
class Case:
    """A draft, and the rewrite of it that the model is going to give."""

    draft: Sample
    rewrite: Sample


@dataclass(frozen=True)
class Result:
    """What the check says of the draft, of the rewrite, and of what refining gave."""

    draft: Outcome
    rewrite: Outcome
    given: Outcome

    @property
    def lowered(self) -> bool:
        return WORTH[self.given] < WORTH[self.draft]

    @property
    def raised(self) -> bool:
        return WORTH[self.given] > WORTH[self.draft]


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


def cases(recorded: Iterable[Sample], *, count: int = CASES) -> list[Case]:
    """Pairs of different texts of one model to one problem, drawn evenly from all that there are."""
    groups: dict[tuple[str, str], list[Sample]] = {}
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
    context = a_context({model.id: model}, sandbox)
    task = case.draft.task
    given = await Refine(model.id, Effort.NONE, rounds=1, task_type="math").answer(task, context)

    async def found(answer: Answer) -> Outcome:
        return (await checks.check(task.checks[0], answer, task, context)).outcome

    return Result(await found(case.draft.answer), await found(case.rewrite.answer), await found(given))


async def refine_rows(data: Path, sandbox: Sandbox) -> list[Row]:
    """The line of the guard."""
    results = [await refined(case, sandbox) for case in cases(rows("gsm8k", data))]
    lowered, raised = sum(one.lowered for one in results), sum(one.raised for one in results)
    worse = sum(WORTH[one.rewrite] < WORTH[one.draft] for one in results)
    taken = f"a rewrite that is always taken would have lowered {worse}"
    return [
        Row(
            what="`refine` guard: checked scores lowered",
            line="0 of 200",
            measured=f"{lowered}; {raised} raised; {taken}",
            n=f"{len(results)} pairs of recorded answers",
            model="0.5B, 1.5B",
            seeds=f"pairs by seed {SEED}",
        )
    ]
