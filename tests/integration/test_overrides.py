"""What an API key and the rules file set takes effect, at the door and in the worker, and shows in the plan."""

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from router.rules import Then
from services.routes import RoutesError
from services.store import keys
from services.store.database import Database
from tests.builders import a_task
from tests.fakes import ScriptedModel
from tests.integration.house import a_house, a_worker, ended
from tests.integration.store_fixtures import database, now
from tests.integration.test_gateway import a_gateway
from tests.integration.test_runner import answered, submitted

__all__ = ["database"]

SKY = {"messages": [{"role": "user", "content": "Explain in one sentence why the sky is blue"}]}
"""The small model's, unless something else says otherwise."""


def models(*, usd_per_call: Decimal = Decimal(0)) -> tuple[ScriptedModel, ScriptedModel]:
    small = ScriptedModel("small", says=["41"] * 5, usd_per_call=usd_per_call)
    return small, ScriptedModel("large", says=["42"] * 5, usd_per_call=usd_per_call)


async def a_key(database: Database, **overrides: Any) -> dict[str, str]:
    async with database.write() as connection:
        then = Then.model_validate(overrides) if overrides else None
        _, secret = await keys.create(connection, "laptop", now(), overrides=then)
    return {"Authorization": f"Bearer {secret}"}


async def route(client: httpx.AsyncClient, headers: dict[str, str] | None = None, **extras: Any) -> Any:
    return (await client.post("/api/route", json=SKY | {"pointsman": extras}, headers=headers)).json()


async def test_a_key_sets_what_its_requests_leave_open(database: Database, redis_url: str) -> None:
    headers = await a_key(database, effort="low", only_models=["large"])
    async with a_gateway(database, redis_url, *models()) as (client, _):
        plain, keyed = await route(client), await route(client, headers)
        said = await route(client, headers, effort="high")
        chat = await client.post("/v1/chat/completions", json=SKY | {"model": "auto"}, headers=headers)
    assert (plain["overrides"], plain["rungs"][0]["model"]) == ([], "small")
    assert keyed["rungs"][0]["model"] == "large"
    assert "laptop" in keyed["overrides"][0]
    assert "effort low" in keyed["overrides"][0]
    assert "effort low" not in said["overrides"][0]
    assert (chat.json()["model"], chat.json()["pointsman"]["plan"]["overrides"]) == ("large", keyed["overrides"])


async def test_a_key_is_known_to_the_worker_too(database: Database, redis_url: str) -> None:
    headers = await a_key(database, only_models=["large"])
    async with a_gateway(database, redis_url, *models()) as (client, parts), a_worker(parts):
        accepted = await client.post("/api/runs", json=SKY, headers=headers)
        run = await ended(parts, accepted.json()["id"])
    assert run.model == "large"
    assert run.plan is not None
    assert "laptop" in run.plan.overrides[0]


@pytest.mark.parametrize("queued", [False, True], ids=["chat", "queued"])
async def test_a_limit_of_a_key_holds_whatever_a_request_says(database: Database, redis_url: str, queued: bool) -> None:
    headers = await a_key(database, max_usd="0.5")
    body = SKY | {"pointsman": {"max_usd": 9, "checks": [{"type": "math", "reference": "42"}]}}
    async with a_gateway(database, redis_url, *models(usd_per_call=Decimal(1))) as (client, parts), a_worker(parts):
        if queued:
            run_id = (await client.post("/api/runs", json=body, headers=headers)).json()["id"]
        else:
            chat = await client.post("/v1/chat/completions", json=body | {"model": "auto"}, headers=headers)
            run_id = chat.json()["pointsman"]["run_id"]
        run = await ended(parts, run_id)
    assert run.error is not None
    assert (run.status, run.error.code, run.cost_usd) == ("truncated", "max_usd", Decimal(1))


async def test_a_deadline_of_a_key_is_the_runs(database: Database, redis_url: str) -> None:
    headers = await a_key(database, max_seconds=30)
    async with a_gateway(database, redis_url, *models()) as (client, parts), a_worker(parts):
        accepted = await client.post("/api/runs", json=SKY, headers=headers)
        run = await ended(parts, accepted.json()["id"])
        free = await answered(parts, a_task("Why is the sky blue?"))
    assert (run.deadline_at - run.created_at).total_seconds() == pytest.approx(30)
    assert (free.deadline_at - free.created_at) == parts.settings.max_run


def written(path: Path, text: str) -> None:
    path.write_text(text)
    later = path.stat().st_mtime_ns + 1_000_000_000 * len(text)
    os.utime(path, ns=(later, later))


async def test_the_rules_file_takes_effect_and_while_it_is_broken_its_last_good_version_does(
    database: Database, redis_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "routes.yaml"
    written(path, "rules:\n  - name: sky\n    when: {contains: [sky]}\n    then: {model: large}\n")
    async with a_gateway(database, redis_url, *models(), routes=path) as (client, parts), a_worker(parts):
        first = await route(client)
        run = await ended(parts, await submitted(parts, a_task("Why is the sky blue?")))
        written(path, "rules:\n  - name: sky\n    when: {contain: [sky]}\n    then: {model: large}\n")
        broken = await route(client)
        written(path, "rules: []\n")
        last = await route(client)
    assert [plan["rungs"][0]["model"] for plan in (first, broken, last)] == ["large", "large", "small"]
    assert first["overrides"] == broken["overrides"] == ["Rule 'sky' (config): model large."]
    assert last["overrides"] == []
    assert run.model == "large"


async def test_a_rule_may_look_at_the_key(database: Database, redis_url: str, tmp_path: Path) -> None:
    path = tmp_path / "routes.yaml"
    written(path, "rules:\n  - name: mine\n    when: {keys: [laptop]}\n    then: {model: large}\n")
    headers = await a_key(database)
    async with a_gateway(database, redis_url, *models(), routes=path) as (client, _):
        assert (await route(client, headers))["rungs"][0]["model"] == "large"
        assert (await route(client))["rungs"][0]["model"] == "small"


async def test_no_process_starts_with_a_broken_rules_file(database: Database, redis_url: str, tmp_path: Path) -> None:
    path = tmp_path / "routes.yaml"
    written(path, "rules:\n  - name: sky\n    then: {efort: low}\n")
    with pytest.raises(RoutesError, match=r"line 3, column 12.*did you mean 'effort'"):
        async with a_house(database, redis_url, *models(), routes=path):
            pass
