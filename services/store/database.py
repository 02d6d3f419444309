"""One database, SQLite or PostgreSQL, and its two kinds of transaction: to read, and to write."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, nullcontext
from logging import getLogger
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.pool import ConnectionPoolEntry

from agents.errors import Unavailable
from services.store.transaction import Transaction, in_thread

BUSY_MILLISECONDS = 15_000
"""How long a SQLite writer waits for another process's transaction."""
CONNECTIONS = 16
"""Transactions of one process that are open at once; more wait for their turn."""
TURN_SECONDS = 30.0
"""How long a transaction waits for its turn."""
POSTGRES = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "tcp_user_timeout": 15_000,
    "options": "-c lock_timeout=10s -c statement_timeout=30s -c idle_in_transaction_session_timeout=20s",
}
"""Every wait has an end: a statement that waits in a thread cannot be interrupted."""

log = getLogger("pointsman.store")


class StoreUnavailable(Unavailable):
    """The database does not take the work now. Whoever holds a lease keeps it or loses it; nothing has failed yet."""


class Database:
    """The engine and its transactions. A writing transaction of SQLite begins IMMEDIATE: one that first reads and then
    wants to write fails at once when another has written meanwhile, whatever the busy timeout says."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self.sqlite = parsed.get_backend_name() == "sqlite"
        if self.sqlite and parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        self.engine = create_engine(
            parsed,
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_pre_ping=not self.sqlite,
            pool_recycle=1800,
            hide_parameters=True,  # they are prompts, answers and hashes of keys
            connect_args={"check_same_thread": False} if self.sqlite else POSTGRES,
        )
        self._reading = self.engine.execution_options(sqlite_begin="BEGIN")
        self._threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="sql")
        # A turn is waited for here: waiting in a thread would take it from those who could end their transaction.
        self._free = asyncio.Semaphore(CONNECTIONS)
        self._turn: AbstractAsyncContextManager[object] = asyncio.Lock() if self.sqlite else nullcontext()
        if self.sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[Transaction]:
        """A transaction that commits at the end of the block and rolls back at an exception.

        Raises:
            StoreUnavailable: the database cannot be reached, is locked for too long, or its disk is full.
        """
        async with self._turn, self._transaction(self.engine) as connection:
            yield Transaction(connection, self._threads)
            await in_thread(self._threads, connection.commit)

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[Transaction]:
        """A transaction that only reads. Raises as `write` does."""
        async with self._transaction(self._reading) as connection:
            yield Transaction(connection, self._threads)

    async def close(self) -> None:
        await in_thread(self._threads, self.engine.dispose)
        self._threads.shutdown()

    @asynccontextmanager
    async def _transaction(self, engine: Engine) -> AsyncGenerator[Connection]:
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._free.acquire()
        except TimeoutError as error:
            raise StoreUnavailable("the database is too busy: no connection came free") from error
        opened = ExitStack()
        try:
            try:
                yield await in_thread(self._threads, lambda: _begun(engine, opened))
            finally:
                # Rolls back what was not committed; and closes what was opened for a task that was cancelled meanwhile.
                await in_thread(self._threads, opened.close)
        except (IntegrityError, DataError, ProgrammingError):
            raise
        except DBAPIError as error:
            raise _unavailable(error) from error
        finally:
            self._free.release()


def _begun(engine: Engine, opened: ExitStack) -> Connection:
    connection = opened.enter_context(engine.connect())
    connection.begin()
    return connection


def _prepare_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    driver: Any = connection
    driver.isolation_level = None  # transactions are begun by _begin_sqlite, not by the driver
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # accepted is accepted, after a power cut too
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN IMMEDIATE"))


def _unavailable(error: DBAPIError) -> StoreUnavailable:
    if isinstance(error.orig, sqlite3.OperationalError) and "no such table" in str(error.orig):
        return StoreUnavailable("the database has no tables yet: run `pointsman migrate`")
    log.warning("the database does not take the work: %s", error.orig)
    return StoreUnavailable("the database does not take the work now; the log says why", retry_after_seconds=5)
