"""`pointsman keys` on a database of its own."""

import asyncio
import json
from pathlib import Path

import pytest

from services.settings import Settings
from services.store import keys
from services.store.database import Database
from services.store.migrate import migrate
from tests.unit.cli.conftest import Run


@pytest.fixture
def sql_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An SQLite file with our tables, which DATABASE_URL names."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'keys.db'}")
    url = Settings().sql_url
    asyncio.run(_migrate(url))
    return url


async def _migrate(url: str) -> None:
    database = Database(url)
    await migrate(database)
    await database.close()


async def _opens(url: str, secret: str) -> bool:
    database = Database(url)
    async with database.read() as connection:
        known = await keys.known(connection, secret)
    await database.close()
    return known is not None


def test_a_key_opens_the_door_until_it_is_revoked_and_is_never_shown_again(run: Run, sql_url: str) -> None:
    made = run("keys", "create", "laptop")
    secret = made.out.strip()
    assert asyncio.run(_opens(sql_url, secret))
    assert "not shown again" in made.err

    listed = run("keys", "list").out
    assert "laptop" in listed
    assert secret not in listed

    assert run("keys", "revoke", secret[: keys.PREFIX_LENGTH]).code == 0
    assert not asyncio.run(_opens(sql_url, secret))
    [row] = json.loads(run("keys", "list", "--json").out)
    assert row["revoked_at"]
    assert secret not in json.dumps(row)


@pytest.mark.usefixtures("sql_url")
def test_a_key_that_is_not_there_cannot_be_revoked(run: Run) -> None:
    assert run("keys", "revoke", "pm-nothing") == (
        1,
        "",
        "pointsman: no valid key pm-nothing: `pointsman keys list` shows them\n",
    )


def test_a_database_without_tables_says_what_to_do(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'empty.db'}")
    failed = run("keys", "list")
    assert failed.code == 1
    assert "run `pointsman migrate`" in failed.err


def test_a_key_shows_what_it_sets_for_its_requests(run: Run, sql_url: str) -> None:
    options = ("--effort", "low", "--max-usd", "0.01", "--only-model", "small", "--only-model", "large")
    secret = run("keys", "create", "night", *options).out.strip()
    run("keys", "create", "plain")
    night, plain = json.loads(run("keys", "list", "--json").out)
    assert (night["overrides"]["effort"], night["overrides"]["max_usd"], plain["overrides"]) == ("low", "0.01", None)
    assert night["overrides"]["only_models"] == ["small", "large"]
    assert "effort low, max_usd 0.01, only small or large" in run("keys", "list").out
    assert asyncio.run(_opens(sql_url, secret))


@pytest.mark.usefixtures("sql_url")
def test_a_key_cannot_set_what_there_is_not(run: Run) -> None:
    refused = run("keys", "create", "night", "--effort", "huge")
    assert refused.code == 2
    assert "'huge' is not one of" in refused.err
    assert json.loads(run("keys", "list", "--json").out) == []
