"""What happens to a run at once: its steps, their texts and its events, each table written in one statement."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import Select, Update, bindparam, select, update
from sqlalchemy import Table as CoreTable

from agents.context import Reservation
from agents.records import Json, Step, Usage
from services.store.leases import Lease
from services.store.rows import bump_by, event_row, insert_rows, upsert_rows
from services.store.tables import EventRow, StepIoRow, StepRow
from services.store.transaction import Transaction

NOTHING_RESERVED = Reservation()

OnStep = Callable[[Step], None]
"""Is given each ended step, to send it on as a span."""


def _ignore(_: Step) -> None:
    return None


class Changes:
    """Changes of one run, in their order, until a transaction writes them. Each is an event with a number of its own.

    What they add to the run, and what they change in its row, is written with them: in one update, under one lease.
    """

    def __init__(self, run_id: str, *, on_step: OnStep = _ignore) -> None:
        self.run_id = run_id
        self.written = False
        """They are part of a transaction: it only has to commit."""
        self._on_step = on_step
        self._events: list[dict[str, Any]] = []
        self._begun: dict[str, dict[str, Any]] = {}
        self._ended: dict[str, dict[str, Any]] = {}
        self._inputs: list[dict[str, Any]] = []
        self._outputs: list[dict[str, Any]] = []
        self._steps: list[Step] = []
        self._add: dict[str, Any] = {}
        self._change: dict[str, Any] = {}

    def __bool__(self) -> bool:
        return bool(self._events)

    def event(self, kind: str, data: Json, at: datetime, **change: Any) -> None:
        """Note that something happened, and what it makes of columns of the run."""
        self._events.append(event_row(self.run_id, len(self._events) + 1, kind, data, at))
        self._change |= change

    def begin(self, step: Step, *, lease: str, input_hash: str, reserve: Reservation, at: datetime) -> None:
        """A step begins, with what is set aside for it."""
        self._step_event(step, at)
        self._insert(step, lease=lease, input_hash=input_hash, reserve=reserve)
        self._count({f"reserved_{name}": amount for name, amount in reserve})

    def end(self, step: Step, *, freed: Reservation = NOTHING_RESERVED) -> None:
        """A step that has begun ends; what was set aside for it is free again."""
        assert step.ended_at is not None
        self._step_event(step, step.ended_at)
        columns = _columns_of(step)
        self._finish(step.span_id, {name: columns[name] for name in _CHANGING})
        self.output(step.span_id, step.output)
        self._count({"steps": 1, **dict(step.usage), "cost_usd": step.cost_usd})
        self._count({f"reserved_{name}": -amount for name, amount in freed})
        self._steps.append(step)

    def happened(self, step: Step, at: datetime) -> None:
        """A step that is written in one piece."""
        self._step_event(step, at)
        self.once(step)

    def once(self, step: Step) -> None:
        """Under the number of the last event: a step that is written in one piece."""
        self._insert(step, lease=None, input_hash="", reserve=NOTHING_RESERVED)
        if step.status != "running":
            self._count({"steps": 1})
            self._steps.append(step)

    def lose(self, row: Any, at: datetime) -> None:
        """A stored step that runs will be ended by nobody."""
        self._step_event(row, at, status="lost")
        kept = {name: getattr(row, name) for name in _CHANGING}
        self._finish(row.span_id, kept | {"status": "lost", "ended_at": at})
        self._count({name: -getattr(row, name) for name in _UNRESERVED})

    def lose_begun(self, at: datetime) -> None:
        """The same, of the steps that begin here and do not end."""
        for span, row in self._begun.items():
            if row["status"] == "running" and span not in self._ended:
                self.lose(SimpleNamespace(**row), at)

    def output(self, span: str, text: str | None) -> None:
        """What came out of a step."""
        if text is not None:
            self._outputs.append({"run_id": self.run_id, "span_id": span, "output": text})

    def has_ended(self, span: str) -> bool:
        """Whether the end of this step is among them."""
        return span in self._ended

    async def write(
        self, connection: Transaction, *, lease: Lease | None = None, only_if: Sequence[str] = ()
    ) -> Any | None:
        """Write all of it, or nothing where the lease is lost, or a condition does not hold.

        Returns:
            What `rows.bump_by` does.
        """
        row = await bump_by(
            connection,
            self.run_id,
            len(self._events),
            lease=lease,
            only_if=only_if,
            add={name: amount for name, amount in sorted(self._add.items()) if amount},
            change=self._change,
        )
        if row is not None:
            await self.write_rows(connection, after=row.last_seq - len(self._events))
            self.written = True
        return row

    async def write_rows(self, connection: Transaction, *, after: int = 0) -> None:
        """Write all but the run's own row. The events get the numbers that follow on `after`."""

        def numbered(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
            return [row | {"seq": row["seq"] + after} for row in rows] if after else list(rows)

        span = ("run_id", "span_id")
        await upsert_rows(connection, StepRow, numbered(list(self._begun.values())), on=span)
        if self._ended:
            await connection.execute(end_steps(), numbered(list(self._ended.values())))
        await upsert_rows(connection, StepIoRow, self._inputs, on=span)
        await upsert_rows(connection, StepIoRow, self._outputs, on=span)
        await insert_rows(connection, EventRow, numbered(self._events))

    def committed(self) -> None:
        """The transaction has ended: send the ended steps on, if they were written."""
        for step in self._steps if self.written else ():
            self._on_step(step)

    def _step_event(self, step: Any, at: datetime, *, status: str | None = None) -> None:
        """Of a step, or of its row."""
        shown = {"span_id": step.span_id, "kind": step.kind, "name": step.name, "status": status or step.status}
        self.event("step", shown, at)

    def _insert(self, step: Step, *, lease: str | None, input_hash: str, reserve: Reservation) -> None:
        reserved = {f"reserved_{name}": amount for name, amount in reserve}
        fenced = {"run_id": self.run_id, "seq": len(self._events), "lease": lease, "input_hash": input_hash}
        self._begun[step.span_id] = _columns_of(step) | reserved | fenced
        if step.input is not None or step.output is not None:
            io = {"run_id": self.run_id, "span_id": step.span_id, "input": step.input, "output": step.output}
            self._inputs.append(io)

    def _finish(self, span: str, columns: dict[str, Any]) -> None:
        place = {"of_run": self.run_id, "of_span": span, "seq": len(self._events)}
        self._ended[span] = columns | _UNRESERVED | place

    def _count(self, amounts: dict[str, Any]) -> None:
        for name, amount in amounts.items():
            self._add[name] = self._add.get(name, 0) + amount


async def running_steps(connection: Transaction, run_id: str, *, lease: str | None = None) -> list[Any]:
    """The stored steps that run, of one message's lease or of the whole run; the run's own is none of them."""
    rows = await connection.execute(_running(), {"of_run": run_id})
    return [row for row in rows if lease is None or row.lease == lease]


@cache
def _running() -> Select[Any]:
    steps = cast("CoreTable", StepRow.__table__)
    names = ("span_id", "kind", "name", "lease", *_CHANGING, *_UNRESERVED)
    of_run = (steps.c.run_id == bindparam("of_run"), steps.c.status == "running", steps.c.kind != "run")
    return select(*(steps.c[name] for name in names)).where(*of_run)


def _columns_of(step: Step) -> dict[str, Any]:
    """A step as its row has it."""
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
        **dict(step.usage),
    }


@cache
def end_steps() -> Update:
    """Changes the columns that are given of the step `of_span` in the run `of_run`."""
    steps = cast("CoreTable", StepRow.__table__)
    return update(steps).where(steps.c.run_id == bindparam("of_run"), steps.c.span_id == bindparam("of_span"))


_CHANGING = ("status", "ended_at", "model", "cost_usd", "attributes", "error", *Usage.model_fields)
"""What the end of a step makes anew."""
_UNRESERVED: dict[str, Any] = {f"reserved_{name}": amount for name, amount in NOTHING_RESERVED}
