"""One database, SQLite or PostgreSQL, and its two kinds of transaction: to read, and to write."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, nullcontext
from logging import getLogger
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.pool import ConnectionPoolEntry

from agents.errors import Unavailable
from services.store.transaction import Transaction, driven, in_thread

Result = TypeVar("Result")
Work = Callable[[Transaction], Coroutine[Any, Any, Result]]
"""The statements of a transaction; what it gives is given once they are committed."""

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
        self._unflushed = self.engine.execution_options(sqlite_synchronous="NORMAL")
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

    async def at_once(self, work: Work[Result], *, then: Callable[[], None] = lambda: None) -> Result:
        """Carry out a whole writing transaction in one visit to a thread.

        Args:
            work: the statements. It waits for nothing else, and is undone by what it raises.
            then: is called in the thread right after the commit: also where the caller is cancelled meanwhile.

        Raises:
            StoreUnavailable: as `write` does.
        """
        return await self._at_once(self.engine, work, then)

    async def at_once_unflushed(self, work: Work[Result], *, then: Callable[[], None] = lambda: None) -> Result:
        """As `at_once`, for what nobody is told of yet: in SQLite a power cut may take it back, the end of no process.

        Whatever is committed by `write` or `at_once` later makes this last as well, and is never there without it.
        PostgreSQL commits it as it does anything: the server may fall while this process goes on.
        """
        return await self._at_once(self._unflushed, work, then)

    async def _at_once(self, engine: Engine, work: Work[Result], then: Callable[[], None]) -> Result:
        def carry_out() -> Result:
            with engine.connect() as connection:
                with connection.begin():
                    result = driven(work(Transaction(connection)))
                then()
                return result

        async with self._turn, self._place():
            return await in_thread(self._threads, carry_out)

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
        opened = ExitStack()
        async with self._place():
            try:
                yield await in_thread(self._threads, lambda: _begun(engine, opened))
            finally:
                # Rolls back what was not committed; and closes what was opened for a task that was cancelled meanwhile.
                await in_thread(self._threads, opened.close)

    @asynccontextmanager
    async def _place(self) -> AsyncGenerator[None]:
        """A connection's worth of room, with what goes wrong in it named by what the caller can do."""
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._free.acquire()
        except TimeoutError as error:
            raise StoreUnavailable("the database is too busy: no connection came free") from error
        try:
            yield
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
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    driver: Any = connection.connection.dbapi_connection
    # Accepted is accepted, after a power cut too: FULL flushes each commit, with all that was not flushed before it.
    driver.execute(f"PRAGMA synchronous={options.get('sqlite_synchronous', 'FULL')}")
    connection.exec_driver_sql(options.get("sqlite_begin", "BEGIN IMMEDIATE"))


def _unavailable(error: DBAPIError) -> StoreUnavailable:
    if isinstance(error.orig, sqlite3.OperationalError) and "no such table" in str(error.orig):
        return StoreUnavailable("the database has no tables yet: run `pointsman migrate`")
    log.warning("the database does not take the work: %s", error.orig)
    return StoreUnavailable("the database does not take the work now; the log says why", retry_after_seconds=5)
