"""Leases on messages: who may work on a run or a turn now, and the fence that stops everybody else's writes."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select, update
from sqlalchemy.orm import aliased

from services.store.columns import database_now
from services.store.tables import MessageRow
from services.store.transaction import Transaction

MAX_DELIVERIES = 5
"""After so many, a message is given up: it kills whoever works on it."""

WAITING = ("outbox", "published", "received")


@dataclass(frozen=True)
class Lease:
    """The right to work on one message, until another epoch begins."""

    message_id: str
    run_id: str
    owner: str
    epoch: int
    deliveries: int = 1

    def held(self) -> ColumnElement[bool]:
        """Of the message's row: this lease is its last one."""
        return and_(
            MessageRow.id == self.message_id,
            MessageRow.state == "leased",
            MessageRow.lease_owner == self.owner,
            MessageRow.lease_epoch == self.epoch,
        )

    def fence(self) -> ColumnElement[bool]:
        """Of any row: true for as long as this lease is the message's last one."""
        return exists().where(self.held())


async def lock(connection: Transaction, run_id: str) -> None:
    """Keep a run's messages as they are until the transaction ends.

    Messages are locked before their run, everywhere: with two orders, transactions would wait for each other.
    """
    if connection.dialect == "postgresql":
        of_run = select(MessageRow.id).where(MessageRow.run_id == run_id).order_by(MessageRow.id)
        await connection.execute(of_run.with_for_update())


async def claim(connection: Transaction, message_id: str, *, owner: str, lease: timedelta) -> Lease | None:
    """Take a waiting message; None if another has it, or an earlier one of the same inbox and run is not done."""
    earlier = aliased(MessageRow)
    row = (
        await connection.execute(
            update(MessageRow)
            .where(
                MessageRow.id == message_id,
                MessageRow.state.in_(WAITING),
                ~exists().where(
                    earlier.run_id == MessageRow.run_id,
                    earlier.inbox == MessageRow.inbox,
                    earlier.seq < MessageRow.seq,
                    earlier.state.in_((*WAITING, "leased")),
                ),
            )
            .values(
                state="leased",
                changed=database_now(),
                lease_owner=owner,
                lease_epoch=MessageRow.lease_epoch + 1,
                lease_until=database_now() + lease.total_seconds(),
                deliveries=MessageRow.deliveries + 1,
            )
            .returning(MessageRow.run_id, MessageRow.lease_epoch, MessageRow.deliveries)
        )
    ).first()
    if row is None:
        return None
    return Lease(
        message_id=message_id, run_id=row.run_id, owner=owner, epoch=row.lease_epoch, deliveries=row.deliveries
    )


async def renew(connection: Transaction, leases: list[Lease], *, lease: timedelta) -> set[str]:
    """Prolong leases; gives the ids of the messages whose lease is still the one we have."""
    ours = or_(
        *[
            and_(
                MessageRow.id == one.message_id,
                MessageRow.lease_owner == one.owner,
                MessageRow.lease_epoch == one.epoch,
            )
            for one in leases
        ]
    )
    rows = await connection.execute(
        update(MessageRow)
        .where(MessageRow.state == "leased", ours)
        .values(lease_until=database_now() + lease.total_seconds())
        .returning(MessageRow.id)
    )
    return set(rows.scalars())


async def give_back(connection: Transaction, lease: Lease) -> None:
    """Let another worker take the message, as if it had not been delivered: for a stop that was asked for."""
    await connection.execute(
        update(MessageRow)
        .where(lease.held())
        .values(state="outbox", changed=database_now(), deliveries=MessageRow.deliveries - 1, lease_until=None)
    )


async def done(connection: Transaction, lease: Lease) -> bool:
    """Mark the message as worked off; False if the lease is no longer ours."""
    return await _end(connection, lease, state="done")


async def dead(connection: Transaction, lease: Lease, reason: str) -> bool:
    """Give the message up; False if the lease is no longer ours."""
    return await _end(connection, lease, state="dead", dead_reason=reason)


async def expired(connection: Transaction) -> list[Any]:
    """The messages whose worker was silent for longer than its lease: id, run_id, inbox, deliveries, lease_owner."""
    rows = await connection.execute(
        select(MessageRow.id, MessageRow.run_id, MessageRow.inbox, MessageRow.deliveries, MessageRow.lease_owner).where(
            MessageRow.state == "leased", MessageRow.lease_until < database_now()
        )
    )
    return list(rows)


async def seize(connection: Transaction, row: Any) -> bool:
    """Put a message that `expired` gave back into the outbox; False if its owner spoke up, or another was quicker."""
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


async def give_up(connection: Transaction, message_id: str, reason: str) -> None:
    """Make a dead letter of a message that nobody has a lease on."""
    await connection.execute(
        update(MessageRow).where(MessageRow.id == message_id).values(state="dead", dead_reason=reason)
    )


async def _end(connection: Transaction, lease: Lease, *, state: str, dead_reason: str | None = None) -> bool:
    result = await connection.execute(
        update(MessageRow)
        .where(lease.held())
        .values(state=state, changed=database_now(), lease_until=None, dead_reason=dead_reason)
    )
    return result.rowcount == 1
