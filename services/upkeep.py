"""Upkeep: takes work back from processes that died, announces again what nobody heard, deletes what is old."""

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from agents.context import Clock
from services.queue.feed import Feed
from services.queue.relay import Relay
from services.records import Failure
from services.store import heartbeats, leases, outcomes, runs
from services.store.database import Database
from services.store.leases import MAX_DELIVERIES
from services.store.messages import GATEWAY, RUNS
from services.store.transaction import Transaction

log = logging.getLogger("pointsman.upkeep")


@dataclass(frozen=True)
class Upkeep:
    """The maintenance jobs. Each may run at any time, in any number of processes at once."""

    database: Database
    relay: Relay
    feed: Feed
    clock: Clock
    retention: timedelta

    async def reap(self) -> int:
        """Take back the work of processes that fell silent; gives how much."""
        async with self.database.read() as connection:
            silent = await leases.expired(connection)
            overdue = await runs.overdue(connection, self.clock())
        for run_id in overdue:
            failure = Failure(message="its deadline passed before a worker was free", type="budget_exceeded")
            async with self.database.write() as connection:
                await runs.end(connection, run_id, status="expired", now=self.clock(), lease=None, error=failure)
            self.feed.ring(run_id)
        for row in silent:
            async with self.database.write() as connection:
                if await leases.seize(connection, row):
                    await self._decide(connection, row)
            self.feed.ring(row.run_id)
        return len(silent)

    async def sweep(self) -> int:
        """Announce what stands in the outbox, or was announced and not received; gives how much."""
        return await self.relay.sweep()

    async def tidy(self) -> int:
        """Delete the runs that are older than they have to be kept; gives how many. Their outcomes stay."""
        async with self.database.write() as connection:
            await heartbeats.forget_silent(connection)
            await outcomes.forget_oldest(connection)
            return await runs.delete_older(connection, self.clock() - self.retention)

    async def _decide(self, connection: Transaction, row: Any) -> None:
        """Leave the message to another worker, or end what it is part of: a gateway's client is gone with it."""
        log.warning("took back message %s of %s, which fell silent", row.id, row.lease_owner)
        if row.inbox == GATEWAY:
            message = f"the gateway {row.lease_owner} stopped while it answered; ask again"
            failure = Failure(message=message, type="unavailable")
            await runs.end(connection, row.run_id, status="failed", now=self.clock(), lease=None, error=failure)
        elif row.deliveries >= MAX_DELIVERIES:
            message = f"given up after {row.deliveries} workers died over it, the last was {row.lease_owner}"
            if row.inbox == RUNS:
                failure = Failure(message=message, type="dead")
                await runs.end(connection, row.run_id, status="dead", now=self.clock(), lease=None, error=failure)
            else:
                failure = Failure(message=message, type="malformed_output")  # its run hears of it
            await leases.give_up(connection, row.id, failure.model_dump_json())
