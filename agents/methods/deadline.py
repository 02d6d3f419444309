"""Ends a part of the work at a time of day: no new step begins after it, and a model that still writes then is cut off.

Both say `BudgetExceeded`, as any other limit does, so that a method gives the best that it has.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from agents.context import Clock, Context, Journal, Reservation
from agents.errors import BudgetExceeded
from agents.model import Completion, Delta, Model, ModelRequest
from agents.records import Step


def until(context: Context, ends_at: datetime | None) -> Context:
    """The same place, in which the work ends at this time; None: it has all the time.

    What was finished in time is read at any time: work that is read back later comes to the same.
    """
    if ends_at is None:
        return context
    clock = context.clock

    def timed(model_id: str) -> Model:
        return _TimedModel(context.models(model_id), ends_at, clock)

    return replace(context, journal=_TimedJournal(context.journal, ends_at, clock), models=timed)


@dataclass(frozen=True, slots=True)
class _TimedJournal:
    """A journal that opens no new step after its time."""

    journal: Journal
    ends_at: datetime
    clock: Clock

    async def open(self, step: Step, *, reserve: Reservation) -> Step:
        opened = await self.journal.open(step, reserve=reserve)
        now = self.clock()
        if opened.status != "running" or now < self.ends_at:
            return opened
        over = _over(self.ends_at)
        await self.journal.close(opened.model_copy(update={"status": "error", "ended_at": now, "error": str(over)}))
        raise over

    async def close(self, step: Step) -> None:
        await self.journal.close(step)


@dataclass(frozen=True, slots=True)
class _TimedModel:
    """A model that is cut off at its time."""

    model: Model
    ends_at: datetime
    clock: Clock

    @property
    def id(self) -> str:
        return self.model.id

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta | Completion]:
        stream = self.model.stream(request)
        try:
            while True:
                left = (self.ends_at - self.clock()).total_seconds()
                limit = asyncio.timeout(max(left, 0.0))
                try:
                    async with limit:
                        event = await anext(stream)
                except TimeoutError:
                    if limit.expired():
                        raise _over(self.ends_at) from None
                    raise
                except StopAsyncIteration:
                    return
                yield event
        finally:
            await stream.aclose()

    def worst_cost(self, request: ModelRequest) -> tuple[int, Decimal]:
        return self.model.worst_cost(request)


def _over(ends_at: datetime) -> BudgetExceeded:
    return BudgetExceeded("max_seconds", f"the time for this part of the work was over at {ends_at.isoformat()}")
