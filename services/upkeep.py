"""Upkeep: takes work back from processes that died, announces again what nobody heard, deletes what is old."""

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import update

from agents.context import Clock
from services.queue.feed import Feed
from services.queue.relay import Relay
from services.records import Failure
from services.store import heartbeats, leases, runs
from services.store.columns import database_now
from services.store.database import Database
from services.store.leases import MAX_DELIVERIES
from services.store.messages import GATEWAY, RUNS
from services.store.tables import MessageRow
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
                if await _seize(connection, row):
                    await self._decide(connection, row)
            self.feed.ring(row.run_id)
        return len(silent)

    async def sweep(self) -> int:
        """Announce what stands in the outbox, or was announced and not received; gives how much."""
        return await self.relay.sweep()

    async def tidy(self) -> int:
        """Delete the runs that are older than they have to be kept; gives how many."""
        async with self.database.write() as connection:
            await heartbeats.forget_silent(connection)
            return await runs.delete_older(connection, self.clock() - self.retention)

    async def _decide(self, connection: Transaction, row: Any) -> None:
        """Give the message to another worker, or end its run: with a gateway died its client's connection."""
        if row.inbox == GATEWAY:
            message = f"the gateway {row.lease_owner} stopped while it answered; ask again"
            await self._end(connection, row, Failure(message=message, type="unavailable"), dead=False)
        elif row.deliveries >= MAX_DELIVERIES:
            message = f"given up after {row.deliveries} workers died over it, the last was {row.lease_owner}"
            await self._end(connection, row, Failure(message=message, type="dead"), dead=True)
        log.warning("took back message %s of %s, which fell silent", row.id, row.lease_owner)

    async def _end(self, connection: Transaction, row: Any, failure: Failure, *, dead: bool) -> None:
        if dead and row.inbox != RUNS:
            reason = Failure(message=failure.message, type="malformed_output").model_dump_json()
            await connection.execute(
                update(MessageRow).where(MessageRow.id == row.id).values(state="dead", dead_reason=reason)
            )
            return
        status = "dead" if dead else "failed"
        await runs.end(connection, row.run_id, status=status, now=self.clock(), lease=None, error=failure)
        if dead:
            await connection.execute(
                update(MessageRow)
                .where(MessageRow.id == row.id)
                .values(state="dead", dead_reason=failure.model_dump_json())
            )


async def _seize(connection: Transaction, row: Any) -> bool:
    """Put a silent process's message back into the outbox; False if it spoke up meanwhile, or another was quicker."""
    result = await connection.execute(
        update(MessageRow)
        .where(
            MessageRow.id == row.id,
            MessageRow.state == "leased",
            MessageRow.lease_owner == row.lease_owner,
            MessageRow.lease_until < database_now(),
        )
        .values(state="outbox", changed=database_now(), lease_until=None, lease_epoch=MessageRow.lease_epoch + 1)
    )
    return result.rowcount == 1
