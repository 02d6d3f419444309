"""A migrated database, SQLite and PostgreSQL in turn, for tests of what is stored."""

import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from agents.context import Context, Reservation
from agents.records import Step, Task
from services.store import leases, messages, runs
from services.store.database import Database
from services.store.journal import SqlJournal
from services.store.leases import Lease
from services.store.migrate import migrate
from tests.builders import a_task
from tests.servers import postgres_programs

LEASE = timedelta(seconds=15)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(params=["sqlite", "postgres"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Database]:
    """Each kind in turn."""
    url = _sqlite(tmp_path) if request.param == "sqlite" else _postgres(str(request.getfixturevalue("postgres_url")))
    async with _migrated(url) as opened:
        yield opened


@pytest.fixture
async def one_database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Database]:
    """PostgreSQL where there is one: for tests that are about something else, and too many to do them twice."""
    there = postgres_programs() is not None
    async with _migrated(_postgres(request.getfixturevalue("postgres_url")) if there else _sqlite(tmp_path)) as opened:
        yield opened


def _sqlite(folder: Path) -> str:
    return f"sqlite:///{folder / 'test.db'}"


def _postgres(server: str) -> str:
    """A new database on the server."""
    url = server.replace("postgresql://", "postgresql+psycopg://")
    name = f"t{uuid.uuid4().hex}"
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return f"{url.rsplit('/', 1)[0]}/{name}"


@asynccontextmanager
async def _migrated(url: str) -> AsyncGenerator[Database]:
    opened = Database(url)
    await migrate(opened)
    yield opened
    await opened.close()


async def accepted(database: Database, task: Task | None = None, **options: Any) -> str:
    """Accept a task for the workers; gives its run's id."""
    async with database.write() as connection:
        written = await runs.accept(
            connection, task or a_task(), origin="api", now=now(), deadline=timedelta(hours=1), **options
        )
    return written.run.id


async def leased(database: Database, run_id: str, *, owner: str = "worker-1") -> Lease:
    """Claim a run and start it."""
    async with database.write() as connection:
        lease = await leases.claim(connection, f"{run_id}.0", owner=owner, lease=LEASE)
        assert lease is not None
        assert await runs.start(connection, lease, now())
        await messages.begin_work(connection, lease, now())
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
