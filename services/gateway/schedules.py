"""`/api/schedules`: tasks that run again by the clock."""

from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from agents.records import Json
from services.gateway.asking import asker, parts_of
from services.records import Schedule
from services.requests import task_of
from services.schedule.due import first_due, next_due, validate
from services.store import schedules
from services.store.runs import new_id, title_of

router = APIRouter(prefix="/api/schedules", tags=["schedules"])


class ScheduleRequest(BaseModel):
    """A new schedule: exactly one of `every`, `cron` and `at`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str | None = Field(default=None, min_length=1, max_length=120)
    every: float | None = None
    cron: str | None = None
    at: datetime | None = None
    timezone: str = "UTC"
    misfire: Literal["run_once", "run_all", "skip"] = "run_once"
    concurrency: Literal["skip", "allow"] = "skip"
    task: Json


class ScheduleChange(BaseModel):
    """What may be changed of a schedule."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    paused: bool | None = None
    name: str | None = Field(default=None, min_length=1, max_length=120)


@router.get("")
async def listing(request: Request) -> dict[str, Any]:
    """All schedules."""
    async with parts_of(request).database.read() as connection:
        found = await schedules.listing(connection)
    return {"schedules": [shown(one) for one in found]}


@router.post("", status_code=201)
async def add(body: ScheduleRequest, request: Request) -> dict[str, Any]:
    """Make a schedule. Its task is looked over now, so that it does not fail at night."""
    parts = parts_of(request)
    task = task_of(body.task)
    await parts.door.look_over(task, asker=asker(request))
    made = {"id": new_id(), "created_at": parts.world.clock(), "owner": asker(request).owner}
    schedule = Schedule.model_validate(body.model_dump() | made | {"name": body.name or title_of(task)})
    validate(schedule)
    schedule = schedule.model_copy(update={"next_due_at": first_due(schedule)})
    async with parts.database.write() as connection:
        await schedules.add(connection, schedule)
    return shown(schedule)


@router.patch("/{schedule_id}")
async def change(schedule_id: str, body: ScheduleChange, request: Request) -> dict[str, Any]:
    """Pause a schedule, let it go on, or rename it. What was due during the pause is not made up for."""
    parts = parts_of(request)
    async with parts.database.write() as connection:
        schedule = await schedules.load(connection, schedule_id)
        changes: dict[str, Any] = body.model_dump(exclude_none=True)
        if schedule.paused and body.paused is False and schedule.at is None:
            changes["next_due_at"] = next_due(schedule, parts.world.clock())
        await schedules.change(connection, schedule.id, changes)
        schedule = await schedules.load(connection, schedule.id)
    return shown(schedule)


@router.delete("/{schedule_id}", status_code=204)
async def delete(schedule_id: str, request: Request) -> None:
    """Delete a schedule; the runs it made stay."""
    async with parts_of(request).database.write() as connection:
        schedule = await schedules.load(connection, schedule_id)
        await schedules.remove(connection, schedule.id)


@router.get("/{schedule_id}/slots")
async def slots(schedule_id: str, request: Request) -> dict[str, Any]:
    """The due times that have come, newest first, each with its outcome."""
    async with parts_of(request).database.read() as connection:
        schedule = await schedules.load(connection, schedule_id)
        found = await schedules.slots(connection, schedule.id)
    return {"slots": [slot.model_dump(mode="json") for slot in found]}


def shown(schedule: Schedule) -> dict[str, Any]:
    """A schedule as the API gives it."""
    return schedule.model_dump(mode="json", exclude={"owner"})
