"""What the router has learned, in SQL: each version one row, of which the newest counts."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select

from services.store.rows import insert_ignoring
from services.store.tables import RouterStateRow
from services.store.transaction import Transaction

KEPT = 10
"""Versions that are kept, to look back at."""


async def newest(connection: Transaction, *, after: int = 0) -> Any | None:
    """The newest version, if it is newer than this one."""
    query = select(RouterStateRow).where(RouterStateRow.version > after)
    return (await connection.execute(query.order_by(RouterStateRow.version.desc()).limit(1))).first()


async def add(
    connection: Transaction, version: int, *, learned: str, outcomes: int, newest_at: datetime | None, at: datetime
) -> bool:
    """Add a version, and forget the oldest; False if another process was quicker."""
    values = {"learned": learned, "outcomes": outcomes, "newest_at": newest_at, "at": at}
    await connection.execute(delete(RouterStateRow).where(RouterStateRow.version <= version - KEPT))
    return await insert_ignoring(connection, RouterStateRow, version=version, **values)
