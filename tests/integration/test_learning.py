"""Outcomes are noted once for each attempt, outlive their runs, and change what is planned later."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy import func, select, update

from agents.model import ModelRequest
from agents.records import MathCheck, Task
from services.bootstrap import Parts
from services.door import Asker
from services.records import Run
from services.store import outcomes, router_state, runs
from services.store.database import Database
from services.store.outcomes import CHECK_WEIGHT, FEEDBACK_WEIGHT
from services.store.rows import insert_row
from services.store.tables import OutcomeRow, RouterStateRow
from services.store.transaction import Transaction
from tests.builders import a_task
from tests.fakes import ScriptedModel
from tests.integration.house import a_house, a_worker, ended
from tests.integration.store_fixtures import database, now
from tests.integration.test_gateway import a_gateway
from tests.integration.test_runner import answered, submitted

__all__ = ["database"]

QUESTION = "Which number do I think of, my dear captain?"
CHECKED = a_task(QUESTION, method="direct", checks=(MathCheck(reference="42"),))
ASKED = {"messages": [{"role": "user", "content": QUESTION}]}


def climbing() -> tuple[ScriptedModel, ScriptedModel]:
    """A small model that is wrong, and a large one that is right."""
    return ScriptedModel("small", says=["41"] * 3), ScriptedModel("large", says=["42"] * 3)


async def stored(database: Database) -> list[Any]:
    async with database.read() as connection:
        return list(await connection.execute(select(OutcomeRow).order_by(OutcomeRow.attempt, OutcomeRow.source)))


async def test_what_the_checks_decide_is_noted_for_each_attempt_with_what_it_took(
    database: Database, redis_url: str
) -> None:
    async with a_house(database, redis_url, *climbing()) as parts:
        run = await answered(parts, CHECKED)
    small, large = await stored(database)
    assert run.plan is not None
    assert [(row.model, row.quality, row.weight) for row in (small, large)] == [
        ("small", 0.0, CHECK_WEIGHT),
        ("large", 1.0, CHECK_WEIGHT),
    ]
    assert (small.run_id, small.attempt, small.source) == (run.id, 1, "check")
    assert (small.input_tokens, small.output_tokens) == (10, 5)
    assert small.words == run.plan.features["words"]
    assert set(run.plan.task_type) > {"math", "chat"}
    assert "captain" not in str([tuple(row) for row in (small, large)])


async def test_an_attempt_that_is_resumed_by_another_worker_is_noted_once(database: Database, redis_url: str) -> None:
    began = asyncio.Event()

    class HangsOnce(ScriptedModel):
        async def stream(self, request: ModelRequest) -> AsyncGenerator[Any]:
            if not began.is_set():
                began.set()
                await asyncio.sleep(60)
            async for event in super().stream(request):
                yield event

    small, large = ScriptedModel("small", says=["41"] * 3), HangsOnce("large", says=["42"])
    async with a_house(database, redis_url, small, large) as parts:
        run_id = await submitted(parts, CHECKED)
        async with a_worker(parts):
            await asyncio.wait_for(began.wait(), 10)
        before = await stored(database)
        async with a_worker(parts, name="worker-2"):
            await asyncio.sleep(1.2)  # what was given back is announced again after a second
            await parts.upkeep.sweep()
            run = await ended(parts, run_id)
    assert run.status == "succeeded"
    assert [row.model for row in before] == ["small"]
    assert [(row.model, row.quality) for row in await stored(database)] == [("small", 0.0), ("large", 1.0)]
    assert len(small.requests) == 1


async def test_an_answer_that_nothing_decided_tells_nothing(database: Database, redis_url: str) -> None:
    async with a_house(database, redis_url, ScriptedModel("small", says=["Forty-two."])) as parts:
        await answered(parts, a_task(QUESTION, method="direct"))
    assert await stored(database) == []


async def test_a_replay_of_recorded_answers_is_not_counted_again(database: Database, redis_url: str) -> None:
    async with a_house(database, redis_url, *climbing()) as parts, a_worker(parts):
        first = await answered(parts, CHECKED)

        async def with_steps(connection: Transaction, run_id: str) -> None:
            await runs.copy_steps(connection, first.id, run_id, before=None, now=now())

        again = await parts.door.submit(first.task, origin="replay", asker=Asker(), within=with_steps)
        second = await ended(parts, again)
    assert (second.status, second.usage.model_calls) == ("succeeded", 0)
    assert {row.run_id for row in await stored(database)} == {first.id}


async def told(client: httpx.AsyncClient, run: Run | str, score: float) -> int:
    run_id = run if isinstance(run, str) else run.id
    return (await client.post("/api/feedback", json={"run_id": run_id, "score": score})).status_code


async def test_a_users_last_word_counts_and_counts_less_than_a_check(database: Database, redis_url: str) -> None:
    async with a_gateway(database, redis_url, ScriptedModel("small", says=["Forty-two."])) as (client, parts):
        run = await answered(parts, a_task(QUESTION, method="direct"))
        codes = [await told(client, run, 1), await told(client, run, -1)]
    [row] = await stored(database)
    assert codes == [201, 201]
    assert (row.source, row.quality, row.weight, row.model) == ("feedback", 0.0, FEEDBACK_WEIGHT, "small")
    assert FEEDBACK_WEIGHT < CHECK_WEIGHT


async def test_feedback_is_about_the_answer_that_stands(database: Database, redis_url: str) -> None:
    async with a_gateway(database, redis_url, *climbing()) as (client, parts):
        await told(client, await answered(parts, CHECKED), 1)
    assert [(row.attempt, row.source, row.quality) for row in await stored(database)] == [
        (1, "check", 0.0),
        (2, "check", 1.0),
        (2, "feedback", 1.0),
    ]


async def test_outcomes_outlive_their_runs(database: Database, redis_url: str) -> None:
    async with a_gateway(database, redis_url, *climbing()) as (client, parts):
        run = await answered(parts, CHECKED)
        async with database.write() as connection:
            assert await runs.delete_older(connection, now() + timedelta(hours=1)) == 1
            await outcomes.forget_oldest(connection)
        assert await told(client, run, 1) == 404
    assert len(await stored(database)) == 2


async def failing(parts: Parts, database: Database, times: int) -> None:
    """So many answers of the small model to this question that are wrong."""
    await answered(parts, CHECKED)
    [small, *_] = await stored(database)
    columns = [column.name for column in OutcomeRow.__table__.columns]
    async with database.write() as connection:
        for number in range(times):
            copied = {name: getattr(small, name) for name in columns} | {"run_id": f"copy-{number}"}
            await insert_row(connection, OutcomeRow, **copied)


async def test_what_was_learned_changes_a_later_plan_in_every_process(database: Database, redis_url: str) -> None:
    async with a_gateway(database, redis_url, *climbing()) as (client, parts):
        before = (await client.post("/api/route", json=ASKED)).json()
        await failing(parts, database, 200)
        lesson = (await client.post("/api/router/learn", json={})).json()
        again = (await client.post("/api/router/learn", json={})).json()
        after = (await client.post("/api/route", json=ASKED)).json()
    async with a_gateway(database, redis_url, *climbing()) as (other, _):
        elsewhere = (await other.post("/api/route", json=ASKED)).json()
    assert (lesson, again) == (
        {"version": 1, "outcomes": 202, "learned": True},
        {"version": 1, "outcomes": 202, "learned": False},
    )
    assert quality(after, "small") < quality(before, "small") - 0.1
    assert elsewhere == after


def quality(plan: Any, model: str) -> float:
    return max(rung["quality"] for rung in plan["rungs"] + plan["considered"] if rung["model"] == model)


async def test_a_worker_plans_by_what_was_learned_too(database: Database, redis_url: str) -> None:
    async with a_house(database, redis_url, *climbing()) as parts:
        await failing(parts, database, 200)
        await parts.learner.learn()
    async with a_house(database, redis_url, ScriptedModel("small", says=["42"])) as parts, a_worker(parts):
        run = await ended(parts, await submitted(parts, a_task(QUESTION, method="direct")))
    async with a_house(database, redis_url, ScriptedModel("small")) as parts:
        preview = await parts.door.preview(a_task(QUESTION, method="direct"), asker=Asker())
    assert run.plan is not None
    assert run.plan.rungs[0].quality == preview.rungs[0].quality < 0.5


async def test_learning_twice_at_once_makes_one_version(database: Database, redis_url: str) -> None:
    async with a_house(database, redis_url, *climbing()) as parts:
        await answered(parts, CHECKED)
        lessons = await asyncio.gather(parts.learner.learn(), parts.learner.learn())
        async with database.read() as connection:
            versions = (await connection.execute(select(func.count()).select_from(RouterStateRow))).scalar_one()
            newest = await router_state.newest(connection)
    assert ([lesson.version for lesson in lessons], versions) == ([1, 1], 1)
    assert newest is not None


async def test_what_cannot_be_read_is_not_gone_by(database: Database, redis_url: str) -> None:
    async with a_house(database, redis_url, ScriptedModel("small")) as parts:
        plain = await parts.door.preview(a_task(QUESTION, method="direct"), asker=Asker())
    async with database.write() as connection:
        await router_state.add(connection, 1, learned='{"of": "another version"}', outcomes=1, newest_at=None, at=now())
    async with a_house(database, redis_url, ScriptedModel("small")) as parts:
        assert await parts.door.preview(a_task(QUESTION, method="direct"), asker=Asker()) == plain


async def test_an_outcome_of_a_type_that_is_no_more_is_left_out(database: Database, redis_url: str) -> None:
    async with a_house(database, redis_url, *climbing()) as parts:
        await answered(parts, CHECKED)
        async with database.write() as connection:
            await connection.execute(update(OutcomeRow).values(task_type='{"juggling": 1.0}'))
        lesson = await parts.learner.learn()
    assert (lesson.learned, lesson.outcomes) == (True, 2)


async def test_a_team_and_a_calculation_teach_nothing_of_a_model(database: Database, redis_url: str) -> None:
    sum_ = Task(messages=a_task("What is 6 * 7?").messages, checks=(MathCheck(reference="42"),))
    async with a_house(database, redis_url, ScriptedModel("small")) as parts:
        await answered(parts, sum_)
    [row] = await stored(database)
    async with database.read() as connection:
        taught = await outcomes.newest(connection)
    assert (row.method, row.model, row.quality, taught) == ("calculate", "pointsman/calculate", 1.0, [])
