"""A run's mailbox: posts messages durably, and waits for the one that ends an exchange."""

from collections.abc import Mapping, Sequence

from agents.records import Message
from services.failures import error_of
from services.queue.feed import Feed
from services.queue.place import Place
from services.queue.relay import Relay
from services.records import Failure
from services.store import messages as stored
from services.store.database import Database, StoreUnavailable
from services.store.journal import OnStep
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
        place: Place,
        on_step: OnStep,
    ) -> None:
        self._database = database
        self._lease = lease
        self._relay = relay
        self._feed = feed
        self._inboxes = dict(inboxes)
        self._parent_id = parent_id
        self._place = place
        self._on_step = on_step

    async def post(self, messages: Sequence[Message]) -> None:
        """Commit the messages and announce them."""
        async with self._database.write() as connection:
            posted = await stored.post(connection, messages, inboxes=self._inboxes, parent_id=self._parent_id)
        for step in posted.steps:
            self._on_step(step)
        await self._relay.announce(posted.to_announce)
        self._feed.ring(self._lease.run_id)

    async def final(self, attempt: int) -> Message:
        """Wait for the end of the exchange. The place in the worker is free meanwhile: the turns may need it.

        Raises:
            PointsmanError: a turn failed with it, and the exchange with the turn.
        """
        self._place.leave()
        final = await self._wait(attempt)
        await self._place.take()
        return final

    async def _wait(self, attempt: int) -> Message:
        cursor = "0-0"
        while True:
            try:
                async with self._database.read() as connection:
                    found = await stored.final(connection, self._lease.run_id, attempt)
                    failed = await stored.failed_turn(connection, self._lease.run_id, attempt)
            except StoreUnavailable:
                found = failed = None  # it is asked again after the next wait
            if found:
                return found
            if failed is not None:
                raise error_of(Failure.model_validate_json(failed))
            cursor, _ = await self._feed.wait(self._lease.run_id, cursor)
