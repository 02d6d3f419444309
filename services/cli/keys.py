"""`pointsman keys`: API keys, made and revoked in the database itself: the first one cannot be asked for with a key."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import click

from services.cli.client import read_settings
from services.cli.output import AS_JSON, aside, print_json, print_table
from services.store import keys as store
from services.store.database import Database
from services.store.keys import Key
from services.store.transaction import Transaction

COLUMNS = ("id", "name", "begins with", "made at", "revoked at")


@click.group(no_args_is_help=True)
def keys() -> None:
    """Make and revoke API keys, in the database of DATABASE_URL."""


@keys.command()
@click.argument("name")
@AS_JSON
def create(*, name: str, as_json: bool) -> None:
    """Make a key called NAME and show it, this once."""
    key, secret = asyncio.run(_create(name))
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
    rows = [(key.id, key.name, f"{key.prefix}…", _date(key.created_at), _date(key.revoked_at)) for key in known]
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


async def _create(name: str) -> tuple[Key, str]:
    async with _writing() as connection:
        return await store.create(connection, name, datetime.now(UTC))


async def _list() -> list[Key]:
    async with _writing() as connection:
        return await store.listing(connection)


async def _revoke(key_id: str) -> bool:
    async with _writing() as connection:
        return await store.revoke(connection, key_id, datetime.now(UTC))


def _date(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M") if at else ""
