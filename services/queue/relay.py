"""The relay: announces on Redis what was committed to the outbox, at once by who committed it, later by the sweep."""

from collections.abc import Sequence

from agents.errors import Unavailable
from services.queue.streams import Streams
from services.store import messages
from services.store.database import Database


class Relay:
    """Moves messages from the outbox to their streams. Twice is harmless: each takes effect once by its id."""

    def __init__(self, database: Database, streams: Streams) -> None:
        self._database = database
        self._streams = streams

    async def announce(self, ids: Sequence[str]) -> None:
        """Announce what was just committed. When Redis is away the sweep will do it."""
        if ids:
            try:
                await self._pass_on(ids)
            except Unavailable:
                return

    async def sweep(self) -> int:
        """Announce everything that waits without having been heard of; gives how many. Raises `Unavailable`."""
        return await self._pass_on(None)

    async def _pass_on(self, ids: Sequence[str] | None) -> int:
        async with self._database.read() as connection:
            waiting = await messages.to_announce(connection, ids)
        if waiting:
            await self._streams.announce([(row.id, row.inbox, row.traceparent) for row in waiting])
            async with self._database.write() as connection:
                await messages.announced(connection, [row.id for row in waiting])
        return len(waiting)
