"""A conversation keeps its model and what was set for it, whether it has a name or only its own words."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy.event import listen, remove

from agents.methods.ways import Way
from agents.records import ChatMessage, Effort, Json, MathCheck, Task
from router.session import Session
from services.bootstrap import Parts
from services.door import Asker
from services.records import Known
from services.store import conversations, keys
from services.store.database import Database
from services.turns import Turns
from tests.builders import a_task
from tests.fakes import ScriptedModel, calls
from tests.integration.house import a_house, a_worker, ended
from tests.integration.store_fixtures import database, now
from tests.integration.test_gateway import a_gateway
from tests.integration.test_runner import answered, reviewing, submitted

__all__ = ["database"]

SKY = {"role": "user", "content": "Explain in one sentence why the sky is blue"}
MORE = {"role": "user", "content": "And why is it red in the evening?"}


def models() -> tuple[ScriptedModel, ScriptedModel]:
    return ScriptedModel("small", says=["Light scatters."] * 5), ScriptedModel("twin", says=["Rayleigh."] * 5)


def said(text: str) -> Json:
    return {"role": "assistant", "content": text}


async def chat(client: httpx.AsyncClient, *messages: Json, model: str = "auto", **more: Any) -> Json:
    headers = more.pop("headers", {})
    body = {"model": model, "messages": list(messages), **more}
    return (await client.post("/v1/chat/completions", json=body, headers=headers)).json()


async def test_a_conversation_of_plain_messages_keeps_its_model(database: Database, redis_url: str) -> None:
    async with a_gateway(database, redis_url, *models()) as (client, _):
        first = await chat(client, SKY, model="twin")
        second = await chat(client, SKY, said("Rayleigh."), MORE)
        third = await chat(client, SKY, said("Rayleigh."), MORE, said("Rayleigh.\n"), MORE)
        other = await chat(client, SKY, said("Something else."), MORE)
    assert [reply["model"] for reply in (first, second, third, other)] == ["twin", "twin", "twin", "small"]


async def test_a_tool_loop_keeps_its_model(database: Database, redis_url: str) -> None:
    weather: Json = {
        "type": "function",
        "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}},
    }
    twin = ScriptedModel("twin", says=[calls(("weather", "{}")), "It rains."])
    async with a_gateway(database, redis_url, ScriptedModel("small", says=["It snows."]), twin) as (client, _):
        first = await chat(client, {"role": "user", "content": "How is the weather?"}, model="twin", tools=[weather])
        asked = first["choices"][0]["message"]
        result = {"role": "tool", "tool_call_id": asked["tool_calls"][0]["id"], "content": "rain"}
        second = await chat(client, {"role": "user", "content": "How is the weather?"}, asked, result, tools=[weather])
    assert (second["model"], second["choices"][0]["message"]["content"]) == ("twin", "It rains.")


async def test_nobody_goes_on_with_a_strangers_conversation(database: Database, redis_url: str) -> None:
    async with database.write() as connection:
        secrets = [(await keys.create(connection, name, now()))[1] for name in ("ann", "bob")]
    ann, bob = ({"Authorization": f"Bearer {secret}"} for secret in secrets)
    async with a_gateway(database, redis_url, *models(), keys_required=True) as (client, _):
        for extras in ({}, {"conversation": "sky"}):
            await chat(client, SKY, model="twin", headers=ann, pointsman=extras)
            hers = await chat(client, SKY, said("Rayleigh."), MORE, headers=ann, pointsman=extras)
            his = await chat(client, SKY, said("Rayleigh."), MORE, headers=bob, pointsman=extras)
            assert (hers["model"], his["model"]) == ("twin", "small")


async def planned(client: httpx.AsyncClient, **extras: Any) -> Sequence[str]:
    reply = await client.post("/api/route", json={"messages": [SKY], "pointsman": {"conversation": "sky", **extras}})
    return reply.json()["overrides"]


async def test_what_is_set_in_a_conversation_stays_until_it_is_changed(database: Database, redis_url: str) -> None:
    async with a_gateway(database, redis_url, *models()) as (client, _):
        before = await planned(client)
        first = await chat(client, SKY, reasoning_effort="high", pointsman={"conversation": "sky", "max_usd": 0.5})
        [stays] = await planned(client)
        await chat(client, SKY, said("x"), MORE, pointsman={"conversation": "sky", "max_usd": 0.25})
        [changed] = await planned(client)
        await chat(client, SKY, said("x"), MORE, pointsman={"conversation": "sky", "max_usd": None, "effort": "auto"})
        after = await planned(client)
    assert first["pointsman"]["status"] == "succeeded"
    assert (before, after) == ([], [])
    assert "effort high" in stays
    assert "max_usd at most 0.5" in stays
    assert "effort high" in changed
    assert "max_usd at most 0.25" in changed


async def test_a_queued_run_goes_on_with_its_conversation(database: Database, redis_url: str) -> None:
    async with a_house(database, redis_url, *models()) as parts, a_worker(parts):
        first = a_task("Why is the sky blue?", model="twin", conversation="sky")
        await ended(parts, await submitted(parts, first))
        second = a_task("Explain that in another way, please.", conversation="sky")
        run = await ended(parts, await submitted(parts, second))
        other = await ended(parts, await submitted(parts, second.model_copy(update={"conversation": "sea"})))
    assert (run.model, other.model) == ("twin", "small")


async def past(parts: Parts, conversation: str, *, later: timedelta = timedelta(0)) -> Session | None:
    async with parts.database.read() as connection:
        task = a_task(conversation=conversation)
        return (await conversations.past(connection, task, owner=None, now=now() + later)).session


async def test_an_answer_that_failed_its_check_or_its_reader_frees_the_choice(
    database: Database, redis_url: str
) -> None:
    async with a_gateway(database, redis_url, ScriptedModel("small", says=lambda _: "41")) as (client, parts):
        wrong = a_task("Which number?", conversation="checked", checks=(MathCheck(reference="42"),))
        await answered(parts, wrong)
        run = await answered(parts, a_task("Which number?", conversation="read"))
        fine = await past(parts, "read")
        await client.post("/api/feedback", json={"run_id": run.id, "score": 0})
        refused = await past(parts, "read")
        checked = await past(parts, "checked")
    assert fine == Session(model="small", effort=Effort.NONE, cached_tokens=15)
    assert refused == Session(model="small", effort=Effort.NONE, cached_tokens=15, failed_check=True)
    assert checked == refused


async def test_a_servers_cache_is_not_counted_on_for_long(database: Database, redis_url: str) -> None:
    async with a_house(database, redis_url, *models()) as parts:
        await answered(parts, a_task("Why is the sky blue?", conversation="sky"))
        soon = await past(parts, "sky")
        late = await past(parts, "sky", later=conversations.CACHE_LASTS)
    assert soon is not None
    assert late is not None
    assert (soon.cached_tokens, late.cached_tokens, late.model) == (15, 0, "small")


async def test_what_no_model_answered_does_not_end_a_conversation(database: Database, redis_url: str) -> None:
    async with a_house(database, redis_url, *models()) as parts:
        await answered(parts, a_task("Why is the sky blue?", model="twin", conversation="sky"))
        run = await answered(parts, a_task("What is 6 * 7?", conversation="sky"))
        session = await past(parts, "sky")
    assert run.model == "pointsman/calculate"
    assert session is not None
    assert session.model == "twin"


async def test_a_replay_is_no_turn_of_the_conversation(database: Database, redis_url: str) -> None:
    async with a_gateway(database, redis_url, *models()) as (client, parts), a_worker(parts):
        first = await answered(parts, a_task("Why is the sky blue?", model="small", conversation="sky"))
        again = (await client.post(f"/api/runs/{first.id}/replay", json={"model": "twin"})).json()["id"]
        replayed = await ended(parts, again)
        session = await past(parts, "sky")
    assert replayed.model == "twin"
    assert session is not None
    assert session.model == "small"


async def test_an_agent_of_a_team_keeps_its_model_within_a_run(database: Database, redis_url: str) -> None:
    seen: list[tuple[str, Session | None]] = []

    def choose(task: Task, known: Known, agent: str) -> Way:
        seen.append((agent, known.session))
        return Way(model="small", effort=Effort.NONE)

    async with a_house(database, redis_url, reviewing(False, True)) as parts:
        turns = Turns(parts.world, parts.relay, choose=choose)
        async with a_worker(replace(parts, turns=turns)):
            task = Task(messages=(), team="review", inputs={"topic": "the sky"})
            run = await ended(parts, await submitted(parts, task))
    kept = Session(model="small", effort=Effort.NONE, cached_tokens=15)
    assert run.status == "succeeded"
    assert seen == [("writer", None), ("critic", None), ("writer", kept), ("critic", kept)]


async def test_the_door_asks_the_database_only_where_there_may_be_something_to_know(
    database: Database, redis_url: str
) -> None:
    asked: list[str] = []

    def note(*event: Any) -> None:
        asked.append(event[2])

    begun = a_task("Why is the sky blue?")
    going_on = begun.model_copy(
        update={"messages": (*begun.messages, ChatMessage(role="assistant", content="Rayleigh."), *begun.messages)}
    )
    async with a_house(database, redis_url, *models()) as parts:
        await answered(parts, begun)  # a process has looked then what was learned
        for task, selects in ((begun, 0), (going_on, 1)):
            asked.clear()
            listen(database.engine, "before_cursor_execute", note)
            await parts.door.begin(task, asker=Asker(), gateway=parts.name)
            remove(database.engine, "before_cursor_execute", note)
            assert len([one for one in asked if one.startswith("SELECT")]) == selects
