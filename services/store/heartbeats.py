"""The processes that live: each says so every few seconds, and readiness reads it."""

from sqlalchemy import delete, select

from services.store.columns import database_now
from services.store.rows import upsert
from services.store.tables import HeartbeatRow
from services.store.transaction import Transaction

EVERY_SECONDS = 3.0
FRESH_SECONDS = 10.0
"""A process that is silent for longer is taken for gone."""
FORGET_SECONDS = 3600.0


async def beat(connection: Transaction, name: str, kind: str) -> None:
    """Say that the process lives."""
    await upsert(connection, HeartbeatRow, on=("name",), name=name, kind=kind, beat_at=database_now())


async def alive(connection: Transaction) -> dict[str, int]:
    """How many processes of each kind live."""
    rows = await connection.execute(
        select(HeartbeatRow.kind).where(HeartbeatRow.beat_at > database_now() - FRESH_SECONDS)
    )
    kinds = list(rows.scalars())
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


async def forget_silent(connection: Transaction) -> None:
    """Delete the rows of processes that are long gone."""
    await connection.execute(delete(HeartbeatRow).where(HeartbeatRow.beat_at < database_now() - FORGET_SECONDS))


async def goodbye(connection: Transaction, name: str) -> None:
    """Say that the process ends."""
    await connection.execute(delete(HeartbeatRow).where(HeartbeatRow.name == name))
