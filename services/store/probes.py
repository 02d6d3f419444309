"""Measurements of what efforts do, in SQL: the last of each model."""

import json
from datetime import datetime, timedelta

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import or_, select, update

from services.models.probe import Measured, Probed
from services.store.rows import insert_ignoring, upsert
from services.store.tables import ProbeRow
from services.store.transaction import Transaction

CLAIM = timedelta(hours=1)
"""For so long nobody else measures what somebody has begun to measure, or has failed to."""
_ROWS = TypeAdapter(tuple[Probed, ...])


async def all_of(connection: Transaction) -> dict[str, Measured]:
    """The last measurement of each model; one that this version of the product cannot read is left out."""
    found: dict[str, Measured] = {}
    for row in await connection.execute(select(ProbeRow).where(ProbeRow.rows.is_not(None))):
        try:
            rows = _ROWS.validate_json(row.rows)
        except ValidationError:
            continue
        found[row.model] = Measured(settings=row.settings, at=row.at, rows=rows)
    return found


async def save(connection: Transaction, model: str, measured: Measured) -> None:
    """Keep a measurement in place of the one before."""
    rows = json.dumps([row.model_dump(mode="json") for row in measured.rows])
    await upsert(
        connection,
        ProbeRow,
        on=("model",),
        model=model,
        settings=measured.settings,
        rows=rows,
        at=measured.at,
        claimed_at=None,
    )


async def claim(connection: Transaction, model: str, *, settings: str, older_than: datetime, now: datetime) -> bool:
    """Take it upon oneself to measure a model, if its last measurement is too old, or of something else.

    Args:
        settings: what would be measured.
        older_than: a measurement from then or earlier is too old.
        now: the time.

    Returns:
        False where it is not due, or another process is at it.
    """
    if await insert_ignoring(connection, ProbeRow, model=model, settings=settings, claimed_at=now):
        return True
    due = or_(ProbeRow.at.is_(None), ProbeRow.at <= older_than, ProbeRow.settings != settings)
    free = or_(ProbeRow.claimed_at.is_(None), ProbeRow.claimed_at <= now - CLAIM)
    taken = update(ProbeRow).where(ProbeRow.model == model, due, free).values(claimed_at=now)
    return (await connection.execute(taken.returning(ProbeRow.model))).first() is not None
