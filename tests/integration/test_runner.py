"""Runs over a real database and a real Valkey: one end each, in streams, queues and teams, whatever dies."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import update

from agents.errors import InvalidTask, MalformedOutput, NotFound, Unavailable
from agents.methods.ways import Way
from agents.model import ModelRequest
from agents.records import Attachment, Budget, Effort, MathCheck, RegexCheck, Task
from services.bootstrap import Parts
from services.door import Asker
from services.queue.relay import Relay
from services.records import Run
from services.store import leases, messages, runs
from services.store.database import Database
from services.store.leases import Lease
from services.store.tables import MessageRow
from services.store.transaction import Transaction
from services.turns import Turns
from tests.builders import a_message, a_task
from tests.fakes import Reply, ScriptedModel
from tests.integration.house import a_house, a_worker, emptied, ended
from tests.integration.store_fixtures import LEASE, database

__all__ = ["database"]

QUESTION = "Explain in one sentence why the sky is blue"


async def submitted(parts: Parts, task: Task) -> str:
    return await parts.door.submit(task, origin="api", asker=Asker())


async def answered(parts: Parts, task: Task, seen: list[str] | None = None) -> Run:
    """What a chat request does: accept and climb in this process."""

    async def read_along(text: str) -> None:
        if seen is not None:
            seen.append(text)

    lease, accepted = await parts.door.begin(task, asker=Asker(), gateway=parts.name)
    run = await parts.runner.climb(lease, accepted=accepted, on_text=read_along)
    assert run is not None
    return run


async def test_a_calculation_is_answered_without_a_model(database: Database, redis_url: str) -> None:
    async with a_house(database, redis_url, ScriptedModel("small")) as parts:
        run = await answered(parts, a_task("What is 17% of 3,482?"))
    assert run.answer is not None
    assert "591.94" in run.answer.text
    assert (run.status, run.model, run.usage.model_calls) == ("succeeded", "pointsman/calculate", 0)


async def test_an_unchecked_answer_is_read_as_it_grows(database: Database, redis_url: str) -> None:
    seen: list[str] = []
    async with a_house(database, redis_url, ScriptedModel("small", says=["Light scatters."])) as parts:
        run = await answered(parts, a_task(QUESTION), seen)
    assert (run.status, "".join(seen)) == ("succeeded", "Light scatters.")
    assert len(seen) > 1
    assert run.verified_by == ()


async def test_an_answer_that_fails_its_check_is_not_shown_and_the_run_climbs(
    database: Database, redis_url: str
) -> None:
    small, large = ScriptedModel("small", says=lambda _: "41"), ScriptedModel("large", says=lambda _: "42")
    seen: list[str] = []
    async with a_house(database, redis_url, small, large) as parts:
        task = a_task("How old is the captain, given 26 sheep and 10 goats?", checks=(MathCheck(reference="42"),))
        run = await answered(parts, task, seen)
    assert (run.status, run.verified_by, run.model) == ("succeeded", ("math",), "large")
    assert run.attempts[0].accepted is False
    assert run.attempts[-1].accepted is True
    assert "".join(seen) == "42"


async def test_an_answer_that_no_rung_gets_right_is_unverified(database: Database, redis_url: str) -> None:
    small, large = ScriptedModel("small", says=lambda _: "41"), ScriptedModel("large", says=lambda _: "43")
    async with a_house(database, redis_url, small, large) as parts:
        run = await answered(parts, a_task("Give me the number I think of.", checks=(MathCheck(reference="42"),)))
    assert (run.status, run.verified_by) == ("unverified", ())
    assert run.answer is not None


async def test_a_model_that_is_down_fails_the_run_with_the_reason(database: Database, redis_url: str) -> None:
    async with a_house(database, redis_url, ScriptedModel("small", says=[Unavailable("small is down")] * 5)) as parts:
        run = await answered(parts, a_task(QUESTION))
    assert run.status == "failed"
    assert run.error is not None
    assert (run.error.type, run.error.message) == ("unavailable", "small is down")


async def test_a_broken_stream_is_no_answer(database: Database, redis_url: str) -> None:
    model = ScriptedModel("small", says=[MalformedOutput("the stream broke off")], words_before_error=2)
    async with a_house(database, redis_url, model) as parts:
        run = await answered(parts, a_task(QUESTION))
    assert (run.status, run.answer) == ("failed", None)


async def test_a_budget_that_is_used_up_truncates(database: Database, redis_url: str) -> None:
    async with a_house(database, redis_url, ScriptedModel("small", says=["never"])) as parts:
        run = await answered(parts, a_task(QUESTION, budget=Budget(max_model_calls=0)))
    assert run.status == "truncated"
    assert run.error is not None
    assert run.error.code == "max_model_calls"


async def test_a_deadline_truncates(database: Database, redis_url: str) -> None:
    class Slow(ScriptedModel):
        async def stream(self, request: ModelRequest):
            await asyncio.sleep(60)
            async for event in super().stream(request):
                yield event

    async with a_house(database, redis_url, Slow("small", says=["late"])) as parts:
        run = await answered(parts, a_task(QUESTION, budget=Budget(max_seconds=0.5)))
    assert run.status == "truncated"
    assert run.error is not None
    assert run.error.code == "max_seconds"


async def test_a_task_for_the_workers_is_answered_once(database: Database, redis_url: str) -> None:
    model = ScriptedModel("small", says=["Light scatters."])
    async with a_house(database, redis_url, model) as parts, a_worker(parts):
        run = await ended(parts, await submitted(parts, a_task(QUESTION)))
    assert (run.status, len(model.requests)) == ("succeeded", 1)
    assert run.answer is not None
    assert run.answer.text == "Light scatters."


async def test_a_task_is_worked_on_though_redis_was_emptied(database: Database, redis_url: str) -> None:
    async with a_house(database, redis_url, ScriptedModel("small", says=["Light scatters."])) as parts:
        run_id = await submitted(parts, a_task(QUESTION))
        await emptied(parts.redis)
        async with database.write() as connection:
            await messages.announced(connection, [f"{run_id}.0"])
            await _age(connection, seconds=60)
        async with a_worker(parts):
            assert await parts.upkeep.sweep() == 1
            run = await ended(parts, run_id)
    assert run.status == "succeeded"


async def test_a_message_that_is_delivered_three_times_takes_effect_once(database: Database, redis_url: str) -> None:
    model = ScriptedModel("small", says=["Light scatters."] * 3)
    async with a_house(database, redis_url, model) as parts:
        run_id = await submitted(parts, a_task(QUESTION))
        for _ in range(2):
            await parts.streams.announce([(f"{run_id}.0", messages.RUNS, "")])
        async with a_worker(parts), a_worker(parts, name="worker-2"):
            run = await ended(parts, run_id)
            await asyncio.sleep(1.5)
    assert (run.status, len(model.requests)) == ("succeeded", 1)


async def test_a_run_whose_worker_fell_silent_is_finished_by_another(database: Database, redis_url: str) -> None:
    model = ScriptedModel("small", says=["Light scatters."])
    async with a_house(database, redis_url, model) as parts:
        run_id = await submitted(parts, a_task(QUESTION))
        async with database.write() as connection:
            lease = await _claim(connection, run_id)
            assert await runs.start(connection, lease, parts.world.clock())
        assert await parts.upkeep.reap() == 0
        await asyncio.sleep(parts.settings.lease.total_seconds() + 0.2)
        assert await parts.upkeep.reap() == 1
        await parts.upkeep.sweep()
        async with a_worker(parts):
            await asyncio.sleep(1.2)
            await parts.upkeep.sweep()
            run = await ended(parts, run_id)
    assert run.status == "succeeded"


async def test_a_run_that_kills_its_workers_is_given_up(database: Database, redis_url: str) -> None:
    async with a_house(database, redis_url, ScriptedModel("small")) as parts:
        run_id = await submitted(parts, a_task(QUESTION))
        for _ in range(5):
            async with database.write() as connection:
                lease = await _claim(connection, run_id)
                await runs.start(connection, lease, parts.world.clock())
                await _age_lease(connection)
            await parts.upkeep.reap()
        run = await parts.load_run(run_id)
        async with database.read() as connection:
            letters = await messages.dead_letters(connection)
    assert run.status == "dead"
    assert run.error is not None
    assert "5 workers died" in run.error.message
    assert [letter.run_id for letter in letters] == [run_id]


async def test_a_cancelled_run_stops_soon_and_calls_nothing_more(database: Database, redis_url: str) -> None:
    began = asyncio.Event()

    class Endless(ScriptedModel):
        async def stream(self, request: ModelRequest):
            began.set()
            await asyncio.sleep(60)
            async for event in super().stream(request):
                yield event

    async with a_house(database, redis_url, Endless("small")) as parts, a_worker(parts):
        run_id = await submitted(parts, a_task(QUESTION))
        await asyncio.wait_for(began.wait(), 10)
        async with database.write() as connection:
            await runs.ask_cancel(connection, run_id, parts.world.clock())
        run = await ended(parts, run_id, seconds=5)
    assert run.status == "cancelled"


async def test_a_stopping_worker_gives_its_work_back(database: Database, redis_url: str) -> None:
    began = asyncio.Event()

    class Endless(ScriptedModel):
        async def stream(self, request: ModelRequest):
            began.set()
            await asyncio.sleep(60)
            async for event in super().stream(request):
                yield event

    async with a_house(database, redis_url, Endless("small")) as parts:
        run_id = await submitted(parts, a_task(QUESTION))
        async with a_worker(parts):
            await asyncio.wait_for(began.wait(), 10)
        async with database.read() as connection:
            [row] = await messages.queues(connection)
        run = await parts.load_run(run_id)
    assert (row.inbox, row.state, run.status) == (messages.RUNS, "outbox", "running")


def reviewing(*critiques: bool) -> ScriptedModel:
    """A model that writes drafts, and criticises them: content or not, in this order."""
    verdicts = list(critiques)
    drafts = 0

    def say(request: ModelRequest) -> Reply:
        nonlocal drafts
        if request.response_schema is not None:
            done = verdicts.pop(0)
            return json.dumps({"done": done, "message": "Good." if done else "Explain why."})
        drafts += 1
        return f"Draft {drafts}."

    return ScriptedModel("small", says=say)


async def test_writer_and_critic_exchange_messages_until_the_critic_is_content(
    database: Database, redis_url: str
) -> None:
    async with a_house(database, redis_url, reviewing(False, True)) as parts, a_worker(parts):
        task = Task(messages=(), team="review", inputs={"topic": "the sky"})
        run = await ended(parts, await submitted(parts, task))
    assert run.status == "succeeded", run.error
    assert run.answer is not None
    assert (run.answer.text, run.model) == ("Draft 2.", "team/review")
    assert route(run) == ["user>writer", "writer>critic", "critic>writer", "writer>critic", "critic>user"]
    assert run.usage.model_calls == 4


async def test_a_critic_who_is_never_content_ends_at_the_limit(database: Database, redis_url: str) -> None:
    async with a_house(database, redis_url, reviewing(*[False] * 10)) as parts, a_worker(parts):
        task = Task(messages=(), team="review", inputs={"topic": "the sky"})
        run = await ended(parts, await submitted(parts, task))
    assert run.status == "truncated", run.error
    assert run.answer is not None
    assert run.answer.text == "Draft 3."


async def test_two_workers_share_the_turns_of_many_teams(database: Database, redis_url: str) -> None:
    model = reviewing(*[True] * 6)
    async with (
        a_house(database, redis_url, model) as parts,
        a_worker(parts, concurrency=1),
        a_worker(parts, name="worker-2", concurrency=1),
    ):
        task = Task(messages=(), team="review", inputs={"topic": "the sky"})
        ids = [await submitted(parts, task) for _ in range(6)]
        ended_runs = [await ended(parts, run_id, seconds=60) for run_id in ids]
    assert {run.status for run in ended_runs} == {"succeeded"}
    assert {len(run.messages) for run in ended_runs} == {3}


class SlowRelay(Relay):
    """Announces late: after the keeper has looked at its leases more than once."""

    async def announce(self, ids: Sequence[str]) -> None:
        await asyncio.sleep(2.5)
        await super().announce(ids)


async def test_a_turn_that_is_done_is_announced_though_its_lease_has_ended(database: Database, redis_url: str) -> None:
    async with a_house(database, redis_url, reviewing(True)) as parts:
        way = Way(model="small", effort=Effort.NONE)
        slow = Turns(parts.world, SlowRelay(database, parts.streams), choose=lambda task, known, agent: way)
        async with a_worker(replace(parts, turns=slow)):
            run = await ended(parts, await submitted(parts, Task(messages=(), team="review", inputs={"topic": "x"})))
    assert run.status == "succeeded"


async def test_a_turn_that_fails_fails_its_run(database: Database, redis_url: str) -> None:
    model = ScriptedModel("small", says=[Unavailable("small is down")] * 9)
    async with a_house(database, redis_url, model) as parts, a_worker(parts):
        run = await ended(parts, await submitted(parts, Task(messages=(), team="review", inputs={"topic": "x"})))
    assert run.status == "failed"
    assert run.error is not None
    assert "small is down" in run.error.message


async def test_an_unknown_team_or_model_is_refused_at_the_door(database: Database, redis_url: str) -> None:
    async with a_house(database, redis_url, ScriptedModel("small")) as parts:
        with pytest.raises(NotFound, match=r"there is no team 'revue'; there are: .*review"):
            await submitted(parts, a_task(team="revue"))
        with pytest.raises(NotFound, match=r"'huge'; there are: auto, small"):
            await submitted(parts, a_task(model="huge"))
        with pytest.raises(InvalidTask, match="topic"):
            await submitted(parts, Task(messages=(), team="review"))
        with pytest.raises(InvalidTask, match="not a regular expression"):
            await submitted(parts, a_task(checks=(RegexCheck(pattern="("),)))


async def test_attachments_reach_the_model(database: Database, redis_url: str) -> None:
    model = ScriptedModel("small", says=["It says hello."])
    async with a_house(database, redis_url, model) as parts, a_worker(parts):
        attached = Attachment(name="note.txt", text="hello from the file")
        run = await ended(parts, await submitted(parts, a_task("What does the note say?", attachments=(attached,))))
    assert run.status == "succeeded"
    assert "hello from the file" in model.requests[0].messages[-1].content


async def test_a_replay_of_a_run_calls_no_model(database: Database, redis_url: str) -> None:
    model = reviewing(False, True)
    async with a_house(database, redis_url, model) as parts, a_worker(parts):
        task = Task(messages=(), team="review", inputs={"topic": "the sky"})
        first = await ended(parts, await submitted(parts, task))
        calls = len(model.requests)

        async def with_steps(connection: Transaction, run_id: str) -> None:
            await runs.copy_steps(connection, first.id, run_id, before=None, now=parts.world.clock())

        again = await parts.door.submit(first.task, origin="replay", asker=Asker(), within=with_steps)
        second = await ended(parts, again)
    assert len(model.requests) == calls
    assert second.answer == first.answer
    assert (second.status, second.usage.model_calls) == ("succeeded", 0)


async def test_a_word_to_a_working_team_reaches_its_next_turn(database: Database, redis_url: str) -> None:
    model = reviewing(False, True)
    async with a_house(database, redis_url, model) as parts:
        run_id = await submitted(parts, Task(messages=(), team="review", inputs={"topic": "the sky"}))
        word = a_message(
            "Mention Rayleigh.", id="steer-1", run_id=run_id, attempt=1, sender="user", recipient="team", type="steer"
        )
        async with database.write() as connection:
            await messages.post(connection, [word], inboxes={}, parent_id=None)
        async with a_worker(parts):
            run = await ended(parts, run_id)
    assert run.status == "succeeded"
    assert "Mention Rayleigh." in str(model.requests[0].messages)


def route(run: Run) -> Sequence[str]:
    return [f"{message.sender}>{message.recipient}" for message in run.messages]


async def _claim(connection: Transaction, run_id: str) -> Lease:
    lease = await leases.claim(connection, f"{run_id}.0", owner="silent", lease=LEASE / 5)
    assert lease is not None
    return lease


async def _age(connection: Transaction, *, seconds: float) -> None:
    await connection.execute(update(MessageRow).values(changed=MessageRow.changed - seconds))


async def _age_lease(connection: Transaction) -> None:
    await connection.execute(update(MessageRow).values(lease_until=MessageRow.lease_until - 60))
