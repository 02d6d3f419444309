"""Keeps the leases of one process alive, and stops the work whose lease is lost or whose run was cancelled."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from agents.errors import Cancelled, LeaseLost, PointsmanError, Unavailable
from services.store import leases, runs
from services.store.database import Database
from services.store.leases import Lease

log = logging.getLogger("pointsman.keeper")

LOOK_SECONDS = 1.0
"""How often cancellations are looked for: a cancelled run starts no call after about this time."""


@dataclass
class _Held:
    lease: Lease
    task: asyncio.Task[object]
    why: PointsmanError | None = field(default=None)


class Stopped(PointsmanError):
    """The process is asked to end: the work is given back for another to go on with."""


class Keeper:
    """All leases that this process holds."""

    def __init__(self, database: Database, *, lease: timedelta) -> None:
        self._database = database
        self._lease = lease
        self._held: dict[str, _Held] = {}

    @asynccontextmanager
    async def hold(self, lease: Lease) -> AsyncGenerator[None]:
        """Keep a lease for the length of the block, which runs in the current task.

        Raises:
            Cancelled, LeaseLost, Stopped: the block was interrupted, for this reason.
        """
        task = asyncio.current_task()
        assert task is not None
        held = self._held[lease.message_id] = _Held(lease, task)
        try:
            yield
        except asyncio.CancelledError:
            if held.why is None:
                raise
            task.uncancel()
            raise held.why from None
        finally:
            del self._held[lease.message_id]

    async def run(self) -> None:
        """Renew and look, for ever. The outermost loop of the keeper: with it all work of the process would be lost."""
        renewed = time.monotonic()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not self._held:
                continue
            now = time.monotonic()
            due = now - renewed >= self._lease.total_seconds() / 3
            try:
                await self._look(renew=due)
            except Unavailable:
                continue  # the next look may reach the database; a lease that ran out is fenced off anyway
            except Exception:
                log.exception("a defect in Pointsman kept leases from being renewed")
                continue
            renewed = now if due else renewed

    def interrupt_all(self) -> None:
        """Interrupt whatever is being worked on, so that it can be given back."""
        for held in list(self._held.values()):
            self._interrupt(held, Stopped("the process ends"))

    async def _look(self, *, renew: bool) -> None:
        held = list(self._held.values())
        if renew:
            async with self._database.write() as connection:
                ours = await leases.renew(connection, [one.lease for one in held], lease=self._lease)
            for one in held:
                if one.lease.message_id not in ours:
                    self._interrupt(one, LeaseLost(one.lease.run_id))
        async with self._database.read() as connection:
            ended = await runs.to_stop(connection, [one.lease.run_id for one in held])
        for one in held:
            if one.lease.run_id in ended:
                self._interrupt(one, Cancelled(f"run {one.lease.run_id} was cancelled"))

    def _interrupt(self, held: _Held, why: PointsmanError) -> None:
        if held.why is None and held.lease.message_id in self._held:
            log.info("interrupting the work on message %s: %s", held.lease.message_id, why)
            held.why = why
            held.task.cancel()
