"""The worker: takes messages from the inboxes and works on them, runs and agents' turns alike, side by side."""

import asyncio
import logging
from collections.abc import Callable, Collection
from datetime import timedelta

from agents.errors import Unavailable
from services.queue.feed import Feed, FeedWriter
from services.queue.keeper import Keeper
from services.queue.place import Place
from services.queue.streams import Entry, Streams
from services.runner import Runner
from services.store import heartbeats, leases, messages
from services.store.database import Database
from services.store.leases import Lease
from services.store.messages import RUNS
from services.turns import Turns

ADOPT_SECONDS = 5.0
"""How often the worker looks for entries of workers that died."""
RUNS_PER_PLACE = 8
"""A run that waits for its team's turns holds no place; so many of them a place are enough for one worker."""
DEFECT_SECONDS = 2.0
STOP_GRACE_SECONDS = 6.0
"""For so long a stopping worker lets its work come to an end; then it gives it back."""

log = logging.getLogger("pointsman.worker")


class Worker:
    """One worker process. Any number of them, on any number of machines, read the same inboxes."""

    def __init__(
        self,
        name: str,
        *,
        database: Database,
        streams: Streams,
        feed: Feed,
        keeper: Keeper,
        runner: Runner,
        turns: Turns,
        lease: timedelta,
        concurrency: int,
        inboxes: Callable[[], Collection[str]],
    ) -> None:
        self._name = name
        self._database = database
        self._streams = streams
        self._feed = feed
        self._keeper = keeper
        self._runner = runner
        self._turns = turns
        self._lease = lease
        self._places = asyncio.Semaphore(concurrency)
        self._most = RUNS_PER_PLACE * concurrency
        self._inboxes = inboxes
        self._working: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Work until `stop` is called; then let what is being worked on end, or give it back."""
        async with asyncio.TaskGroup() as group:
            background = [group.create_task(self._keeper.run()), group.create_task(self._beat())]
            reading = group.create_task(self._read_on())
            await self._stopping.wait()
            reading.cancel()
            if self._working:
                await asyncio.wait(self._working, timeout=STOP_GRACE_SECONDS)
            self._keeper.interrupt_all()
            if self._working:
                await asyncio.wait(self._working)
            for task in background:
                task.cancel()
        await self._feed.close()
        async with self._database.write() as connection:
            await heartbeats.goodbye(connection, self._name)

    def stop(self) -> None:
        """Ask the worker to end."""
        self._stopping.set()

    async def _read_on(self) -> None:
        """Read for ever. The outermost loop of the worker: a defect in it is logged, and it goes on."""
        adopt_at = 0.0
        clock = asyncio.get_running_loop()
        while True:
            await self._places.acquire()  # nothing is read that could not be worked on at once
            self._places.release()
            try:
                inboxes = await self._streams.inboxes() | set(self._inboxes())
                if len(self._working) < self._most:
                    inboxes |= {RUNS}
                else:
                    inboxes -= {RUNS}
                entries = await self._streams.read(inboxes, consumer=self._name, count=1)
                if clock.time() >= adopt_at:
                    entries += await self._streams.adopt(inboxes, consumer=self._name)
                    adopt_at = clock.time() + ADOPT_SECONDS
                for entry in entries:
                    await self._take(entry)
            except Unavailable as error:
                log.warning("%s; trying again in %.0f s", error, error.retry_after_seconds)
                await asyncio.sleep(error.retry_after_seconds)
            except Exception:
                log.exception("a defect in Pointsman kept messages from being read")
                await asyncio.sleep(DEFECT_SECONDS)

    async def _take(self, entry: Entry) -> None:
        """Claim a message in SQL, and only then tell Redis that it may forget it."""
        place = Place(self._places)
        await place.take()
        lease = None
        try:
            lease = await self._claim(entry.message_id)
        finally:
            if lease is None:
                place.leave()
        if lease is not None:
            self._start(lease, entry.inbox, place)
        await self._streams.acknowledge([entry])

    async def _claim(self, message_id: str) -> Lease | None:
        async with self._database.write() as connection:
            lease = await leases.claim(connection, message_id, owner=self._name, lease=self._lease)
            if lease is None:
                await messages.received(connection, message_id)
            return lease

    def _start(self, lease: Lease, inbox: str, place: Place) -> None:
        task = asyncio.create_task(self._work(lease, inbox, place))
        self._working.add(task)
        task.add_done_callback(lambda done: self._done(done, place))

    def _done(self, task: asyncio.Task[None], place: Place) -> None:
        self._working.discard(task)
        place.leave()
        if not task.cancelled() and (error := task.exception()):
            log.error("a piece of work was left unfinished", exc_info=error)

    async def _work(self, lease: Lease, inbox: str, place: Place) -> None:
        """Work on a message and, that done, on those of the same run and inbox that had to wait for it."""
        following: Lease | None = lease
        while following is not None:
            if inbox == RUNS:
                await self._climb(following, place)
            else:
                await self._turns.take(following)
            async with self._database.read() as connection:
                waiting = await messages.next_waiting(connection, lease.run_id, inbox)
            following = await self._claim(waiting) if waiting and not self._stopping.is_set() else None

    async def _climb(self, lease: Lease, place: Place) -> None:
        """Climb a run whose asker is not connected: whoever is interested reads its feed."""
        writer = FeedWriter(self._feed, lease.run_id)
        await self._runner.climb(lease, on_text=writer.write, place=place)
        await writer.close()

    async def _beat(self) -> None:
        while True:
            try:
                async with self._database.write() as connection:
                    await heartbeats.beat(connection, self._name, "worker")
            except Unavailable as error:
                log.warning("%s", error)
            await asyncio.sleep(heartbeats.EVERY_SECONDS)
