"""The few statements that all repositories share: count a run's change, note it as an event, insert once."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    ClauseElement,
    ColumnElement,
    Executable,
    Insert,
    bindparam,
    exists,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy import Table as CoreTable
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from agents.records import Json, Usage
from services.records import END_STATUSES
from services.store.leases import Lease
from services.store.tables import EventRow, MessageRow, RunRow, Table
from services.store.transaction import Transaction

LIVE = "live"
UNCANCELLED = "uncancelled"
UNPAUSED = "unpaused"

_RUNS = RunRow.__table__.c
_LEASE = MessageRow.__table__.c
CONDITIONS: dict[str, ColumnElement[bool]] = {
    LIVE: _RUNS.status.notin_(END_STATUSES),
    UNCANCELLED: _RUNS.cancel_requested.is_(False),
    UNPAUSED: _RUNS.paused.is_(False),
    "tokens": _RUNS.max_tokens_total.is_(None)
    | (_RUNS.input_tokens + _RUNS.output_tokens + _RUNS.reserved_tokens < _RUNS.max_tokens_total),
    "usd": _RUNS.max_usd.is_(None) | (_RUNS.cost_usd + _RUNS.reserved_usd < _RUNS.max_usd),
    "model_calls": _RUNS.max_model_calls.is_(None)
    | (_RUNS.model_calls + _RUNS.reserved_model_calls < _RUNS.max_model_calls),
    "tool_calls": _RUNS.max_tool_calls.is_(None)
    | (_RUNS.tool_calls + _RUNS.reserved_tool_calls < _RUNS.max_tool_calls),
}
"""What can be asked of a run before it is changed. Those of the budget: something is left of this limit.

The size of what comes next does not count, or a careful upper estimate would forbid the last call that still fits; so
a limit may be passed by one call.
"""

TOLD = ("last_seq", "origin", "rung", "paused", "steps", "cost_usd", *Usage.model_fields)
"""What a change of a run tells of it."""


async def bump(
    connection: Transaction,
    run_id: str,
    *,
    only_if: Sequence[str] = (),
    lease: Lease | None = None,
    add: Mapping[str, Any] | None = None,
    change: Mapping[str, Any] | None = None,
) -> int | None:
    """Raise a run's `last_seq` by one: as `bump_by`, of which it gives the new number."""
    row = await bump_by(connection, run_id, 1, only_if=only_if, lease=lease, add=add, change=change)
    return row.last_seq if row else None


async def bump_by(
    connection: Transaction,
    run_id: str,
    number: int,
    *,
    only_if: Sequence[str] = (),
    lease: Lease | None = None,
    add: Mapping[str, Any] | None = None,
    change: Mapping[str, Any] | None = None,
) -> Any | None:
    """Raise a run's `last_seq`, and change the run with it.

    The run's row stays locked until the transaction ends, so numbers are committed in their order.

    Args:
        connection: the transaction.
        run_id: the run.
        number: of changes.
        only_if: names of `CONDITIONS` that have to hold.
        lease: has to be the last one of its message.
        add: what is added to the columns of these names.
        change: what the columns of these names are set to.

    Returns:
        The columns of `TOLD` as they are now; None where a condition does not hold, or there is no such run.
    """
    if lease and connection.dialect == "postgresql":
        # Else a lease that is taken away while this waits for the run's row would still look like ours.
        await connection.execute(select(MessageRow.id).where(lease.held()).with_for_update())
    add, change = add or {}, change or {}
    statement = _bump(tuple(only_if), lease is not None, tuple(add), tuple(change))
    given = {"of_run": run_id, "by": number} | {f"add_{name}": value for name, value in add.items()}
    given |= {f"set_{name}": value for name, value in change.items()}
    if lease:
        given |= {"of_message": lease.message_id, "of_owner": lease.owner, "of_epoch": lease.epoch}
    return (await connection.execute(statement, given)).one_or_none()


@cache
def _bump(only_if: tuple[str, ...], fenced: bool, added: tuple[str, ...], changed: tuple[str, ...]) -> Executable:
    """The statement of a bump: made once for each shape, as making it costs ten times what carrying it out does."""
    conditions = [CONDITIONS[name] for name in only_if]
    if fenced:
        conditions.append(
            exists().where(
                _LEASE.id == bindparam("of_message"),
                _LEASE.state == "leased",
                _LEASE.lease_owner == bindparam("of_owner"),
                _LEASE.lease_epoch == bindparam("of_epoch"),
            )
        )
    values: dict[str, Any] = {"last_seq": _RUNS.last_seq + bindparam("by", type_=_RUNS.last_seq.type)}
    values |= {name: _RUNS[name] + bindparam(f"add_{name}", type_=_RUNS[name].type) for name in added}
    values |= {name: bindparam(f"set_{name}", type_=_RUNS[name].type) for name in changed}
    where = (_RUNS.id == bindparam("of_run"), *conditions)
    return update(_core(RunRow)).where(*where).values(values).returning(*(_RUNS[name] for name in TOLD))


async def add_event(connection: Transaction, run_id: str, seq: int, kind: str, data: Json, at: datetime) -> None:
    """Note what happened under this number."""
    await insert_row(connection, EventRow, **event_row(run_id, seq, kind, data, at))


def event_row(run_id: str, seq: int, kind: str, data: Json, at: datetime) -> dict[str, Any]:
    """An event as its row has it."""
    return {"run_id": run_id, "seq": seq, "type": kind, "data": json.dumps(data, ensure_ascii=False), "at": at}


async def insert_row(connection: Transaction, table: type[Table], **values: Any) -> None:
    """Insert a row."""
    await _carry_out(connection, _insert(table), values)


async def insert_ignoring(connection: Transaction, table: type[Table], **values: Any) -> bool:
    """Insert a row unless its key is there already; True if it was inserted."""
    return (await connection.execute(_insert_ignoring(table, connection.dialect), values)).first() is not None


async def upsert(connection: Transaction, table: type[Table], *, on: tuple[str, ...], **values: Any) -> None:
    """Insert a row, or give the one with these columns alike the new values."""
    await _carry_out(connection, _upsert(table, connection.dialect, on, tuple(values)), values)


async def insert_rows(connection: Transaction, table: type[Table], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that have the same columns."""
    if rows:
        await connection.execute(_insert(table), rows)


async def upsert_rows(
    connection: Transaction, table: type[Table], rows: Sequence[Mapping[str, Any]], *, on: tuple[str, ...]
) -> None:
    """As `upsert`, of rows that have the same columns."""
    if rows:
        await connection.execute(_upsert(table, connection.dialect, on, tuple(rows[0])), rows)


async def _carry_out(connection: Transaction, statement: Insert, values: dict[str, Any]) -> None:
    """Plain values travel apart from the statement, which is then the same every time; SQL's own are part of it."""
    computed = {name: value for name, value in values.items() if isinstance(value, ClauseElement)}
    plain = {name: value for name, value in values.items() if name not in computed}
    await connection.execute(statement.values(**computed) if computed else statement, plain)


def _core(table: type[Table]) -> CoreTable:
    return cast("CoreTable", table.__table__)  # declared as something wider


@cache
def _insert(table: type[Table]) -> Insert:
    return insert(_core(table))


@cache
def _insert_ignoring(table: type[Table], dialect: str) -> Executable:
    make = sqlite_insert if dialect == "sqlite" else postgresql_insert
    # What comes back tells an insertion; the count of changed rows does not, with every driver.
    return make(_core(table)).on_conflict_do_nothing().returning(literal(1))


@cache
def _upsert(table: type[Table], dialect: str, on: tuple[str, ...], names: tuple[str, ...]) -> Insert:
    make = sqlite_insert if dialect == "sqlite" else postgresql_insert
    statement = make(_core(table))
    changed = {name: statement.excluded[name] for name in names if name not in on}
    return statement.on_conflict_do_update(index_elements=list(on), set_=changed)
