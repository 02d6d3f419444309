"""The few statements that all repositories share: count a run's change, note it as an event, insert once."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, insert, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.errors import NotFound
from agents.records import Json
from services.store.tables import EventRow, RunRow, Table


async def bump_if(
    connection: AsyncConnection, run_id: str, *conditions: ColumnElement[bool], **values: Any
) -> int | None:
    """Raise a run's `last_seq` and set the values, if the conditions hold; gives the new number.

    The run's row stays locked until the transaction ends, so numbers are committed in their order.
    """
    result = await connection.execute(
        update(RunRow)
        .where(RunRow.id == run_id, *conditions)
        .values(last_seq=RunRow.last_seq + 1, **values)
        .returning(RunRow.last_seq)
    )
    return result.scalar_one_or_none()


async def bump(connection: AsyncConnection, run_id: str, **values: Any) -> int:
    """As `bump_if`, without a condition. Raises `NotFound` where there is no such run."""
    seq = await bump_if(connection, run_id, **values)
    if seq is None:
        raise NotFound(f"there is no run '{run_id}'", param="id", code="run_not_found")
    return seq


async def add_event(connection: AsyncConnection, run_id: str, seq: int, kind: str, data: Json, at: datetime) -> None:
    """Note what happened under this number."""
    await connection.execute(
        insert(EventRow).values(run_id=run_id, seq=seq, type=kind, data=json.dumps(data, ensure_ascii=False), at=at)
    )


async def insert_ignoring(connection: AsyncConnection, table: type[Table], **values: Any) -> bool:
    """Insert a row unless its key is there already; True if it was inserted."""
    make = sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert
    result = await connection.execute(make(table).values(**values).on_conflict_do_nothing())
    return result.rowcount == 1


async def upsert(connection: AsyncConnection, table: type[Table], *, on: tuple[str, ...], **values: Any) -> None:
    """Insert a row, or give the one with these columns alike the new values."""
    make = sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert
    statement = make(table).values(**values)
    changed = {name: statement.excluded[name] for name in values if name not in on}
    await connection.execute(statement.on_conflict_do_update(index_elements=list(on), set_=changed))
