"""Schedules and their slots in SQL: a slot is one row for one due time, so nothing can fire it twice."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update

from agents.errors import NotFound
from agents.records import Json
from services.records import END_STATUSES, Schedule, Slot
from services.store.rows import insert_ignoring, insert_row
from services.store.tables import RunRow, ScheduleRow, SlotRow
from services.store.transaction import Transaction


async def add(connection: Transaction, schedule: Schedule) -> None:
    """Insert a schedule."""
    await insert_row(connection, ScheduleRow, **_values(schedule))


async def change(connection: Transaction, schedule_id: str, changes: Json) -> None:
    """Give a schedule's columns of these names these values."""
    if changes:
        await connection.execute(update(ScheduleRow).where(ScheduleRow.id == schedule_id).values(**changes))


async def move_on(connection: Transaction, schedule: Schedule, following: datetime | None) -> None:
    """Set the next due time, unless somebody has changed it meanwhile."""
    await connection.execute(
        update(ScheduleRow)
        .where(ScheduleRow.id == schedule.id, ScheduleRow.next_due_at == schedule.next_due_at)
        .values(next_due_at=following)
    )


async def load(connection: Transaction, schedule_id: str) -> Schedule:
    """The schedule of this id or name. Raises `NotFound`."""
    query = select(ScheduleRow).where((ScheduleRow.id == schedule_id) | (ScheduleRow.name == schedule_id))
    row = (await connection.execute(query.order_by(ScheduleRow.created_at))).first()
    if row is None:
        message = f"there is no schedule '{schedule_id}'; GET /api/schedules lists them"
        raise NotFound(message, param="id", code="schedule_not_found")
    return _schedule(row)


async def listing(connection: Transaction) -> list[Schedule]:
    """All schedules, oldest first."""
    return [_schedule(row) for row in await connection.execute(select(ScheduleRow).order_by(ScheduleRow.created_at))]


async def remove(connection: Transaction, schedule_id: str) -> None:
    """Delete a schedule with its slots; the runs it made stay."""
    await connection.execute(delete(ScheduleRow).where(ScheduleRow.id == schedule_id))


async def due(connection: Transaction, now: datetime) -> list[Schedule]:
    """The schedules with a due time that has come."""
    rows = await connection.execute(
        select(ScheduleRow).where(ScheduleRow.paused.is_(False), ScheduleRow.next_due_at <= now)
    )
    return [_schedule(row) for row in rows]


async def take_slot(connection: Transaction, schedule_id: str, slot: Slot, now: datetime) -> bool:
    """Insert the row of a due time; False if another tick has it."""
    return await insert_ignoring(connection, SlotRow, schedule_id=schedule_id, decided_at=now, **slot.model_dump())


async def slots(connection: Transaction, schedule_id: str, limit: int = 200) -> list[Slot]:
    """The due times of a schedule that have come, newest first."""
    rows = await connection.execute(
        select(SlotRow).where(SlotRow.schedule_id == schedule_id).order_by(SlotRow.due_at.desc()).limit(limit)
    )
    return [Slot.model_validate({name: getattr(row, name) for name in Slot.model_fields}) for row in rows]


async def is_running(connection: Transaction, schedule_id: str) -> bool:
    """Whether a run that the schedule started has not ended."""
    query = (
        select(RunRow.id)
        .join(SlotRow, SlotRow.run_id == RunRow.id)
        .where(SlotRow.schedule_id == schedule_id, SlotRow.outcome == "pending", RunRow.status.notin_(END_STATUSES))
    )
    return (await connection.execute(query.limit(1))).first() is not None


def _values(schedule: Schedule) -> Json:
    return schedule.model_dump() | {"task": json.dumps(schedule.task, ensure_ascii=False)}


def _schedule(row: Any) -> Schedule:
    values = {name: getattr(row, name) for name in Schedule.model_fields}
    return Schedule.model_validate(values | {"task": json.loads(row.task)})
