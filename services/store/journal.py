"""The journal: each step of a run, written before it begins and before anything follows from its end.

After ideas of durable execution (DBOS, Temporal): a step that is found finished, with the same input, is not done
again. The budget is kept in the same two writes, and so is the lease: a process that has lost it writes nothing.
"""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select, true, update

from agents.context import Clock, Reservation, to_its_end
from agents.errors import BudgetExceeded, Cancelled, LeaseLost, PointsmanError
from agents.records import Step, Usage
from services.store.database import Database
from services.store.leases import Lease
from services.store.rows import UNCANCELLED, UNPAUSED, add_event, bump, insert_ignoring, insert_row, upsert
from services.store.tables import RunRow, StepIoRow, StepRow
from services.store.transaction import Transaction

PAUSE_POLL_SECONDS = 0.5
"""How often a paused run looks whether it may go on."""

Announce = Callable[[str], None]
"""Is told, after a commit, that the run has news."""

OnStep = Callable[[Step], None]
"""Is given each ended step, to send it on as a span."""


class SqlJournal:
    """The journal of one run under one lease."""

    def __init__(self, database: Database, lease: Lease, *, clock: Clock, announce: Announce, on_step: OnStep) -> None:
        self._database = database
        self._lease = lease
        self._clock = clock
        self._announce = announce
        self._on_step = on_step

    async def open(self, step: Step, *, reserve: Reservation) -> Step:
        """Write that the step begins, or give back its finished record; waits while the run is paused."""
        try:
            return await self._opened(step, input_hash(step), reserve)
        except asyncio.CancelledError:
            # It may have been written by then, and nobody would close it: what it set aside would be held for ever.
            with contextlib.suppress(PointsmanError):
                await to_its_end(self._forsake(step))
            raise

    async def _opened(self, step: Step, digest: str, reserve: Reservation) -> Step:
        while True:
            async with self._database.write() as connection:
                finished = await _finished(connection, self._lease.run_id, step.span_id, digest)
                if finished is not None:
                    return finished
                seq = await bump(
                    connection,
                    self._lease.run_id,
                    lease=self._lease,
                    only_if=(UNCANCELLED, UNPAUSED, *limits_on(reserve)),
                    add={f"reserved_{name}": amount for name, amount in reserve if amount},
                )
                if seq is not None:
                    await self._write(connection, step, seq, digest, reserve)
                    break
                await _refuse(connection, self._lease, reserve)
            await asyncio.sleep(PAUSE_POLL_SECONDS)
        self._announce(self._lease.run_id)
        return step

    async def close(self, step: Step) -> None:
        """Write how the step ended; what it used is counted and what was set aside for it is free again."""
        async with self._database.write() as connection:
            seq = await close_step(connection, self._lease, step)
        if seq is None:
            raise LeaseLost(self._lease.run_id)
        self._on_step(step)
        self._announce(self._lease.run_id)

    async def _forsake(self, step: Step) -> None:
        """End a step that was not begun after all."""
        ended = step.model_copy(update={"status": "lost", "ended_at": self._clock(), "error": "cancelled"})
        query = select(StepRow.seq).where(
            StepRow.run_id == self._lease.run_id,
            StepRow.span_id == step.span_id,
            StepRow.status == "running",
            StepRow.started_at == step.started_at,
        )
        async with self._database.write() as connection:
            if (await connection.execute(query)).first() is not None:
                await close_step(connection, self._lease, ended)

    async def _write(self, connection: Transaction, step: Step, seq: int, digest: str, reserve: Reservation) -> None:
        await upsert(
            connection,
            StepRow,
            on=("run_id", "span_id"),
            run_id=self._lease.run_id,
            seq=seq,
            lease=self._lease.message_id,
            input_hash=digest,
            reserved_tokens=reserve.tokens,
            reserved_usd=reserve.usd,
            reserved_model_calls=reserve.model_calls,
            reserved_tool_calls=reserve.tool_calls,
            **_columns(step),
        )
        if step.input is not None:
            await upsert(
                connection,
                StepIoRow,
                on=("run_id", "span_id"),
                run_id=self._lease.run_id,
                span_id=step.span_id,
                input=step.input,
                output=None,
            )
        await add_event(connection, self._lease.run_id, seq, "step", _shown(step), self._clock())


async def close_step(connection: Transaction, lease: Lease, step: Step) -> int | None:
    """Write a step's end inside a transaction; gives the event's number, or None if the lease is lost."""
    row = (
        await connection.execute(select(StepRow).where(StepRow.run_id == lease.run_id, StepRow.span_id == step.span_id))
    ).one()
    used = {name: amount for name, amount in step.usage if amount}
    cost = {"cost_usd": step.cost_usd} if step.cost_usd else {}
    seq = await bump(connection, lease.run_id, lease=lease, add={"steps": 1} | used | cost | _freed(row))
    if seq is None:
        return None
    await connection.execute(
        update(StepRow)
        .where(StepRow.run_id == lease.run_id, StepRow.span_id == step.span_id)
        .values(
            seq=seq,
            reserved_tokens=0,
            reserved_usd=Decimal(0),
            reserved_model_calls=0,
            reserved_tool_calls=0,
            **_columns(step),
        )
    )
    if step.output is not None:
        await insert_ignoring(connection, StepIoRow, run_id=lease.run_id, span_id=step.span_id)
        await connection.execute(
            update(StepIoRow)
            .where(StepIoRow.run_id == lease.run_id, StepIoRow.span_id == step.span_id)
            .values(output=step.output)
        )
    assert step.ended_at is not None
    await add_event(connection, lease.run_id, seq, "step", _shown(step), step.ended_at)
    return seq


async def insert_step(connection: Transaction, run_id: str, seq: int, step: Step) -> None:
    """Write a step that began and ended at once."""
    await insert_row(connection, StepRow, run_id=run_id, seq=seq, **_columns(step))
    if step.input is not None or step.output is not None:
        io = {"run_id": run_id, "span_id": step.span_id, "input": step.input, "output": step.output}
        await insert_row(connection, StepIoRow, **io)


async def lose_running(connection: Transaction, run_id: str, *, lease: str | None, at: datetime) -> None:
    """Mark the steps that nobody will end, of one message's lease or of the whole run, and free their reservations."""
    rows = list(
        await connection.execute(
            select(StepRow).where(
                StepRow.run_id == run_id,
                StepRow.status == "running",
                StepRow.kind != "run",
                StepRow.lease == lease if lease is not None else true(),
            )
        )
    )
    for row in rows:
        seq = await bump(connection, run_id, add=_freed(row))
        assert seq is not None
        await connection.execute(
            update(StepRow)
            .where(StepRow.run_id == run_id, StepRow.span_id == row.span_id)
            .values(
                seq=seq,
                status="lost",
                ended_at=at,
                reserved_tokens=0,
                reserved_usd=Decimal(0),
                reserved_model_calls=0,
                reserved_tool_calls=0,
            )
        )
        shown = {"span_id": row.span_id, "kind": row.kind, "name": row.name, "status": "lost"}
        await add_event(connection, run_id, seq, "step", shown, at)


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


async def _finished(connection: Transaction, run_id: str, span: str, digest: str) -> Step | None:
    row = (
        await connection.execute(
            select(StepRow).where(
                StepRow.run_id == run_id,
                StepRow.span_id == span,
                StepRow.input_hash == digest,
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


def _freed(row: Any) -> dict[str, Any]:
    """What a step's end gives back of what was set aside for it."""
    names = [f"reserved_{name}" for name in Reservation.model_fields]
    return {name: -getattr(row, name) for name in names if getattr(row, name)}


async def _refuse(connection: Transaction, lease: Lease, reserve: Reservation) -> None:
    """Say why a step may not begin; returns where it is worth looking again, as when the run is paused."""
    row = (await connection.execute(select(RunRow, lease.fence().label("ours")).where(RunRow.id == lease.run_id))).one()
    if not row.ours:
        raise LeaseLost(lease.run_id)
    if row.cancel_requested:
        raise Cancelled(f"run {lease.run_id} was cancelled")
    if row.paused:
        return
    tokens = row.input_tokens + row.output_tokens
    limits: tuple[tuple[str, Any, Any, bool], ...] = (
        ("max_usd", row.max_usd, row.cost_usd, bool(reserve.usd)),
        ("max_tokens_total", row.max_tokens_total, tokens, bool(reserve.tokens)),
        ("max_model_calls", row.max_model_calls, row.model_calls, bool(reserve.model_calls)),
        ("max_tool_calls", row.max_tool_calls, row.tool_calls, bool(reserve.tool_calls)),
    )
    reached = [(name, most, spent) for name, most, spent, wanted in limits if wanted and most is not None]
    if not reached:
        return  # what was in the way a moment ago is gone
    name, most, spent = max(reached, key=lambda limit: (limit[2] / limit[1]) if limit[1] else Decimal("Infinity"))
    raise BudgetExceeded(
        name, f"the limit {name}={most} is reached: {spent} spent, the rest is set aside for calls that run"
    )


def _columns(step: Step) -> dict[str, Any]:
    return {
        "span_id": step.span_id,
        "parent_id": step.parent_id,
        "key": step.key,
        "kind": step.kind,
        "name": step.name,
        "agent": step.agent,
        "attempt": step.attempt,
        "status": step.status,
        "started_at": step.started_at,
        "ended_at": step.ended_at,
        "model": step.model,
        "cost_usd": step.cost_usd,
        "attributes": json.dumps(step.attributes, ensure_ascii=False, default=str),
        "error": step.error,
        **step.usage.model_dump(),
    }


def _shown(step: Step) -> dict[str, Any]:
    return step.model_dump(mode="json", include={"span_id", "kind", "name", "status"})
