"""A run's mailbox: posts messages durably, and waits for the one that ends an exchange."""

import asyncio
from collections.abc import Mapping, Sequence

from agents.records import Message
from services.failures import error_of
from services.queue.feed import Feed
from services.queue.relay import Relay
from services.records import Failure
from services.store import messages
from services.store.database import Database
from services.store.leases import Lease


class SqlMailbox:
    """The mailbox of one attempt under the run's lease."""

    def __init__(
        self,
        database: Database,
        lease: Lease,
        *,
        relay: Relay,
        feed: Feed,
        inboxes: Mapping[str, str],
        parent_id: str,
        slots: asyncio.Semaphore | None,
    ) -> None:
        self._database = database
        self._lease = lease
        self._relay = relay
        self._feed = feed
        self._inboxes = dict(inboxes)
        self._parent_id = parent_id
        self._slots = slots

    async def post(self, messages_: Sequence[Message]) -> None:
        """Commit the messages and announce them."""
        async with self._database.write() as connection:
            fresh = await messages.post(connection, messages_, inboxes=self._inboxes, parent_id=self._parent_id)
        await self._relay.announce(fresh)
        await self._feed.ring(self._lease.run_id)

    async def final(self, attempt: int) -> Message:
        """Wait for the end of the exchange. The worker's slot is free meanwhile: the turns may need it.

        Raises:
            PointsmanError: a turn failed with it, and the exchange with the turn.
        """
        if self._slots:
            self._slots.release()
        try:
            cursor = "0-0"
            while True:
                async with self._database.read() as connection:
                    found = await messages.final(connection, self._lease.run_id, attempt)
                    failed = await messages.failed_turn(connection, self._lease.run_id, attempt)
                if found:
                    return found
                if failed is not None:
                    raise error_of(Failure.model_validate_json(failed))
                cursor, _ = await self._feed.wait(self._lease.run_id, cursor)
        finally:
            if self._slots:
                await self._slots.acquire()
