"""What a chat request writes: few transactions, each whole; and what it is told without reading is what is stored."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.event import listen, remove

from agents.context import Reservation
from agents.errors import BudgetExceeded, MalformedOutput, Unavailable
from agents.model import ModelRequest
from agents.records import Budget, MathCheck, Step, Task
from services.bootstrap import Parts
from services.door import Asker
from services.records import Run
from services.store import runs
from services.store.database import Database
from services.store.journal import BriefJournal, SqlJournal
from services.store.leases import Lease
from services.store.tables import RunRow
from services.store.transaction import Transaction
from tests.builders import a_task
from tests.fakes import ScriptedModel
from tests.integration.house import a_house
from tests.integration.store_fixtures import LEASE, ONE_CALL, a_step, database, now, one_database

__all__ = ["database", "one_database"]

QUESTION = "Explain in one sentence why the sky is blue"


async def answered(parts: Parts, task: Task) -> Run:
    lease, begun = await parts.door.begin_unheard(task, asker=Asker(), gateway=parts.name)
    run = await parts.runner.climb(lease, accepted=begun)
    assert run is not None
    return run


async def fresh_lease(database: Database, task: Task | None = None) -> Lease:
    """A run that this process has accepted, and works on itself."""
    entry: dict[str, Any] = {"origin": "chat", "now": now(), "deadline": LEASE, "gateway": ("here", LEASE)}
    written = await database.at_once(lambda connection: runs.accept(connection, task or a_task(), **entry))
    assert written.lease is not None
    return written.lease


def fresh_journal(database: Database, lease: Lease) -> SqlJournal:
    return SqlJournal(database, lease, clock=now, announce=lambda _: None, on_step=lambda _: None, fresh=True)


def ended(step: Step) -> Step:
    changes = {"status": "ok", "ended_at": now(), "output": "hi", "cost_usd": Decimal("0.001")}
    return step.model_copy(update=changes)


async def statuses(database: Database, run_id: str) -> dict[str, str]:
    """Of the stored steps, by their keys."""
    async with database.read() as connection:
        return {step.key: step.status for _, step in await runs.spans(connection, run_id, since=0)}


async def set_aside(database: Database, run_id: str) -> tuple[int, int]:
    """Tokens and calls that are reserved in a run's budget."""
    query = select(RunRow.reserved_tokens, RunRow.reserved_model_calls).where(RunRow.id == run_id)
    async with database.read() as connection:
        return tuple((await connection.execute(query)).one())


@contextmanager
def counted(database: Database) -> Generator[dict[str, int]]:
    """Counts what the database is asked for."""
    seen = {"transactions": 0, "statements": 0}

    def begin(_: object) -> None:
        seen["transactions"] += 1

    def execute(*event: Any) -> None:
        seen["statements"] += not event[2].startswith("BEGIN")

    listen(database.engine, "begin", begin)
    listen(database.engine, "before_cursor_execute", execute)
    yield seen
    remove(database.engine, "begin", begin)
    remove(database.engine, "before_cursor_execute", execute)


async def test_a_chat_that_asks_one_model_once_takes_three_transactions(database: Database, redis_url: str) -> None:
    async with a_house(database, redis_url, ScriptedModel("small", says=["Light scatters."] * 2)) as parts:
        await answered(parts, a_task(QUESTION))  # a process has looked then what was learned
        with counted(database) as seen:
            await answered(parts, a_task(QUESTION))
    assert seen["transactions"] == 3
    assert seen["statements"] <= (16 if database.sqlite else 20)  # PostgreSQL locks rows by statements of their own


SITUATIONS = {
    "answered": a_task(QUESTION),
    "computed": a_task("What is 17% of 3,482?"),
    "refused, then answered": a_task("Which number do I think of?", checks=(MathCheck(reference="42"),)),
    "out of budget": a_task(QUESTION, budget=Budget(max_model_calls=0)),
    "sampled": a_task("How many sheep are 26 and 16?", method="self_consistency", samples=2, model="small"),
}


@pytest.mark.parametrize("situation", SITUATIONS)
async def test_what_the_climb_tells_is_what_is_stored(database: Database, redis_url: str, situation: str) -> None:
    small = ScriptedModel("small", says=lambda _: "The answer is 41.")
    large = ScriptedModel("large", says=lambda _: "The answer is 42.")
    async with a_house(database, redis_url, small, large) as parts:
        run = await answered(parts, SITUATIONS[situation])
        stored = await parts.load_run(run.id)
    assert run.attempts
    assert run == stored


@pytest.mark.parametrize("error", [Unavailable("small is down"), MalformedOutput("it broke off"), ZeroDivisionError()])
async def test_what_a_failure_leaves_is_whole(one_database: Database, redis_url: str, error: Exception) -> None:
    class Failing(ScriptedModel):
        async def stream(self, request: ModelRequest):
            raise error
            yield

    async with a_house(one_database, redis_url, Failing("small")) as parts:
        lease, begun = await parts.door.begin_unheard(a_task(QUESTION), asker=Asker(), gateway=parts.name)
        if isinstance(error, ZeroDivisionError):
            with pytest.raises(ZeroDivisionError):
                await parts.runner.climb(lease, accepted=begun)
        else:
            assert await parts.runner.climb(lease, accepted=begun) == await parts.load_run(lease.run_id)
        run = await parts.load_run(lease.run_id)
        steps = await statuses(one_database, run.id)
        reserved = await set_aside(one_database, run.id)
    assert run.status == "failed"
    assert {"run", "route", "1", "1.model.0"} == set(steps)
    assert "running" not in steps.values()
    assert reserved == (0, 0)


async def test_a_closed_door_leaves_no_step_open_and_nothing_set_aside(one_database: Database, redis_url: str) -> None:
    asked = asyncio.Event()

    class Endless(ScriptedModel):
        async def stream(self, request: ModelRequest):
            asked.set()
            await asyncio.sleep(60)
            async for event in super().stream(request):
                yield event

    async with a_house(one_database, redis_url, Endless("small")) as parts:
        lease, begun = await parts.door.begin(a_task(QUESTION), asker=Asker(), gateway=parts.name)
        climbing = asyncio.create_task(parts.runner.climb(lease, accepted=begun))
        await asyncio.wait_for(asked.wait(), 10)
        climbing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await climbing
        run = await parts.load_run(lease.run_id)
        steps = await statuses(one_database, run.id)
        reserved = await set_aside(one_database, run.id)
    assert run.status == "cancelled"
    assert (steps["1.model.0"], steps["1"]) == ("lost", "lost")
    assert reserved == (0, 0)


async def test_a_step_that_is_held_is_written_by_the_next_write_in_its_order(database: Database) -> None:
    lease = await fresh_lease(database)
    journal = fresh_journal(database, lease)
    brief = BriefJournal(journal)
    attempt = await brief.open(a_step(lease.run_id, "1").model_copy(update={"attempt": 1}), reserve=Reservation())
    call = await brief.open(a_step(lease.run_id), reserve=ONE_CALL)
    assert await statuses(database, lease.run_id) == {"run": "running", "1": "running", "1.model.0": "running"}
    await brief.close(ended(call))
    await brief.close(ended(attempt))
    assert (await statuses(database, lease.run_id))["1.model.0"] == "running"
    other = await brief.open(a_step(lease.run_id, "2.model.0"), reserve=ONE_CALL)
    assert (await statuses(database, lease.run_id))["1.model.0"] == "ok"
    await brief.close(ended(other))
    await journal.flush()
    async with database.read() as connection:
        events = [row.seq for row in await runs.events(connection, lease.run_id, since=0)]
        row = (await connection.execute(select(RunRow.steps, RunRow.reserved_tokens, RunRow.cost_usd))).one()
    assert events == list(range(1, 8))
    assert tuple(row) == (3, 0, Decimal("0.003"))


async def test_the_spend_of_a_held_call_counts_before_the_next_may_begin(database: Database) -> None:
    lease = await fresh_lease(database, a_task(budget=Budget(max_usd=Decimal("0.001"))))
    journal = fresh_journal(database, lease)
    priced = ONE_CALL.model_copy(update={"usd": Decimal("0.0001")})
    call = await journal.open(a_step(lease.run_id), reserve=priced)
    await BriefJournal(journal).close(ended(call))
    with pytest.raises(BudgetExceeded, match="max_usd"):
        await journal.open(a_step(lease.run_id, "1.model.1"), reserve=priced)
    assert (await statuses(database, lease.run_id))["1.model.0"] == "ok"


async def test_what_is_held_under_a_stale_lease_is_not_written(database: Database) -> None:
    lease = await fresh_lease(database)
    journal = fresh_journal(database, lease)
    call = await journal.open(a_step(lease.run_id), reserve=ONE_CALL)
    await BriefJournal(journal).close(ended(call))
    async with database.write() as connection:
        assert await runs.end(connection, lease.run_id, status="failed", now=now(), lease=None)
        held = journal.take()
        ending = runs.Ending("succeeded")
        assert await runs.end_with(connection, held, ending, now=now(), lease=lease) is None
    assert (await statuses(database, lease.run_id))["1.model.0"] == "lost"


async def test_a_transaction_at_once_is_undone_by_what_it_raises(database: Database) -> None:
    told: list[str] = []

    async def work(connection: Transaction) -> None:
        await runs.accept(connection, a_task(), origin="api", now=now(), deadline=LEASE)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.at_once(work, then=lambda: told.append("committed"))
    async with database.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(RunRow))).scalar_one() == 0
    assert told == []


async def test_a_transaction_at_once_waits_for_nothing_but_its_statements(database: Database) -> None:
    async def work(connection: Transaction) -> None:
        await runs.accept(connection, a_task(), origin="api", now=now(), deadline=LEASE)
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="its own statements only"):
        await database.at_once(work)
    async with database.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(RunRow))).scalar_one() == 0


async def test_who_is_cancelled_in_a_commit_still_hears_that_it_was_made(database: Database) -> None:
    told: list[str] = []

    async def work(connection: Transaction) -> None:
        await runs.accept(connection, a_task(), origin="api", now=now(), deadline=LEASE)

    writing = asyncio.create_task(database.at_once(work, then=lambda: told.append("committed")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    async with database.read() as connection:
        kept = (await connection.execute(select(func.count()).select_from(RunRow))).scalar_one()
    assert len(told) == kept


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_only_what_nobody_was_told_of_is_not_flushed(database: Database) -> None:
    """The levels are SQLite's: 1 leaves the flush to a later commit, 2 flushes this one."""

    async def level(connection: Transaction) -> int:
        return await connection.run(lambda one: one.exec_driver_sql("PRAGMA synchronous").scalar_one())

    async def seen() -> list[int]:
        async with database.write() as connection:
            told = await level(connection)
        return [await database.at_once_unflushed(level), await database.at_once(level), told]

    assert await seen() == [1, 2, 2]
    assert await seen() == [1, 2, 2]
