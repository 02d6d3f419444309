"""Draws several answers to one request side by side, no more of them than are needed, and gives up what is not."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from agents.context import Context, call_model, span_id
from agents.errors import BudgetExceeded, MalformedOutput, PointsmanError, Unavailable
from agents.model import Completion, ModelRequest
from agents.records import Answer, Choice

_FAILURES_AT_FIRST = 3
"""So many failed calls before any answer show that the model is down."""
_MOST_IN_A_REQUEST = 16
_SEEDS = 2**31


@dataclass(frozen=True)
class Sample:
    """One of the answers."""

    number: int
    key: str
    """Of the step that made it; `[2]` behind it where it is a later choice of that call."""
    choice: Choice
    completion: Completion

    def answer(self, **fields: object) -> Answer:
        """It as the answer, with the usage of its call."""
        made = self.completion
        answer = Answer(choices=(self.choice,), model=made.model, usage=made.usage, effort=made.effort)
        return answer.model_copy(update=fields)


@dataclass(frozen=True)
class Drawn:
    """What came of it; at least one sample."""

    samples: tuple[Sample, ...]
    """In order of their numbers."""
    failed: int = 0
    """Calls that gave no answer."""
    limit: BudgetExceeded | None = None
    """The limit that ended the drawing."""


@dataclass(frozen=True)
class _Call:
    first: int
    """Number of its first sample."""
    count: int


Needed = Callable[[Sequence[Sample]], Awaitable[int]]
"""Given the samples so far, in order, says how many more there have to be at least; 0 ends the drawing."""


async def draw(
    context: Context,
    model: str,
    request: ModelRequest,
    needed: Needed,
    *,
    most: int,
    parallel: int,
    batched: bool,
    spare: int = 0,
) -> Drawn:
    """Draw samples until no more are needed; what still runs then is cancelled.

    Args:
        most: samples to draw at most.
        parallel: samples to have in the making at once, at most.
        spare: samples to have in the making besides the needed ones, so that a slow one need not be waited for.
        batched: the server shares the prompt between the choices of one request, so several are asked for in one.

    Raises:
        BudgetExceeded: not even one sample could be paid.
        Unavailable, MalformedOutput: no call gave an answer.
    """
    drawing = _Drawing(context, model, request, most, batched)
    try:
        while wanted := await needed(drawing.in_order()):
            drawing.start(min(wanted + spare, parallel))
            if not drawing.running:
                break
            await drawing.wait()
            if drawing.hopeless:
                break
    finally:
        await _cancel(list(drawing.running))
    return drawing.result()


def seeded(request: ModelRequest, context: Context, number: int) -> ModelRequest:
    """The request with a seed of its own, the same whenever the sample is drawn again."""
    asked = request.sampling.seed
    base = int(span_id(context.run_id, context.key)[:8], 16) if asked is None else asked
    sampling = request.sampling.model_copy(update={"seed": (base + number) % _SEEDS})
    return request.model_copy(update={"sampling": sampling})


@dataclass
class _Drawing:
    """The state of one drawing."""

    context: Context
    model: str
    request: ModelRequest
    most: int
    batched: bool
    running: dict[asyncio.Task[Completion], _Call] = field(default_factory=dict["asyncio.Task[Completion]", _Call])
    samples: dict[int, Sample] = field(default_factory=dict[int, Sample])
    failures: dict[int, PointsmanError] = field(default_factory=dict[int, PointsmanError])
    limit: BudgetExceeded | None = None
    """What refused the last call."""
    _again: list[_Call] = field(default_factory=list[_Call])
    """Calls that were refused, to be tried again when something else has ended and freed what it had set aside."""
    _freed: bool = True
    _next: int = 0

    def in_order(self) -> list[Sample]:
        return [self.samples[number] for number in sorted(self.samples)]

    @property
    def hopeless(self) -> bool:
        return not self.samples and not self.running and len(self.failures) >= min(_FAILURES_AT_FIRST, self.most)

    def start(self, wanted: int) -> None:
        """Have so many samples in the making, as far as there are any left to draw."""
        if self.limit is not None and not self._freed:
            return
        while (free := wanted - sum(call.count for call in self.running.values())) > 0:
            call = self._take(free)
            if call is None:
                return
            self.limit = None
            self.running[asyncio.create_task(self._ask(call))] = call

    async def wait(self) -> None:
        """Wait until a call has ended, and take in what came of it."""
        done, _ = await asyncio.wait(self.running, return_when=asyncio.FIRST_COMPLETED)
        ended = [(self.running.pop(task), task) for task in done]
        self._freed = False
        for call, task in sorted(ended, key=lambda one: one[0].first):
            try:
                self._add(call, task.result())
            except BudgetExceeded as error:
                self._refuse(call, error)
            except (Unavailable, MalformedOutput) as error:
                self.failures[call.first] = error
                self._freed = True

    def result(self) -> Drawn:
        if not self.samples:
            raise self.limit or self.failures[min(self.failures)]
        return Drawn(tuple(self.in_order()), len(self.failures), self.limit)

    def _take(self, free: int) -> _Call | None:
        if self._again:
            return self._again.pop(0)
        count = min(free if self.batched else 1, self.most - self._next, _MOST_IN_A_REQUEST)
        if count <= 0:
            return None
        call = _Call(self._next, count)
        self._next += count
        return call

    async def _ask(self, call: _Call) -> Completion:
        request = seeded(self.request, self.context, call.first)
        sampling = request.sampling.model_copy(update={"n": call.count})
        request = request.model_copy(update={"sampling": sampling})
        return await call_model(self.context, self.model, request, key=f"sample.{call.first}")

    def _add(self, call: _Call, completion: Completion) -> None:
        for place, choice in enumerate(completion.choices[: call.count]):
            key = f"sample.{call.first}" + (f"[{place}]" if place else "")
            self.samples[call.first + place] = Sample(call.first + place, key, choice, completion)
        self._freed = True

    def _refuse(self, call: _Call, error: BudgetExceeded) -> None:
        """Ask for less at once, if that is possible; else wait for what the others set free."""
        self.limit = error
        half = call.count // 2
        parts = (_Call(call.first, half), _Call(call.first + half, call.count - half)) if half else (call,)
        self._again = sorted((*self._again, *parts), key=lambda one: one.first)
        self._freed = self._freed or half > 0


async def _cancel(running: Sequence[asyncio.Task[Completion]]) -> None:
    """Hang up on these calls, and wait until their steps are closed, whatever is cancelled meanwhile."""
    for task in running:
        task.cancel()
    cancelled: asyncio.CancelledError | None = None
    while left := [task for task in running if not task.done()]:
        try:
            await asyncio.wait(left)
        except asyncio.CancelledError as error:
            cancelled = error
    for task in running:
        if not task.cancelled():
            task.exception()  # seen: what ends the drawing is told by others
    if cancelled is not None:
        raise cancelled
