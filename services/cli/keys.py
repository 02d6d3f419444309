"""`pointsman keys`: API keys, made and revoked in the database itself: the first one cannot be asked for with a key."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import click

from agents.records import Effort, Json
from router.plan import METHODS
from router.rules import Then
from services.cli.client import read_settings
from services.cli.output import AS_JSON, aside, print_json, print_table
from services.store import keys as store
from services.store.database import Database
from services.store.keys import Key
from services.store.transaction import Transaction

COLUMNS = ("id", "name", "begins with", "sets", "made at", "revoked at")


@click.group(no_args_is_help=True)
def keys() -> None:
    """Make and revoke API keys, in the database of DATABASE_URL."""


@keys.command()
@click.argument("name")
@click.option("--model", help="Answer with this model where a request says `auto`.")
@click.option("--effort", type=click.Choice([effort.value for effort in Effort]))
@click.option("--method", type=click.Choice(METHODS))
@click.option("--quality-target", type=click.FloatRange(0, 1), help="Chance of a right answer to aim at.")
@click.option("--max-usd", type=click.FloatRange(min=0), help="The most that one answer may cost, in US dollars.")
@click.option("--max-seconds", type=click.FloatRange(min=0, min_open=True), help="The most that one answer may take.")
@click.option("--only-model", "only_models", multiple=True, help="Choose among these; may be given several times.")
@AS_JSON
def create(*, name: str, as_json: bool, **overrides: Any) -> None:
    """Make a key called NAME and show it, this once.

    The options hold for every request with this key that says nothing else; limits hold in any case.
    """
    given = {option: value for option, value in overrides.items() if value not in (None, ())}
    key, secret = asyncio.run(_create(name, Then.model_validate(given) if given else None))
    if as_json:
        print_json({**key.model_dump(mode="json"), "key": secret})
        return
    click.echo(secret)
    aside(f"key {key.id}, not shown again: clients send it as `Authorization: Bearer KEY`")


@keys.command("list")
@AS_JSON
def list_keys(*, as_json: bool) -> None:
    """List the keys, revoked ones too."""
    known = asyncio.run(_list())
    if as_json:
        print_json([key.model_dump(mode="json") for key in known])
        return
    rows = [
        (key.id, key.name, f"{key.prefix}…", _said(key.overrides), _date(key.created_at), _date(key.revoked_at))
        for key in known
    ]
    print_table(COLUMNS, rows, empty="no keys: see pointsman keys create --help")


@keys.command()
@click.argument("key_id")
@AS_JSON
def revoke(*, key_id: str, as_json: bool) -> None:
    """Close the door to a key, named by its id or its first characters as `keys list` shows them."""
    if not asyncio.run(_revoke(key_id.rstrip("…"))):
        raise click.ClickException(f"no valid key {key_id}: `pointsman keys list` shows them")
    if as_json:
        print_json({"id": key_id, "revoked": True})
        return
    click.echo(f"key {key_id} is revoked")


@asynccontextmanager
async def _writing() -> AsyncGenerator[Transaction]:
    database = Database(read_settings().sql_url)
    try:
        async with database.write() as connection:
            yield connection
    finally:
        await database.close()


async def _create(name: str, overrides: Then | None) -> tuple[Key, str]:
    async with _writing() as connection:
        return await store.create(connection, name, datetime.now(UTC), overrides=overrides)


async def _list() -> list[Key]:
    async with _writing() as connection:
        return await store.listing(connection)


async def _revoke(key_id: str) -> bool:
    async with _writing() as connection:
        return await store.revoke(connection, key_id, datetime.now(UTC))


def _said(overrides: Then | None) -> str:
    """What a key sets, in a few words."""
    if overrides is None:
        return ""
    shown: Json = overrides.model_dump(mode="json", exclude_defaults=True, exclude={"only_models"})
    models = [f"only {' or '.join(overrides.only_models)}"] if overrides.only_models else []
    return ", ".join([f"{name} {value}" for name, value in shown.items()] + models)


def _date(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M") if at else ""
