"""The gateway's replies with scripted models: who may ask, what a failure looks like, what may be done with a run."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from agents.errors import MalformedOutput, Unavailable
from agents.model import Model
from agents.records import Choice, Effort, Json
from services.bootstrap import Parts
from services.gateway.app import create_app
from services.store import keys, runs
from services.store.database import Database
from tests.fakes import Reply, ScriptedModel, calls
from tests.integration.house import a_house, a_worker, ended
from tests.integration.store_fixtures import now, one_database
from tests.integration.test_runner import reviewing

__all__ = ["one_database"]

SKY = {"model": "auto", "messages": [{"role": "user", "content": "Explain in one sentence why the sky is blue"}]}


@asynccontextmanager
async def a_gateway(
    database: Database,
    redis_url: str,
    *models: Model,
    keys_required: bool = False,
    routes: Path | None = None,
    efforts: tuple[Effort, ...] = (Effort.NONE,),
) -> AsyncGenerator[tuple[httpx.AsyncClient, Parts]]:
    async with a_house(database, redis_url, *models, routes=routes, efforts=efforts) as parts:
        app = create_app(parts, keys_required=keys_required)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client,
        ):
            yield client, parts


def saying(*replies: Reply) -> ScriptedModel:
    return ScriptedModel("small", says=replies)


def events(text: str) -> list[Any]:
    data = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    return [one if one == "[DONE]" else json.loads(one) for one in data]


async def test_keys_open_the_door_where_they_are_required(one_database: Database, redis_url: str) -> None:
    async with one_database.write() as connection:
        key, secret = await keys.create(connection, "test", now())
    async with a_gateway(one_database, redis_url, saying(), keys_required=True) as (client, parts):
        nobody = await client.get("/v1/models")
        stranger = await client.get("/v1/models", headers={"Authorization": f"Bearer {secret}x"})
        friend = await client.post(
            "/api/runs", json={"messages": SKY["messages"]}, headers={"Authorization": f"Bearer {secret}"}
        )
        health = await client.get("/health")
        run = await parts.load_run(friend.json()["id"])
    assert (nobody.status_code, nobody.json()["error"]["code"]) == (401, "invalid_api_key")
    assert secret not in stranger.text
    assert (stranger.status_code, friend.status_code, health.status_code) == (401, 202, 200)
    assert run.owner == key.id


async def test_a_revoked_key_opens_nothing(one_database: Database, redis_url: str) -> None:
    async with one_database.write() as connection:
        key, secret = await keys.create(connection, "test", now())
        assert await keys.revoke(connection, key.prefix, now())
    async with a_gateway(one_database, redis_url, saying(), keys_required=True) as (client, _):
        reply = await client.get("/v1/models", headers={"Authorization": f"Bearer {secret}"})
    assert reply.status_code == 401


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Host": "evil.example"}, {"Origin": "null"}], ids=str
)
async def test_a_strangers_page_is_refused(one_database: Database, redis_url: str, headers: dict[str, str]) -> None:
    async with a_gateway(one_database, redis_url, saying()) as (client, _):
        assert (await client.post("/v1/chat/completions", json=SKY, headers=headers)).status_code == 403


async def test_a_model_that_is_down_is_a_503_that_says_when_to_try_again(
    one_database: Database, redis_url: str
) -> None:
    async with a_gateway(one_database, redis_url, saying(Unavailable("small is down"))) as (client, _):
        reply = await client.post("/v1/chat/completions", json=SKY)
    assert (reply.status_code, reply.json()["error"]["message"]) == (503, "small is down")
    assert reply.headers["retry-after"]
    assert reply.headers["x-pointsman-run-id"]


async def test_a_stream_that_breaks_ends_in_an_error_and_never_in_done(one_database: Database, redis_url: str) -> None:
    model = ScriptedModel("small", says=[MalformedOutput("the stream broke off")], words_before_error=3)
    async with a_gateway(one_database, redis_url, model) as (client, _):
        reply = await client.post("/v1/chat/completions", json=SKY | {"stream": True})
    found = events(reply.text)
    assert "[DONE]" not in found
    assert found[-1]["error"]["message"] == "the stream broke off"
    assert not any(choice["finish_reason"] for one in found[:-1] for choice in one["choices"])


async def test_a_checked_answer_is_not_streamed_before_it_stands(one_database: Database, redis_url: str) -> None:
    small, large = ScriptedModel("small", says=["41"]), ScriptedModel("large", says=["42"])
    body = {
        "model": "auto",
        "stream": True,
        "messages": [{"role": "user", "content": "Which number do I think of?"}],
        "pointsman": {"method": "direct", "checks": [{"type": "math", "reference": "42"}]},
    }
    async with a_gateway(one_database, redis_url, small, large) as (client, _):
        found = events((await client.post("/v1/chat/completions", json=body)).text)
    text = "".join(choice["delta"].get("content", "") for one in found[:-1] for choice in one["choices"])
    assert text == "42"
    assert found[-2]["pointsman"]["verified_by"] == ["math"]
    assert [attempt["accepted"] for attempt in found[-2]["pointsman"]["attempts"]] == [False, True]
    assert found[-2]["model"] == "large"


async def test_a_tool_call_is_the_askers_to_carry_out(one_database: Database, redis_url: str) -> None:
    tool: Json = {
        "type": "function",
        "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}},
    }
    body: Json = {"model": "auto", "messages": [{"role": "user", "content": "How is the weather?"}], "tools": [tool]}
    model = saying(calls(("weather", "{}")), calls(("weather", "{}")))
    async with a_gateway(one_database, redis_url, model) as (client, _):
        whole = (await client.post("/v1/chat/completions", json=body)).json()
        streamed = events((await client.post("/v1/chat/completions", json=body | {"stream": True})).text)
    [call] = whole["choices"][0]["message"]["tool_calls"]
    deltas = [choice["delta"] for one in streamed[:-1] for choice in one["choices"]]
    pieces = [delta["tool_calls"][0] for delta in deltas if "tool_calls" in delta]
    assert (call["function"]["name"], whole["choices"][0]["finish_reason"]) == ("weather", "tool_calls")
    assert pieces[0]["id"]
    assert pieces[0]["function"]["name"] == "weather"
    assert "".join(piece["function"]["arguments"] for piece in pieces) == "{}"


async def test_thoughts_stand_apart_from_the_answer(one_database: Database, redis_url: str) -> None:
    async with a_gateway(one_database, redis_url, saying(Choice(text="Light.", reasoning="Hm."))) as (client, _):
        message = (await client.post("/v1/chat/completions", json=SKY)).json()["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("Light.", "Hm.")


async def test_a_client_that_waits_hears_that_the_connection_lives(one_database: Database, redis_url: str) -> None:
    class Thinking(ScriptedModel):
        async def stream(self, request: Any) -> AsyncGenerator[Any]:
            await asyncio.sleep(1.3)
            async for event in super().stream(request):
                yield event

    async with a_gateway(one_database, redis_url, Thinking("small", says=["Light."])) as (client, _):
        reply = await client.post("/v1/chat/completions", json=SKY | {"stream": True})
    assert reply.text.startswith(": keepalive\n\n")
    assert reply.text.endswith("data: [DONE]\n\n")


async def test_an_idempotency_key_accepts_a_task_once(one_database: Database, redis_url: str) -> None:
    body = {"messages": SKY["messages"]}
    async with a_gateway(one_database, redis_url, saying()) as (client, _):
        sent = [client.post("/api/runs", json=body, headers={"Idempotency-Key": "once"}) for _ in range(4)]
        replies = await asyncio.gather(*sent)
        listed = (await client.get("/api/runs")).json()["runs"]
    assert [reply.status_code for reply in replies] == [202] * 4
    assert len({reply.json()["id"] for reply in replies}) == len(listed) == 1


async def test_runs_are_listed_in_pages_and_found(one_database: Database, redis_url: str) -> None:
    async with a_gateway(one_database, redis_url, saying()) as (client, _):
        for number in range(5):
            await client.post("/api/runs", json={"messages": [{"role": "user", "content": f"task {number}"}]})
        first = (await client.get("/api/runs", params={"limit": 3})).json()
        second = (await client.get("/api/runs", params={"limit": 3, "cursor": first["next"]})).json()
        found = (await client.get("/api/runs", params={"q": "task 3"})).json()["runs"]
        none = (await client.get("/api/runs", params={"status": "failed"})).json()["runs"]
        wrong = await client.get("/api/runs", params={"cursor": "nonsense"})
    assert [run["title"] for run in first["runs"] + second["runs"]] == [f"task {number}" for number in (4, 3, 2, 1, 0)]
    assert second["next"] is None
    assert ([run["title"] for run in found], none, wrong.status_code) == (["task 3"], [], 400)


async def test_a_run_is_paused_and_goes_on(one_database: Database, redis_url: str) -> None:
    async with a_gateway(one_database, redis_url, saying("Light.")) as (client, parts):
        run_id = (await client.post("/api/runs", json={"messages": SKY["messages"]})).json()["id"]
        paused = await client.post(f"/api/runs/{run_id}/pause")
        async with a_worker(parts):
            await asyncio.sleep(1.5)
            waiting = await parts.load_run(run_id)
            await client.post(f"/api/runs/{run_id}/resume")
            run = await ended(parts, run_id)
        late = await client.post(f"/api/runs/{run_id}/pause")
    assert (paused.status_code, waiting.ended, run.status, late.status_code) == (200, False, "succeeded", 400)


async def test_a_working_team_is_told_something(one_database: Database, redis_url: str) -> None:
    model = reviewing(True)
    async with a_gateway(one_database, redis_url, model) as (client, parts):
        body = {"team": "review", "inputs": {"topic": "the sky"}}
        run_id = (await client.post("/api/runs", json=body)).json()["id"]
        told = await client.post(f"/api/runs/{run_id}/message", json={"content": "Mention Rayleigh."})
        astray = await client.post(f"/api/runs/{run_id}/message", json={"content": "x", "to": "editor"})
        async with a_worker(parts):
            await ended(parts, run_id)
        late = await client.post(f"/api/runs/{run_id}/message", json={"content": "x"})
    assert (told.status_code, astray.status_code, late.status_code) == (202, 404, 400)
    assert "Mention Rayleigh." in str(model.requests[0].messages)


async def test_a_run_is_replayed_for_nothing_and_with_another_model_it_is_paid(
    one_database: Database, redis_url: str
) -> None:
    small, large = saying("Light."), ScriptedModel("large", says=["More light."])
    async with a_gateway(one_database, redis_url, small, large) as (client, parts), a_worker(parts):
        first = (await client.post("/api/runs", json={"messages": SKY["messages"], "model": "small"})).json()["id"]
        await ended(parts, first)
        again = (await client.post(f"/api/runs/{first}/replay")).json()["id"]
        other = (await client.post(f"/api/runs/{first}/replay", json={"model": "large"})).json()["id"]
        free, paid = await ended(parts, again), await ended(parts, other)
    assert free.answer is not None
    assert paid.answer is not None
    assert (free.answer.text, free.usage.model_calls, free.origin) == ("Light.", 0, "replay")
    assert (paid.answer.text, paid.usage.model_calls) == ("More light.", 1)


async def test_feedback_is_kept(one_database: Database, redis_url: str) -> None:
    async with a_gateway(one_database, redis_url, saying("Light.")) as (client, _):
        run_id = (await client.post("/v1/chat/completions", json=SKY)).json()["pointsman"]["run_id"]
        kept = await client.post("/api/feedback", json={"run_id": run_id, "score": 1, "comment": "good"})
        lost = await client.post("/api/feedback", json={"run_id": "nope", "score": 1})
        wrong = await client.post("/api/feedback", json={"run_id": run_id, "score": 5})
    assert (kept.status_code, lost.status_code, wrong.status_code) == (201, 404, 400)


async def test_teams_are_saved_changed_and_deleted(one_database: Database, redis_url: str) -> None:
    yaml = "version: 1\nname: duo\nagents:\n  a: {instructions: hello}\ntasks:\n  - {id: t, description: d, agent: a}\n"
    async with a_gateway(one_database, redis_url, saying()) as (client, _):
        saved = await client.post("/api/teams", json={"yaml": yaml})
        shown = (await client.get("/api/teams/duo")).json()
        names = [team["name"] for team in (await client.get("/api/teams")).json()["teams"]]
        other = await client.put("/api/teams/trio", json={"yaml": yaml})
        gone = await client.delete("/api/teams/duo")
        file = await client.delete("/api/teams/review")
        missing = await client.get("/api/teams/duo")
    assert (saved.status_code, shown["source"], shown["yaml"]) == (201, "saved", yaml)
    assert names == ["duo", "review"]
    assert (other.status_code, gone.status_code, file.status_code, missing.status_code) == (400, 204, 400, 404)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({}, "exactly one of"),
        ({"every": 60, "cron": "0 7 * * *"}, "exactly one of"),
        ({"every": 0.1}, "not between"),
        ({"cron": "at noon"}, "cannot be read"),
        ({"every": 60, "timezone": "Mars/Olympus"}, "Mars/Olympus"),
    ],
)
async def test_a_schedule_that_could_never_be_due_is_refused(
    one_database: Database, redis_url: str, rule: dict[str, object], said: str
) -> None:
    async with a_gateway(one_database, redis_url, saying()) as (client, _):
        reply = await client.post("/api/schedules", json=rule | {"task": {"messages": SKY["messages"]}})
    assert reply.status_code == 400
    assert said in reply.json()["error"]["message"]


async def test_a_schedule_is_shown_with_its_next_due_time_in_its_own_zone(
    one_database: Database, redis_url: str
) -> None:
    body = {"cron": "0 7 * * *", "timezone": "Europe/Zurich", "name": "morning", "task": {"messages": SKY["messages"]}}
    async with a_gateway(one_database, redis_url, saying()) as (client, _):
        made = (await client.post("/api/schedules", json=body)).json()
        paused = (await client.patch(f"/api/schedules/{made['id']}", json={"paused": True})).json()
        gone = await client.delete(f"/api/schedules/{made['id']}")
        left = (await client.get("/api/schedules")).json()["schedules"]
    assert made["next_due_at"][11:16] in ("05:00", "06:00")
    assert (paused["paused"], gone.status_code, left) == (True, 204, [])


async def test_a_client_that_hangs_up_cancels_its_run(one_database: Database, redis_url: str) -> None:
    began = asyncio.Event()

    class Endless(ScriptedModel):
        async def stream(self, request: Any) -> AsyncGenerator[Any]:
            began.set()
            await asyncio.sleep(60)
            async for event in super().stream(request):
                yield event

    async with a_gateway(one_database, redis_url, Endless("small")) as (client, parts):
        asking = asyncio.create_task(client.post("/v1/chat/completions", json=SKY))
        await asyncio.wait_for(began.wait(), 10)
        asking.cancel()
        async with one_database.read() as connection:
            [run], _ = await runs.listing(connection, filters={}, cursor=None, limit=5)
        assert (await ended(parts, run.id)).status == "cancelled"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (r'{"messages": [{"role": "user", "content": "\ud800"}]}', "surrogate"),
        (json.dumps({"messages": SKY["messages"], "pointsman": {"max_usd": 1e12}}), "max_usd"),
        (json.dumps({"messages": SKY["messages"], "pointsman": {"max_seconds": 1e300}}), "max_seconds"),
    ],
)
async def test_values_that_nothing_could_hold_are_refused(
    one_database: Database, redis_url: str, body: str, said: str
) -> None:
    async with a_gateway(one_database, redis_url, saying()) as (client, _):
        reply = await client.post("/api/runs", content=body, headers={"content-type": "application/json"})
    assert reply.status_code == 400
    assert said in reply.json()["error"]["message"]


async def test_a_reader_of_an_ended_run_is_told_not_to_come_again(one_database: Database, redis_url: str) -> None:
    async with a_gateway(one_database, redis_url, saying("Light.")) as (client, _):
        run_id = (await client.post("/v1/chat/completions", json=SKY)).json()["pointsman"]["run_id"]
        whole = (await client.get(f"/api/runs/{run_id}/events")).text
        numbers = [int(line.removeprefix("id: ")) for line in whole.splitlines() if line.startswith("id: ")]
        again = await client.get(f"/api/runs/{run_id}/events", headers={"Last-Event-ID": str(numbers[-1])})
        wrong = await client.get(f"/api/runs/{run_id}/events", headers={"Last-Event-ID": "x"})
    assert numbers == list(range(1, len(numbers) + 1))
    assert (again.status_code, wrong.status_code) == (204, 400)


async def test_a_defect_in_mid_stream_is_an_error_and_no_silent_end(one_database: Database, redis_url: str) -> None:
    def broken(_: Any) -> Reply:
        raise ZeroDivisionError

    async with a_gateway(one_database, redis_url, ScriptedModel("small", says=broken)) as (client, parts):
        reply = await client.post("/v1/chat/completions", json=SKY | {"stream": True})
        run = await ended(parts, reply.headers["x-pointsman-run-id"])
    [only] = events(reply.text)
    assert only["error"]["type"] == "internal_error"
    assert run.status == "failed"
