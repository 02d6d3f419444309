"""A migrated database, SQLite and PostgreSQL in turn, for tests of what is stored."""

import uuid
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from agents.context import Context, Reservation
from agents.records import Step, Task
from services.store import leases, runs
from services.store.database import Database
from services.store.journal import SqlJournal
from services.store.leases import Lease
from services.store.migrate import migrate
from tests.builders import a_task

LEASE = timedelta(seconds=15)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(params=["sqlite", "postgres"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Database]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'test.db'}"
    else:
        server = str(request.getfixturevalue("postgres_url"))
        name = f"t{uuid.uuid4().hex}"
        admin = create_engine(server.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        admin.dispose()
        url = server.replace("postgresql://", "postgresql+psycopg://").rsplit("/", 1)[0] + f"/{name}"
    opened = Database(url)
    await migrate(opened)
    yield opened
    await opened.close()


async def accepted(database: Database, task: Task | None = None, **options: Any) -> str:
    """Accept a task for the workers; gives its run's id."""
    async with database.write() as connection:
        run_id, _, _ = await runs.accept(
            connection, task or a_task(), origin="api", now=now(), deadline=timedelta(hours=1), **options
        )
    return run_id


async def leased(database: Database, run_id: str, *, owner: str = "worker-1") -> Lease:
    """Claim a run and start it."""
    async with database.write() as connection:
        lease = await leases.claim(connection, f"{run_id}.0", owner=owner, lease=LEASE)
        assert lease is not None
        assert await runs.start(connection, lease, now())
    return lease


def a_journal(database: Database, lease: Lease) -> SqlJournal:
    return SqlJournal(database, lease, clock=now, announce=lambda _: None, on_step=lambda _: None)


def a_step(run_id: str, key: str = "1.model.0", *, text_in: str = "hello", **fields: Any) -> Step:
    nothing: Any = None
    place = Context(
        run_id=run_id, key="", parent_id=None, models=nothing, tools={}, journal=nothing, mailbox=nothing, clock=now
    )
    return place.step("model", "chat small", key=key, input=text_in, model="small", **fields)


ONE_CALL = Reservation(tokens=100, model_calls=1)
