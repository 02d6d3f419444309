"""Runs the methods themselves on recorded samples: a model that answers from the records, and what it would have cost.

A request without a temperature, or with 0, is answered by the greedy sample of its prompt; any other by the next drawn
one, in an order that is given. What was never asked has no answer: a method that asks otherwise than was recorded ends
with an error.
"""

from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from random import Random

from agents.context import Context, Journal, Reservation
from agents.methods.method import Method
from agents.model import Completion, Delta, Model, ModelRequest
from agents.records import Answer, Message, Step, Task, Usage
from agents.sandbox import Program, Ran, Sandbox
from bench.recorded_rows import Row
from bench.scaling_rows import SEED

BILLIONS: Mapping[str, float] = {"small": 0.5, "large": 1.5}
"""Parameters of the recorded models: Qwen2.5-Coder-0.5B-Instruct and -1.5B-Instruct, both Q4_K_M."""
NAMES: Mapping[str, str] = {"small": "Qwen2.5-Coder 0.5B", "large": "Qwen2.5-Coder 1.5B"}

SHUFFLES = 4
"""Orders of the samples, each with all its rotations."""


@dataclass(frozen=True)
class Replayed:
    """What came of one task."""

    answer: Answer
    spent: Mapping[str, Usage]
    """By model, of all calls."""

    @property
    def calls(self) -> int:
        return sum(usage.model_calls for usage in self.spent.values())

    @property
    def tokens(self) -> int:
        return sum(usage.total_tokens for usage in self.spent.values())

    @property
    def cost(self) -> float:
        """Tokens read and written, times the billions of parameters that each went through."""
        return sum(usage.total_tokens * BILLIONS[model] for model, usage in self.spent.items())


class Recorded:
    """A model that answers from the records, the drawn samples in the order that is given."""

    def __init__(self, id_: str, rows: Iterable[Row], order: Sequence[int]) -> None:
        self.id = id_
        self._rows = {(row.prompt, row.sample): row for row in rows if row.model == id_}
        self._next = iter(order)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta | Completion]:
        drawn = bool(request.sampling.temperature)
        prompt, sample = request.messages[-1].content, next(self._next) if drawn else 0
        if (prompt, sample) not in self._rows:
            raise LookupError(f"no sample {sample} of {self.id} is recorded for: {prompt[:200]}")
        row = self._rows[prompt, sample]
        given = row.logprobs_as_given if request.sampling.logprobs else None
        choice = row.choice.model_copy(update={"logprobs": given})
        yield Completion(choices=(choice,), model=self.id, usage=row.usage)

    def worst_cost(self, request: ModelRequest) -> tuple[int, Decimal]:
        return 0, Decimal(0)


@dataclass
class Ledger:
    """A journal that keeps nothing but what was spent: a task is gone through once."""

    spent: dict[str, Usage] = field(default_factory=dict[str, Usage])

    async def open(self, step: Step, *, reserve: Reservation) -> Step:
        return step

    async def close(self, step: Step) -> None:
        if step.kind == "model" and step.model:
            self.spent[step.model] = self.spent.get(step.model, Usage()) + step.usage


class Nobody:
    """A mailbox that nobody writes to."""

    async def post(self, messages: Sequence[Message]) -> None:
        raise AssertionError("no method here sends messages")

    async def final(self, attempt: int) -> Message:
        raise AssertionError("no method here waits for messages")


class Remembering:
    """A sandbox that runs the same program once."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._ran: dict[str, Ran] = {}

    async def run(self, program: Program) -> Ran:
        key = program.model_dump_json()
        if key not in self._ran:
            self._ran[key] = await self._sandbox.run(program)
        return self._ran[key]


async def replay(
    method: Method, task: Task, rows: Sequence[Row], *, order: Sequence[int], sandbox: Sandbox
) -> Replayed:
    """Have the method answer the task from these rows."""
    ledger = Ledger()
    models = {row.model: Recorded(row.model, rows, order) for row in rows}
    return Replayed(await method.answer(task, a_context(models, sandbox, ledger)), ledger.spent)


def a_context(models: Mapping[str, Model], sandbox: Sandbox, journal: Journal | None = None) -> Context:
    """A world of these models and a sandbox."""
    return Context(
        run_id="bench",
        key="",
        parent_id=None,
        models=models.__getitem__,
        tools={},
        journal=journal or Ledger(),
        mailbox=Nobody(),
        clock=lambda: datetime.now(UTC),
        sandbox=sandbox,
    )


def orders(problem: str, samples: int, *, shuffles: int = SHUFFLES) -> Iterator[tuple[int, ...]]:
    """Orders of the drawn samples in which each comes at each place equally often."""
    dice = Random(f"{SEED} {problem}")
    for _ in range(shuffles):
        shuffled = dice.sample(range(1, samples + 1), samples)
        for start in range(samples):
            yield (*shuffled[start:], *shuffled[:start])


def by_problem(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """The rows of each problem."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.problem, []).append(row)
    return found


def has(rows: Iterable[Row], model: str, samples: int, kind: str = "answer") -> bool:
    """Whether the greedy sample and so many drawn ones of a model are there."""
    there = {row.sample for row in rows if row.model == model and row.kind == kind}
    return set(range(samples + 1)) <= there
