"""The journal on real databases: steps done once, budgets kept, stale leases fenced off, one end for each run."""

import asyncio
from decimal import Decimal

import pytest
from sqlalchemy import func, select, update

from agents.context import Reservation
from agents.errors import BudgetExceeded, Cancelled, LeaseLost
from agents.records import Answer, Budget, Choice, Step, Usage
from services.store import leases, runs
from services.store.database import Database
from services.store.tables import EventRow, MessageRow, RunRow, StepRow
from tests.builders import a_task
from tests.integration.store_fixtures import LEASE, ONE_CALL, a_journal, a_step, accepted, database, leased, now

__all__ = ["database"]

USED = Usage(input_tokens=60, output_tokens=20, model_calls=1)


def ended(step: Step, *, output: str = "hi", cost: str = "0.001") -> Step:
    changes = {"status": "ok", "ended_at": now(), "output": output, "usage": USED, "cost_usd": Decimal(cost)}
    return step.model_copy(update=changes)


async def test_a_finished_step_is_given_back_and_not_done_again(database: Database) -> None:
    run_id = await accepted(database)
    journal = a_journal(database, await leased(database, run_id))
    step = await journal.open(a_step(run_id), reserve=ONE_CALL)
    assert step.status == "running"
    await journal.close(ended(step))
    again = await journal.open(a_step(run_id), reserve=ONE_CALL)
    assert (again.status, again.output, again.usage) == ("ok", "hi", USED)


async def test_a_step_with_another_input_is_another_step(database: Database) -> None:
    run_id = await accepted(database)
    journal = a_journal(database, await leased(database, run_id))
    await journal.close(ended(await journal.open(a_step(run_id), reserve=ONE_CALL)))
    other = await journal.open(a_step(run_id, text_in="goodbye"), reserve=ONE_CALL)
    assert other.status == "running"


async def test_what_a_run_spent_is_the_sum_over_its_steps(database: Database) -> None:
    run_id = await accepted(database)
    journal = a_journal(database, await leased(database, run_id))
    for number in range(3):
        step = await journal.open(a_step(run_id, f"1.model.{number}"), reserve=ONE_CALL)
        await journal.close(ended(step))
    async with database.read() as connection:
        run = await runs.load(connection, run_id)
        total = (await connection.execute(select(func.sum(StepRow.cost_usd)))).scalar_one()
        reserved = (await connection.execute(select(RunRow.reserved_tokens, RunRow.reserved_model_calls))).one()
    assert run.cost_usd == total == Decimal("0.003")
    assert run.usage == Usage(input_tokens=180, output_tokens=60, model_calls=3)
    assert tuple(reserved) == (0, 0)


async def test_sixteen_parallel_callers_pass_the_budget_by_at_most_one_call(database: Database) -> None:
    run_id = await accepted(database, a_task(budget=Budget(max_tokens_total=250, max_usd=Decimal("0.5"))))
    journal = a_journal(database, await leased(database, run_id))

    async def call(number: int) -> bool:
        try:
            step = await journal.open(a_step(run_id, f"1.model.{number}"), reserve=ONE_CALL)
        except BudgetExceeded:
            return False
        await asyncio.sleep(0.01)
        await journal.close(ended(step))
        return True

    made = await asyncio.gather(*(call(number) for number in range(16)))
    assert 1 <= sum(made) * USED.total_tokens <= 250 + ONE_CALL.tokens


async def test_model_calls_are_counted_exactly(database: Database) -> None:
    run_id = await accepted(database, a_task(budget=Budget(max_model_calls=2)))
    journal = a_journal(database, await leased(database, run_id))
    for number in range(2):
        await journal.close(ended(await journal.open(a_step(run_id, f"1.model.{number}"), reserve=ONE_CALL)))
    with pytest.raises(BudgetExceeded, match="max_model_calls=2") as refused:
        await journal.open(a_step(run_id, "1.model.2"), reserve=ONE_CALL)
    assert refused.value.limit == "max_model_calls"


async def test_a_free_call_needs_no_dollars(database: Database) -> None:
    run_id = await accepted(database, a_task(budget=Budget(max_usd=Decimal(0))))
    journal = a_journal(database, await leased(database, run_id))
    assert (await journal.open(a_step(run_id), reserve=ONE_CALL)).status == "running"
    with pytest.raises(BudgetExceeded, match="max_usd"):
        await journal.open(a_step(run_id, "1.model.1"), reserve=Reservation(usd=Decimal("0.1"), model_calls=1))


async def test_a_stale_lease_writes_nothing(database: Database) -> None:
    run_id = await accepted(database)
    old = await leased(database, run_id)
    journal = a_journal(database, old)
    step = await journal.open(a_step(run_id), reserve=ONE_CALL)
    async with database.write() as connection:
        await connection.execute(update(MessageRow).values(state="outbox"))
    await leased(database, run_id, owner="worker-2")
    with pytest.raises(LeaseLost):
        await journal.close(ended(step))
    with pytest.raises(LeaseLost):
        await journal.open(a_step(run_id, "1.model.1"), reserve=ONE_CALL)
    async with database.write() as connection:
        assert not await runs.end(connection, run_id, status="succeeded", now=now(), lease=old)
    async with database.read() as connection:
        run = await runs.load(connection, run_id)
    assert (run.status, run.usage) == ("running", Usage())


async def test_the_call_in_flight_at_a_crash_is_lost_and_its_reservation_freed(database: Database) -> None:
    run_id = await accepted(database)
    journal = a_journal(database, await leased(database, run_id))
    await journal.open(a_step(run_id), reserve=ONE_CALL)
    async with database.write() as connection:
        await connection.execute(update(MessageRow).values(state="outbox"))
    journal = a_journal(database, await leased(database, run_id, owner="worker-2"))
    async with database.read() as connection:
        [(_, step)] = [one for one in await runs.spans(connection, run_id, since=0) if one[1].kind == "model"]
        reserved = (await connection.execute(select(RunRow.reserved_tokens))).scalar_one()
    assert (step.status, reserved) == ("lost", 0)
    assert (await journal.open(a_step(run_id), reserve=ONE_CALL)).status == "running"


async def test_a_cancelled_run_begins_no_step(database: Database) -> None:
    run_id = await accepted(database)
    journal = a_journal(database, await leased(database, run_id))
    async with database.write() as connection:
        await runs.ask_cancel(connection, run_id, now())
    with pytest.raises(Cancelled):
        await journal.open(a_step(run_id), reserve=ONE_CALL)


async def test_a_paused_run_waits_and_then_goes_on(database: Database) -> None:
    run_id = await accepted(database)
    journal = a_journal(database, await leased(database, run_id))
    async with database.write() as connection:
        await runs.set_paused(connection, run_id, now(), paused=True)
    opening = asyncio.create_task(journal.open(a_step(run_id), reserve=ONE_CALL))
    done, _ = await asyncio.wait({opening}, timeout=0.2)
    assert not done
    async with database.write() as connection:
        await runs.set_paused(connection, run_id, now(), paused=False)
    assert (await asyncio.wait_for(opening, 5)).status == "running"


async def test_a_run_ends_once_with_one_end_event_and_numbers_without_gaps(database: Database) -> None:
    run_id = await accepted(database)
    lease = await leased(database, run_id)
    journal = a_journal(database, lease)
    await journal.close(ended(await journal.open(a_step(run_id), reserve=ONE_CALL)))
    answer = Answer(choices=(Choice(text="hi"),), model="small")
    for status in ("succeeded", "failed", "cancelled"):
        async with database.write() as connection:
            first = await runs.end(connection, run_id, status=status, now=now(), lease=None, answer=answer)
        assert first == (status == "succeeded")
    async with database.read() as connection:
        events = list(await connection.execute(select(EventRow.seq, EventRow.type).order_by(EventRow.seq)))
        run = await runs.load(connection, run_id)
    assert [row.seq for row in events] == list(range(1, len(events) + 1))
    assert [row.type for row in events].count("end") == 1
    assert (run.status, run.answer) == ("succeeded", answer)


async def test_two_workers_never_hold_the_same_message(database: Database) -> None:
    run_id = await accepted(database)

    async def claim(owner: str) -> bool:
        async with database.write() as connection:
            return await leases.claim(connection, f"{run_id}.0", owner=owner, lease=LEASE) is not None

    assert sum(await asyncio.gather(*(claim(f"worker-{number}") for number in range(8)))) == 1


async def test_the_same_idempotency_key_finds_the_same_run(database: Database) -> None:
    run_id = await accepted(database, idempotency_key="once")
    async with database.read() as connection:
        assert await runs.same_request(connection, None, "once") == run_id
        assert await runs.same_request(connection, "somebody else", "once") is None


async def test_a_replay_finds_the_recorded_calls_and_pays_nothing(database: Database) -> None:
    run_id = await accepted(database)
    journal = a_journal(database, await leased(database, run_id))
    await journal.close(ended(await journal.open(a_step(run_id), reserve=ONE_CALL)))
    again = await accepted(database)
    async with database.write() as connection:
        await runs.copy_steps(connection, run_id, again, before=None, now=now())
    journal = a_journal(database, await leased(database, again))
    step = await journal.open(a_step(again), reserve=ONE_CALL)
    assert (step.status, step.output, step.usage) == ("ok", "hi", Usage())
    other_model = a_step(again).model_copy(update={"model": "large"})
    assert (await journal.open(other_model, reserve=ONE_CALL)).status == "running"


async def test_more_transactions_than_connections_take_turns(database: Database) -> None:
    async def look() -> int:
        async with database.read() as connection:
            await asyncio.sleep(0.01)
            return (await connection.execute(select(func.count()).select_from(RunRow))).scalar_one()

    async with asyncio.timeout(20):
        assert await asyncio.gather(*(look() for _ in range(100))) == [0] * 100


async def test_work_that_was_given_back_twice_still_has_its_whole_budget(database: Database) -> None:
    run_id = await accepted(database, a_task(budget=Budget(max_model_calls=1)))
    for number in range(3):
        lease = await leased(database, run_id, owner=f"worker-{number}")
        step = await a_journal(database, lease).open(a_step(run_id), reserve=ONE_CALL)
        assert step.status == "running"
        async with database.write() as connection:
            await leases.give_back(connection, lease)


async def test_a_text_that_the_database_cannot_hold_is_stored_without_what_it_cannot(database: Database) -> None:
    run_id = await accepted(database, a_task("a\x00b"))
    lease = await leased(database, run_id)
    answer = Answer(choices=(Choice(text="x\x00y"),), model="small")
    async with database.write() as connection:
        assert await runs.end(connection, run_id, status="succeeded", now=now(), lease=lease, answer=answer)
    async with database.read() as connection:
        run = await runs.load(connection, run_id)
    assert (run.title, run.status) == ("a\ufffdb", "succeeded")
