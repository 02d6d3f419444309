"""The journal: each step of a run, written before it begins and before anything follows from its end.

After ideas of durable execution (DBOS, Temporal): a step that is found finished, with the same input, is not done
again. The budget is kept in the same two writes, and so is the lease: a process that has lost it writes nothing.
"""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from agents.context import Clock, Reservation, to_its_end
from agents.errors import BudgetExceeded, Cancelled, LeaseLost, PointsmanError
from agents.records import Json, Step, Usage
from services.store.changes import NOTHING_RESERVED, Changes, OnStep
from services.store.database import Database
from services.store.leases import Lease
from services.store.rows import UNCANCELLED, UNPAUSED
from services.store.tables import RunRow, StepIoRow, StepRow
from services.store.transaction import Transaction

PAUSE_POLL_SECONDS = 0.5
"""How often a paused run looks whether it may go on."""

Announce = Callable[[str], None]
"""Is told, after a commit, that the run has news."""


class SqlJournal:
    """The journal of one run under one lease."""

    def __init__(
        self,
        database: Database,
        lease: Lease,
        *,
        clock: Clock,
        announce: Announce,
        on_step: OnStep,
        fresh: bool = False,
    ) -> None:
        """Open the journal.

        Args:
            database: where it is.
            lease: of the message under which the run is worked on.
            clock: gives the time.
            announce: is told of what was committed.
            on_step: is given what has ended.
            fresh: this process accepted the run itself, so no step of it was done before.
        """
        self._database = database
        self._lease = lease
        self._clock = clock
        self._announce = announce
        self._on_step = on_step
        self._fresh = fresh
        self._reserved: dict[str, Reservation] = {}
        self._begun: set[str] = set()
        self._beginning: list[Step] = []
        """Steps whose beginning the next write takes along."""
        self._held = self._changes()
        """Ends that the next write takes along."""
        self.spent: dict[int, tuple[Usage, Decimal]] = {}
        """What the steps that ended here used, by their attempts."""

    async def open(self, step: Step, *, reserve: Reservation) -> Step:
        """Write that the step begins, or give back its finished record; waits while the run is paused."""
        try:
            return await self._opened(step, reserve)
        except asyncio.CancelledError:
            # It may have been written by then, and nobody would close it: what it set aside would be held for ever.
            with contextlib.suppress(PointsmanError):
                await to_its_end(self._forsake(step, reserve))
            raise

    async def close(self, step: Step) -> None:
        """Write how the step ended; what it used is counted and what was set aside for it is free again."""
        self.hold_end(step)
        await self.flush()

    def is_new(self, step: Step) -> bool:
        """Whether it is certain that the step was not done before."""
        return self._fresh and step.span_id not in self._begun

    def hold_begin(self, step: Step) -> None:
        """Begin a new step that draws on no budget; the next write says so."""
        self._begun.add(step.span_id)
        self._reserved[step.span_id] = NOTHING_RESERVED
        self._beginning.append(step)

    def hold_end(self, step: Step) -> None:
        """End a step; the next write says so. Until then it has not ended, for whoever goes on after a crash."""
        self._take_beginning()
        self._held.end(step, freed=self._reserved.pop(step.span_id))
        usage, cost = self.spent.get(step.attempt, (Usage(), Decimal(0)))
        self.spent[step.attempt] = (usage + step.usage, cost + step.cost_usd)

    def hold_event(self, kind: str, data: Json, at: datetime, **change: Any) -> None:
        """Have the next write say that something happened, and change columns of the run."""
        self._held.event(kind, data, at, **change)

    def take(self) -> Changes:
        """What is held: the caller's to write now."""
        self._take_beginning()
        return self._take_ends()

    async def flush(self, more: Callable[[Transaction], Awaitable[None]] | None = None) -> None:
        """Write what is held.

        Args:
            more: is written after it, in the same transaction.

        Raises:
            LeaseLost: another process works on this run now; nothing was written.
        """
        changes = self.take()
        if not changes:
            return

        async def write(connection: Transaction) -> bool:
            if await changes.write(connection, lease=self._lease) is None:
                return False
            if more:
                await more(connection)
            return True

        if not await self._database.at_once(write, then=changes.committed):
            raise LeaseLost(self._lease.run_id)
        self._announce(self._lease.run_id)

    async def _opened(self, step: Step, reserve: Reservation) -> Step:
        is_new = self.is_new(step)
        self._begun.add(step.span_id)
        self._reserved[step.span_id] = reserve
        while True:
            ended = self._take_ends()
            opening = self._changes()
            for one in self._beginning:
                self._begin(opening, one, NOTHING_RESERVED)
            self._begin(opening, step, reserve)
            # A beginning that a power cut takes back is a call in flight, or one that was never made.
            commit = self._database.at_once if ended else self._database.at_once_unflushed

            async def write(
                connection: Transaction, ended: Changes = ended, opening: Changes = opening
            ) -> Step | PointsmanError | None:
                if ended and await ended.write(connection, lease=self._lease) is None:
                    return LeaseLost(self._lease.run_id)
                if not is_new and (finished := await _finished(connection, self._lease.run_id, step)):
                    return finished
                only_if = (UNCANCELLED, UNPAUSED, *limits_on(reserve))
                if await opening.write(connection, lease=self._lease, only_if=only_if) is not None:
                    return step
                return await _refusal(connection, self._lease, reserve)

            try:
                opened = await commit(write, then=ended.committed)
            finally:
                if opening.written:
                    self._beginning.clear()
            if isinstance(opened, PointsmanError):
                raise opened
            if opened is not None:
                break
            await asyncio.sleep(PAUSE_POLL_SECONDS)
        if opening.written:
            self._announce(self._lease.run_id)
        return opened

    async def _forsake(self, step: Step, reserve: Reservation) -> None:
        """End a step that was not begun after all."""
        ended = self._changes()
        ended.end(
            step.model_copy(update={"status": "lost", "ended_at": self._clock(), "error": "cancelled"}), freed=reserve
        )
        query = select(StepRow.seq).where(
            StepRow.run_id == self._lease.run_id,
            StepRow.span_id == step.span_id,
            StepRow.status == "running",
            StepRow.started_at == step.started_at,
        )

        async def write(connection: Transaction) -> None:
            if (await connection.execute(query)).first() is not None:
                await ended.write(connection, lease=self._lease)

        await self._database.at_once(write)

    def _begin(self, changes: Changes, step: Step, reserve: Reservation) -> None:
        changes.begin(
            step, lease=self._lease.message_id, input_hash=input_hash(step), reserve=reserve, at=self._clock()
        )

    def _take_beginning(self) -> None:
        for step in self._beginning:
            self._begin(self._held, step, NOTHING_RESERVED)
        self._beginning.clear()

    def _take_ends(self) -> Changes:
        held, self._held = self._held, self._changes()
        return held

    def _changes(self) -> Changes:
        return Changes(self._lease.run_id, on_step=self._on_step)


@dataclass(frozen=True, slots=True)
class BriefJournal:
    """The journal of a method that asks one model once, or none, with no check after it.

    Nothing comes between the end of its one call and that of its attempt, so they are written together; what calls
    nobody begins with the next write.
    """

    journal: SqlJournal

    async def open(self, step: Step, *, reserve: Reservation) -> Step:
        """As `SqlJournal.open`."""
        if reserve == NOTHING_RESERVED and self.journal.is_new(step):
            self.journal.hold_begin(step)
            return step
        return await self.journal.open(step, reserve=reserve)

    async def close(self, step: Step) -> None:
        """As `SqlJournal.hold_end`."""
        self.journal.hold_end(step)


def input_hash(step: Step) -> str:
    """What makes two steps of the same key the same: the input, and the model it goes to."""
    return hashlib.sha256(f"{step.model}\n{step.input}".encode()).hexdigest()


def step_of(row: Any, io: Any | None = None) -> Step:
    """The record of a stored step."""
    return Step(
        span_id=row.span_id,
        parent_id=row.parent_id,
        key=row.key,
        kind=row.kind,
        name=row.name,
        agent=row.agent,
        attempt=row.attempt,
        status=row.status,
        started_at=row.started_at,
        ended_at=row.ended_at,
        model=row.model,
        usage=Usage(**{name: getattr(row, name) for name in Usage.model_fields}),
        cost_usd=row.cost_usd,
        attributes=json.loads(row.attributes),
        error=row.error,
        input=io.input if io else None,
        output=io.output if io else None,
    )


async def _finished(connection: Transaction, run_id: str, step: Step) -> Step | None:
    span = step.span_id
    row = (
        await connection.execute(
            select(StepRow).where(
                StepRow.run_id == run_id,
                StepRow.span_id == span,
                StepRow.input_hash == input_hash(step),
                StepRow.status.in_(("ok", "error")),
            )
        )
    ).one_or_none()
    if row is None or (row.status == "error" and row.kind == "model"):
        return None  # a model call that failed is asked again
    io = await connection.execute(select(StepIoRow).where(StepIoRow.run_id == run_id, StepIoRow.span_id == span))
    return step_of(row, io.one_or_none())


def limits_on(reserve: Reservation) -> tuple[str, ...]:
    """The limits of the budget that a step draws on."""
    return tuple(name for name, amount in reserve if amount)


async def _refusal(connection: Transaction, lease: Lease, reserve: Reservation) -> PointsmanError | None:
    """Say why a step may not begin; None where it is worth looking again, as when the run is paused."""
    row = (await connection.execute(select(RunRow, lease.fence().label("ours")).where(RunRow.id == lease.run_id))).one()
    if not row.ours:
        return LeaseLost(lease.run_id)
    if row.cancel_requested:
        return Cancelled(f"run {lease.run_id} was cancelled")
    if row.paused:
        return None
    tokens = row.input_tokens + row.output_tokens
    limits: tuple[tuple[str, Any, Any, bool], ...] = (
        ("max_usd", row.max_usd, row.cost_usd, bool(reserve.usd)),
        ("max_tokens_total", row.max_tokens_total, tokens, bool(reserve.tokens)),
        ("max_model_calls", row.max_model_calls, row.model_calls, bool(reserve.model_calls)),
        ("max_tool_calls", row.max_tool_calls, row.tool_calls, bool(reserve.tool_calls)),
    )
    reached = [(name, most, spent) for name, most, spent, wanted in limits if wanted and most is not None]
    if not reached:
        return None  # what was in the way a moment ago is gone
    name, most, spent = max(reached, key=lambda limit: (limit[2] / limit[1]) if limit[1] else Decimal("Infinity"))
    return BudgetExceeded(
        name, f"the limit {name}={most} is reached: {spent} spent, the rest is set aside for calls that run"
    )
