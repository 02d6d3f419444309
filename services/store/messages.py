"""Messages in SQL: posted together with what causes them, announced on Redis afterwards, and again if need be."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, cast

from sqlalchemy import Float, Insert, bindparam, exists, func, insert, or_, select, update
from sqlalchemy import Table as CoreTable
from sqlalchemy.orm import aliased

from agents.context import span_id
from agents.records import Message, Step
from services.records import SentMessage
from services.store.changes import Changes, running_steps
from services.store.columns import database_now
from services.store.leases import WAITING, Lease
from services.store.rows import insert_row
from services.store.tables import MessageRow, RunRow, StepRow
from services.store.transaction import Transaction

RUNS = "runs"
"""Inbox of the runs that wait for a worker to climb their plan."""
GATEWAY = "gateway"
"""Inbox of the runs that a gateway climbs itself: nobody reads it, the lease alone counts."""
NOBODY = "-"
"""Inbox of what is only kept: the end of an exchange, a word to a running team."""

REPEAT_AFTER_SECONDS = 10.0
"""A message that was announced and not received for so long is announced again: Redis may have lost it."""


@dataclass(frozen=True)
class Posted:
    """What a posting wrote."""

    to_announce: tuple[str, ...]
    """Ids of the messages that somebody has to be told of."""
    steps: tuple[Step, ...]


def inbox_of(team: str, agent: str) -> str:
    return f"{team}.{agent}"


async def post(
    connection: Transaction, messages: Sequence[Message], *, inboxes: dict[str, str], parent_id: str | None
) -> Posted:
    """Insert the messages that are not there yet, each with its step."""
    known = set(
        (
            await connection.execute(select(MessageRow.id).where(MessageRow.id.in_([one.id for one in messages])))
        ).scalars()
    )
    fresh = [message for message in messages if message.id not in known]
    steps: list[Step] = []
    for message in fresh:
        key = f"message.{message.id}"
        step = Step(
            span_id=span_id(message.run_id, key),
            parent_id=parent_id,
            key=key,
            kind="message",
            name=f"{message.sender} to {message.recipient}",
            agent=message.sender,
            attempt=message.attempt,
            status="ok",
            started_at=message.sent_at,
            ended_at=message.sent_at,
            attributes={"message_id": message.id, "type": message.type},
            output=message.content,
        )
        steps.append(step)
        shown = {"id", "sender", "recipient", "type", "content"}
        changes = Changes(message.run_id)
        changes.event("message", message.model_dump(mode="json", include=shown), message.sent_at)
        changes.once(step)
        run = await changes.write(connection)
        assert run is not None, f"run {message.run_id} is gone in the middle of its own transaction"
        inbox = inboxes.get(message.recipient, NOBODY)
        await insert_row(
            connection,
            MessageRow,
            **message.model_dump(),
            seq=run.last_seq,
            inbox=inbox,
            traceparent=await traceparent(connection, message.run_id, parent_id),
            state="done" if inbox == NOBODY else "outbox",
            changed=database_now(),
        )
    return Posted(tuple(message.id for message in fresh if message.recipient in inboxes), tuple(steps))


async def traceparent(connection: Transaction, run_id: str, parent_id: str | None) -> str:
    """The W3C header that ties what a message causes to the step that sent it."""
    trace_id = (await connection.execute(select(RunRow.trace_id).where(RunRow.id == run_id))).scalar_one()
    return f"00-{trace_id}-{parent_id or span_id(run_id, 'run')}-01"


async def history(connection: Transaction, run_id: str, attempt: int) -> list[Message]:
    """The messages of an attempt's exchange, in the order in which they were sent."""
    rows = await connection.execute(
        select(MessageRow)
        .where(MessageRow.run_id == run_id, MessageRow.attempt == attempt, MessageRow.inbox.notin_((RUNS, GATEWAY)))
        .order_by(MessageRow.seq)
    )
    return [_message(row) for row in rows]


async def sent(connection: Transaction, run_id: str) -> tuple[SentMessage, ...]:
    """All messages between agents of a run, each with the span that shows it."""
    rows = await connection.execute(
        select(MessageRow)
        .where(MessageRow.run_id == run_id, MessageRow.inbox.notin_((RUNS, GATEWAY)))
        .order_by(MessageRow.seq)
    )
    return tuple(
        SentMessage.model_validate(
            {name: getattr(row, name) for name in Message.model_fields}
            | {"span_id": span_id(run_id, f"message.{row.id}")}
        )
        for row in rows
    )


async def to_announce(connection: Transaction, ids: Sequence[str] | None = None, limit: int = 500) -> list[Any]:
    """Messages to announce (id, inbox): those named, or all that nobody has heard of for too long."""
    query = select(MessageRow.id, MessageRow.inbox, MessageRow.traceparent).order_by(MessageRow.changed).limit(limit)
    if ids is not None:
        query = query.where(MessageRow.id.in_(ids), MessageRow.state == "outbox")
    else:
        earlier = aliased(MessageRow)
        age = database_now() - MessageRow.changed
        query = query.where(
            or_(
                (MessageRow.state == "outbox") & (age > 1.0),
                MessageRow.state.in_(("published", "received")) & (age > REPEAT_AFTER_SECONDS),
            ),
            ~exists().where(
                earlier.run_id == MessageRow.run_id,
                earlier.inbox == MessageRow.inbox,
                earlier.seq < MessageRow.seq,
                earlier.state.in_((*WAITING, "leased")),
            ),
        )
    return list(await connection.execute(query))


async def announced(connection: Transaction, ids: Sequence[str]) -> None:
    """Note that the messages stand on their streams."""
    await connection.execute(
        update(MessageRow)
        .where(MessageRow.id.in_(ids), MessageRow.state.in_(WAITING))
        .values(state="published", changed=database_now())
    )


async def begin_work(connection: Transaction, lease: Lease, now: datetime) -> Step:
    """Mark what an earlier worker left unfinished, and write how long the message waited for this one."""
    changes = Changes(lease.run_id)
    for running in await running_steps(connection, lease.run_id, lease=lease.message_id):
        changes.lose(running, now)
    query = select(MessageRow.sent_at, MessageRow.inbox, MessageRow.attempt).where(MessageRow.id == lease.message_id)
    row = (await connection.execute(query)).one()
    key = f"queue.{lease.message_id}.{lease.epoch}"
    step = Step(
        span_id=span_id(lease.run_id, key),
        parent_id=span_id(lease.run_id, "run" if row.inbox == RUNS else str(row.attempt)),
        key=key,
        kind="queue",
        name="queue wait",
        attempt=row.attempt,
        status="ok",
        started_at=row.sent_at,
        ended_at=now,
        attributes={"queue": row.inbox, "delivery": lease.deliveries},
    )
    changes.happened(step, now)
    await changes.write(connection)
    return step


async def received(connection: Transaction, message_id: str) -> None:
    """Note that a worker has seen the message, though it cannot be worked on yet."""
    await connection.execute(
        update(MessageRow)
        .where(MessageRow.id == message_id, MessageRow.state.in_(("outbox", "published")))
        .values(state="received", changed=database_now())
    )


async def next_waiting(connection: Transaction, run_id: str, inbox: str) -> str | None:
    """The message of the same run and inbox that may be worked on after one is done."""
    return (
        await connection.execute(
            select(MessageRow.id)
            .where(MessageRow.run_id == run_id, MessageRow.inbox == inbox, MessageRow.state.in_(WAITING))
            .order_by(MessageRow.seq)
            .limit(1)
        )
    ).scalar_one_or_none()


async def message(connection: Transaction, message_id: str) -> Message:
    """The message of this id."""
    return _message((await connection.execute(select(MessageRow).where(MessageRow.id == message_id))).one())


async def turn_span(connection: Transaction, lease: Lease) -> str | None:
    """The span of the turn that was taken under this lease: what is posted at its end belongs under it."""
    query = select(StepRow.span_id).where(
        StepRow.run_id == lease.run_id, StepRow.kind == "turn", StepRow.lease == lease.message_id
    )
    return (await connection.execute(query)).scalar()


async def final(connection: Transaction, run_id: str, attempt: int) -> Message | None:
    """The message that ended an attempt's exchange, if it has ended."""
    return next((one for one in await history(connection, run_id, attempt) if one.type == "final"), None)


async def failed_turn(connection: Transaction, run_id: str, attempt: int) -> str | None:
    """Why a message of an attempt's exchange was given up, if one was."""
    return (
        await connection.execute(
            select(MessageRow.dead_reason).where(
                MessageRow.run_id == run_id, MessageRow.attempt == attempt, MessageRow.state == "dead"
            )
        )
    ).scalar()


async def queues(connection: Transaction) -> list[Any]:
    """Each inbox with how many messages are in which state, and the age of the oldest that waits."""
    rows = await connection.execute(
        select(
            MessageRow.inbox,
            MessageRow.state,
            func.count().label("messages"),
            (database_now() - func.min(MessageRow.changed)).label("oldest_seconds"),
        )
        .where(MessageRow.state.in_((*WAITING, "leased", "dead")), MessageRow.inbox != NOBODY)
        .group_by(MessageRow.inbox, MessageRow.state)
    )
    return list(rows)


async def dead_letters(connection: Transaction, limit: int = 200) -> list[Any]:
    """What was given up, newest first."""
    return list(
        await connection.execute(
            select(MessageRow).where(MessageRow.state == "dead").order_by(MessageRow.changed.desc()).limit(limit)
        )
    )


async def revive(connection: Transaction, message_id: str) -> bool:
    """Let a message that was given up be delivered again; False if it was not, or its run has ended."""
    live = select(RunRow.id).where(RunRow.ended_at.is_(None))
    result = await connection.execute(
        update(MessageRow)
        .where(MessageRow.id == message_id, MessageRow.state == "dead", MessageRow.run_id.in_(live))
        .values(state="outbox", changed=database_now(), deliveries=0, dead_reason=None)
    )
    return result.rowcount == 1


async def waiting_runs(connection: Transaction) -> int:
    """How many runs wait for a worker."""
    return (
        await connection.execute(select(func.count()).where(MessageRow.inbox == RUNS, MessageRow.state.in_(WAITING)))
    ).scalar_one()


async def post_run(
    connection: Transaction,
    run_id: str,
    *,
    sent_at: datetime,
    traceparent: str,
    gateway: tuple[str, timedelta] | None = None,
) -> str:
    """Insert the message that asks for a run to be climbed; gives its id.

    Args:
        gateway: name of the process that climbs it itself, and the length of its lease; None leaves it to the workers.
    """
    message_id = f"{run_id}.0"
    message = {
        "id": message_id,
        "run_id": run_id,
        "seq": 1,
        "attempt": 0,
        "inbox": GATEWAY if gateway else RUNS,
        "sender": "user",
        "recipient": "runner",
        "type": "task",
        "content": "",
        "sent_at": sent_at,
        "traceparent": traceparent,
        "state": "leased" if gateway else "outbox",
        "deliveries": 1 if gateway else 0,
        "lease_owner": gateway[0] if gateway else None,
        "lease_epoch": 1 if gateway else 0,
        "lease_seconds": gateway[1].total_seconds() if gateway else None,
    }
    await connection.execute(_insert_run_message(), message)
    return message_id


@cache
def _insert_run_message() -> Insert:
    until = database_now() + bindparam("lease_seconds", type_=Float())
    return insert(cast("CoreTable", MessageRow.__table__)).values(changed=database_now(), lease_until=until)


def _message(row: Any) -> Message:
    return Message.model_validate({name: getattr(row, name) for name in Message.model_fields})
