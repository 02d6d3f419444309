"""The tick over a real database: each due time ends in one outcome, however often and late one looks."""

import asyncio
from datetime import datetime, timedelta

from agents.records import Json
from services.records import Schedule, Slot
from services.schedule.due import first_due
from services.store import schedules
from services.store.database import Database
from services.tracing import parse_traceparent
from tests.integration.house import a_house, a_worker, ended
from tests.integration.store_fixtures import now, one_database

__all__ = ["one_database"]

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TWICE_TWO: Json = {"messages": [{"role": "user", "content": "What is 2 + 2?"}]}


async def added(database: Database, *, every: float, made: datetime, task: Json = TWICE_TWO) -> None:
    """A schedule `s1` that was made at some time."""
    schedule = Schedule(id="s1", name="a schedule", every=every, task=task, created_at=made)
    async with database.write() as connection:
        await schedules.add(connection, schedule.model_copy(update={"next_due_at": first_due(schedule)}))


async def slots(database: Database) -> list[Slot]:
    async with database.read() as connection:
        return await schedules.slots(connection, "s1")


async def test_a_due_schedule_starts_one_run_in_the_trace_of_its_tick(one_database: Database, redis_url: str) -> None:
    async with a_house(one_database, redis_url) as parts:
        await added(one_database, every=4, made=now() - timedelta(seconds=5))
        started = await asyncio.gather(*(parts.tick.run(parse_traceparent(CALLER)) for _ in range(3)))
        [slot] = await slots(one_database)
        assert slot.run_id is not None
        async with a_worker(parts):
            run = await ended(parts, slot.run_id)
    [slot] = await slots(one_database)
    assert sum(started) == 1
    assert (slot.outcome, run.status, run.origin) == ("ran", "succeeded", "schedule")
    assert run.trace_id == "0af7651916cd43dd8448eb211c80319c"


async def test_due_times_that_passed_are_missed_and_the_last_is_made_up_for(
    one_database: Database, redis_url: str
) -> None:
    made = now() - timedelta(hours=4, minutes=30)
    async with a_house(one_database, redis_url) as parts:
        await added(one_database, every=3600, made=made)
        assert await parts.tick.run(None) == 1
        assert await parts.tick.run(None) == 0
    async with one_database.read() as connection:
        after = await schedules.load(connection, "s1")
    assert [slot.outcome for slot in await slots(one_database)] == ["pending", "missed", "missed", "missed"]
    assert after.next_due_at == made + timedelta(hours=5)


async def test_a_schedule_whose_task_cannot_start_leaves_a_failed_slot(one_database: Database, redis_url: str) -> None:
    async with a_house(one_database, redis_url) as parts:
        await added(one_database, every=4, made=now() - timedelta(seconds=5), task={"team": "gone"})
        assert await parts.tick.run(None) == 0
    [slot] = await slots(one_database)
    assert slot.outcome == "failed"
    assert "no team 'gone'" in slot.reason
