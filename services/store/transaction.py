"""A transaction whose statements run in a thread, and what a statement gave.

Made on SQLAlchemy's plain connections: its asynchronous ones cross between threads several times a statement, which
took most of the time of a short transaction (`make bench`).
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, TypeVar

from sqlalchemy import Connection, Executable
from sqlalchemy.exc import MultipleResultsFound, NoResultFound

Result = TypeVar("Result")
Values = Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""Of a statement's places; several of them have it carried out for each."""


class Rows:
    """What a statement gave, all of it read."""

    def __init__(self, rows: list[Any], rowcount: int) -> None:
        self._rows = rows
        self.rowcount = rowcount
        """Rows that were changed."""

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def first(self) -> Any | None:
        """The first row, if there is any."""
        return self._rows[0] if self._rows else None

    def one(self) -> Any:
        """The only row. Raises SQLAlchemy's `NoResultFound` or `MultipleResultsFound`."""
        row = self.one_or_none()
        if row is None:
            raise NoResultFound("no row where one was expected")
        return row

    def one_or_none(self) -> Any | None:
        """The only row, if there is any."""
        if len(self._rows) > 1:
            raise MultipleResultsFound("several rows where one was expected")
        return self.first()

    def scalars(self) -> list[Any]:
        """The first value of each row."""
        return [row[0] for row in self._rows]

    def scalar(self) -> Any | None:
        """The first value of the first row, if there is any."""
        row = self.first()
        return None if row is None else row[0]

    def scalar_one(self) -> Any:
        """The first value of the only row."""
        return self.one()[0]

    def scalar_one_or_none(self) -> Any | None:
        """The first value of the only row, if there is any."""
        row = self.one_or_none()
        return None if row is None else row[0]


class Transaction:
    """A transaction that has begun. One statement at a time, as in any transaction."""

    def __init__(self, connection: Connection, threads: Executor | None = None) -> None:
        """Wrap a connection whose transaction has begun.

        Args:
            connection: what the statements go through.
            threads: where they run; None: right where they are asked for, as all of the transaction is in a thread.
        """
        self._connection = connection
        self._threads = threads

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._connection.dialect.name

    async def execute(self, statement: Executable, values: Values | None = None) -> Rows:
        """Carry a statement out, and read all it gives.

        Values that are given apart from the statement cost far less than values inside of it.
        """
        if self._threads is None:
            return _execute(self._connection, statement, values)
        return await self.run(lambda connection: _execute(connection, statement, values))

    async def run(self, work: Callable[[Connection], Result]) -> Result:
        """Do something with the connection in the thread."""
        if self._threads is None:
            return work(self._connection)
        return await in_thread(self._threads, lambda: work(self._connection))


def driven(work: Coroutine[Any, Any, Result]) -> Result:
    """Carry out, without an event loop, what waits for nothing but statements that run where they are asked for."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    work.close()
    raise RuntimeError("a transaction that is carried out at once may wait for its own statements only")


async def in_thread(threads: Executor, work: Callable[[], Result]) -> Result:
    """Do blocking work in a thread. When the task is cancelled it still waits for the thread: what that works on would
    otherwise be handed on under its hands."""
    future = asyncio.get_running_loop().run_in_executor(threads, work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        while not future.done():
            try:
                await asyncio.wait({future})
            except asyncio.CancelledError:
                continue
        if not future.cancelled():
            future.exception()  # seen: the cancellation is what the caller is told of
        raise


def _execute(connection: Connection, statement: Executable, values: Values | None) -> Rows:
    result = connection.execute(statement, values)
    return Rows(list(result), -1) if result.returns_rows else Rows([], result.rowcount)
