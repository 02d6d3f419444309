"""Runs in SQL: accepted, planned, ended once, read back whole or as a list."""

import base64
import json
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, String, and_, cast, delete, func, or_, select, update

from agents.context import span_id
from agents.errors import InvalidTask, NotFound
from agents.records import Answer, Attempt, Budget, Step, Task, Usage
from router.records import Plan
from services.records import END_STATUSES, EndStatus, Failure, Known, Origin, Run
from services.store import conversations, leases, messages
from services.store.columns import database_now
from services.store.journal import insert_step, lose_running, step_of
from services.store.leases import Lease
from services.store.rows import LIVE, add_event, bump, insert_row
from services.store.tables import EventRow, FeedbackRow, MessageRow, RunRow, SlotRow, StepIoRow, StepRow
from services.store.transaction import Transaction

TITLE_LENGTH = 120
NOTHING_KNOWN = Known()


def new_id() -> str:
    """A new identifier, which sorts by its time of making."""
    milliseconds = int(datetime.now().timestamp() * 1000)  # noqa: DTZ005  # a count since 1970, no wall clock is shown
    return str(uuid.UUID(int=(milliseconds << 80) | (uuid.uuid4().int & ((1 << 80) - 1))))


async def accept(
    connection: Transaction,
    task: Task,
    *,
    origin: Origin,
    now: datetime,
    deadline: timedelta,
    owner: str | None = None,
    known: Known = NOTHING_KNOWN,
    idempotency_key: str | None = None,
    team_yaml: str | None = None,
    traceparent: tuple[str, str] | None = None,
    gateway: tuple[str, timedelta] | None = None,
) -> tuple[str, Lease | None, list[str]]:
    """Commit to a task: insert its run and the message that has it climbed.

    Args:
        traceparent: trace id and span id of the caller, where it sent them.
        gateway: name and lease of the process that climbs the run itself; None leaves it to the workers.

    Returns:
        The run's id, the lease (if a gateway climbs it), and the ids of the messages to announce.
    """
    run_id = new_id()
    trace_id, trace_parent = traceparent or (uuid.UUID(run_id).hex, None)
    if task.budget.max_seconds is not None:
        deadline = min(deadline, timedelta(seconds=task.budget.max_seconds))
    status = "running" if gateway else "queued"
    await insert_row(
        connection,
        RunRow,
        id=run_id,
        status=status,
        origin=origin,
        title=title_of(task),
        owner=owner,
        task=task.model_dump_json(by_alias=True),
        team=team_of(task),
        team_yaml=team_yaml,
        effort=task.effort,
        idempotency_key=_scoped(owner, idempotency_key) if idempotency_key else None,
        conversation=task.conversation,
        known=known.model_dump_json() if known != NOTHING_KNOWN else None,
        trace_id=trace_id,
        trace_parent=trace_parent,
        created_at=now,
        started_at=now if gateway else None,
        deadline_at=now + deadline,
        last_seq=1,
        max_usd=task.budget.max_usd,
        max_tokens_total=task.budget.max_tokens_total,
        max_model_calls=task.budget.max_model_calls,
        max_tool_calls=task.budget.max_tool_calls,
    )
    root = span_id(run_id, "run")
    await insert_row(
        connection,
        StepRow,
        run_id=run_id,
        span_id=root,
        seq=1,
        parent_id=None,
        key="run",
        kind="run",
        name=f"invoke_workflow {team_of(task) or 'run'}",
        attempt=0,
        status="running",
        started_at=now,
        attributes=json.dumps({"run_id": run_id, "origin": origin, "effort": task.effort}),
    )
    await insert_row(connection, StepIoRow, run_id=run_id, span_id=root, input=task.prompt)
    await add_event(connection, run_id, 1, "status", {"status": status}, now)
    message = messages.run_message(run_id, inbox=messages.GATEWAY if gateway else messages.RUNS, sent_at=now)
    lease = None
    if gateway:
        owner_name, duration = gateway
        message |= {
            "state": "leased",
            "lease_owner": owner_name,
            "lease_epoch": 1,
            "lease_until": database_now() + duration.total_seconds(),
            "deliveries": 1,
        }
        lease = Lease(message_id=message["id"], run_id=run_id, owner=owner_name, epoch=1)
    await insert_row(connection, MessageRow, **message, seq=1, traceparent=f"00-{trace_id}-{root}-01")
    return run_id, lease, [] if gateway else [message["id"]]


async def same_request(connection: Transaction, owner: str | None, idempotency_key: str) -> str | None:
    """The run that was accepted for this idempotency key before."""
    scoped = _scoped(owner, idempotency_key)
    if connection.dialect == "postgresql":  # two requests with the same key: the second waits for the first
        await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(scoped))))
    query = select(RunRow.id).where(RunRow.idempotency_key == scoped)
    return (await connection.execute(query)).scalar_one_or_none()


async def start(connection: Transaction, lease: Lease, now: datetime) -> bool:
    """Note that a worker has begun; False if the run needs no work any more."""
    started_at = (
        await connection.execute(select(RunRow.started_at).where(RunRow.id == lease.run_id))
    ).scalar_one_or_none()
    started = {"status": "running", "started_at": started_at or now}
    seq = await bump(connection, lease.run_id, lease=lease, only_if=(LIVE,), change=started)
    if seq is None:
        return False
    await add_event(connection, lease.run_id, seq, "status", {"status": "running"}, now)
    return True


async def save_plan(connection: Transaction, lease: Lease, plan: Plan, step: Step, *, deadline_at: datetime) -> bool:
    """Store the plan, its limits and the step that drew it up; False if the lease is lost."""
    text = plan.model_dump_json()
    limits = {name: getattr(plan.limits, name) for name in Budget.model_fields if name != "max_seconds"}
    change = {"plan": text, "rung": plan.rungs[0].short, "deadline_at": deadline_at, **limits}
    seq = await bump(connection, lease.run_id, lease=lease, add={"steps": 1}, change=change)
    if seq is None:
        return False
    await insert_step(connection, lease.run_id, seq, step)
    await add_event(connection, lease.run_id, seq, "plan", {"plan": json.loads(text)}, step.started_at)
    return True


async def note_attempt(connection: Transaction, run_id: str, attempt: Attempt, now: datetime) -> None:
    """Announce an attempt whose step ends in this transaction."""
    seq = await bump(connection, run_id, change={"rung": attempt.rung})
    assert seq is not None
    data = attempt.model_dump(mode="json", include={"number", "rung", "accepted", "reason", "verdicts"})
    await add_event(connection, run_id, seq, "attempt", data, now)


async def end(
    connection: Transaction,
    run_id: str,
    *,
    status: EndStatus,
    now: datetime,
    lease: Lease | None,
    answer: Answer | None = None,
    error: Failure | None = None,
) -> bool:
    """Give a run its one end: status, answer, the one event, the outcome of its slot.

    `lease` None is for those who end a run from outside (cancelled while it waits, its worker gone for good).
    False if the run had ended before, or the lease is lost.
    """
    shown = answer.model_dump(mode="json") if answer else None
    session = conversations.session_of(answer, status) if answer else None
    await leases.lock(connection, run_id)
    if await bump(connection, run_id, lease=lease, only_if=(LIVE,)) is None:
        return False
    row = (await connection.execute(select(RunRow).where(RunRow.id == run_id))).one()
    await add_event(connection, run_id, row.last_seq, "status", {"status": status}, now)
    await lose_running(connection, run_id, lease=None, at=now)
    seq = await bump(
        connection,
        run_id,
        change={
            "status": status,
            "ended_at": now,
            "answer": json.dumps(shown, ensure_ascii=False) if shown else None,
            "model": answer.model if answer else None,
            "answer_digest": conversations.digest_of(answer) if answer else None,
            "session": session.model_dump_json() if session else None,
            "error": error.model_dump_json() if error else None,
        },
    )
    assert seq is not None
    text = {"text": answer.text, "model": answer.model} if answer else None
    failure = error.model_dump() if error else None
    await add_event(connection, run_id, seq, "end", {"status": status, "answer": text, "error": failure}, now)
    good = status in ("succeeded", "unverified", "truncated")
    await connection.execute(
        update(StepRow)
        .where(StepRow.run_id == run_id, StepRow.kind == "run")
        .values(seq=seq, status="ok" if good else "error", ended_at=now, error=error.message if error else None)
    )
    if answer:
        root = StepIoRow.span_id == span_id(run_id, "run")
        await connection.execute(update(StepIoRow).where(StepIoRow.run_id == run_id, root).values(output=answer.text))
    await connection.execute(
        update(SlotRow)
        .where(SlotRow.run_id == run_id)
        .values(outcome="ran" if good else "failed", reason=error.message if error else "", decided_at=now)
    )
    await connection.execute(
        update(MessageRow)
        .where(MessageRow.run_id == run_id, MessageRow.state.notin_(("done", "dead")))
        .values(state="done", changed=database_now(), lease_until=None)
    )
    return True


async def ask_cancel(connection: Transaction, run_id: str, now: datetime) -> bool:
    """Ask for a run's end; a run that no one works on ends at once. False if it had ended."""
    await leases.lock(connection, run_id)
    seq = await bump(connection, run_id, only_if=(LIVE,), change={"cancel_requested": True, "paused": False})
    if seq is None:
        return False
    status = (await connection.execute(select(RunRow.status).where(RunRow.id == run_id))).scalar_one()
    await add_event(connection, run_id, seq, "status", {"status": status, "cancel_requested": True}, now)
    if status == "queued":
        await end(connection, run_id, status="cancelled", now=now, lease=None)
    return True


async def set_paused(connection: Transaction, run_id: str, now: datetime, *, paused: bool) -> bool:
    """Hold a run before its next step, or let it go on. False if it has ended."""
    status = "waiting" if paused else "running"
    row = (await connection.execute(select(RunRow.status).where(RunRow.id == run_id))).scalar_one_or_none()
    values = {"paused": paused} | ({} if row == "queued" else {"status": status})
    seq = await bump(connection, run_id, only_if=(LIVE,), change=values)
    if seq is None:
        return False
    await add_event(connection, run_id, seq, "status", {"status": values.get("status", "queued")}, now)
    return True


async def load(connection: Transaction, run_id: str) -> Run:
    """The whole run. Raises `NotFound`."""
    found = {"attempts": await attempts(connection, run_id), "messages": await messages.sent(connection, run_id)}
    return (await head(connection, run_id)).model_copy(update=found)


async def head(connection: Transaction, run_id: str) -> Run:
    """The run without its attempts and messages. Raises `NotFound`."""
    row = (await connection.execute(select(RunRow).where(RunRow.id == run_id))).one_or_none()
    if row is None:
        raise NotFound(f"there is no run '{run_id}'; GET /api/runs lists them", param="id", code="run_not_found")
    return _run(row).model_copy(
        update={
            "plan": Plan.model_validate_json(row.plan) if row.plan else None,
            "answer": Answer.model_validate_json(row.answer) if row.answer else None,
        }
    )


async def attempts(connection: Transaction, run_id: str) -> tuple[Attempt, ...]:
    """The rungs that were climbed to their end, with what each used: a sum over its steps."""
    spent = {
        row.attempt: row
        for row in await connection.execute(
            select(
                StepRow.attempt,
                func.sum(StepRow.cost_usd).label("cost_usd"),
                *[func.sum(getattr(StepRow, name)).label(name) for name in Usage.model_fields],
            )
            .where(StepRow.run_id == run_id)
            .group_by(StepRow.attempt)
        )
    }
    rows = await connection.execute(
        select(StepRow.attempt, StepIoRow.output)
        .join(StepIoRow, and_(StepIoRow.run_id == StepRow.run_id, StepIoRow.span_id == StepRow.span_id))
        .where(StepRow.run_id == run_id, StepRow.kind == "attempt", StepIoRow.output.is_not(None))
        .order_by(StepRow.attempt)
    )
    return tuple(
        Attempt.model_validate_json(row.output).model_copy(
            update={
                "usage": Usage(**{name: getattr(spent[row.attempt], name) for name in Usage.model_fields}),
                "cost_usd": spent[row.attempt].cost_usd or Decimal(0),
            }
        )
        for row in rows
    )


async def listing(
    connection: Transaction,
    *,
    filters: Mapping[str, str],
    cursor: str | None,
    limit: int,
) -> tuple[list[Run], str | None]:
    """A page of runs, newest first, without their attempts; and the cursor of the next page."""
    query: Select[Any] = select(RunRow).order_by(RunRow.created_at.desc(), RunRow.id.desc()).limit(limit + 1)
    for name in ("status", "team", "model"):
        if value := filters.get(name):
            query = query.where(getattr(RunRow, name).in_(value.split(",")))
    if text := filters.get("q"):
        query = query.where(or_(RunRow.title.icontains(text, autoescape=True), cast(RunRow.id, String) == text))
    if cursor:
        created_at, run_id = _decode(cursor)
        query = query.where(
            or_(RunRow.created_at < created_at, and_(RunRow.created_at == created_at, RunRow.id < run_id))
        )
    rows = list(await connection.execute(query))
    following = _encode(rows[limit - 1]) if len(rows) > limit else None
    return [_run(row) for row in rows[:limit]], following


async def spans(connection: Transaction, run_id: str, *, since: int, limit: int = 2000) -> list[tuple[int, Step]]:
    """The steps that changed after `since`, in the order of their last change."""
    rows = await connection.execute(
        select(StepRow).where(StepRow.run_id == run_id, StepRow.seq > since).order_by(StepRow.seq).limit(limit)
    )
    return [(row.seq, step_of(row)) for row in rows]


async def root_step(connection: Transaction, run_id: str) -> Step:
    """The step that stands for the run itself."""
    row = await connection.execute(
        select(StepRow).where(StepRow.run_id == run_id, StepRow.span_id == span_id(run_id, "run"))
    )
    return step_of(row.one())


async def step_io(connection: Transaction, run_id: str, span: str) -> tuple[str | None, str | None]:
    """What went into a step and what came out. Raises `NotFound` for a step that is not there."""
    row = (
        await connection.execute(select(StepIoRow).where(StepIoRow.run_id == run_id, StepIoRow.span_id == span))
    ).one_or_none()
    if row is not None:
        return row.input, row.output
    if (
        await connection.execute(select(StepRow.seq).where(StepRow.run_id == run_id, StepRow.span_id == span))
    ).first() is None:
        raise NotFound(f"run '{run_id}' has no span '{span}'", param="span_id", code="span_not_found")
    return None, None


async def events(connection: Transaction, run_id: str, *, since: int, limit: int = 1000) -> list[Any]:
    """The run's events after number `since`: seq, type, data as JSON text."""
    return list(
        await connection.execute(
            select(EventRow.seq, EventRow.type, EventRow.data)
            .where(EventRow.run_id == run_id, EventRow.seq > since)
            .order_by(EventRow.seq)
            .limit(limit)
        )
    )


async def overdue(connection: Transaction, now: datetime) -> list[str]:
    """The runs that still wait for a worker though their deadline has passed."""
    query = select(RunRow.id).where(RunRow.status == "queued", RunRow.deadline_at < now).limit(500)
    return (await connection.execute(query)).scalars()


async def may_change(connection: Transaction, run_id: str) -> bool:
    """Whether more can happen to a run: it is there, and has not ended."""
    query = select(RunRow.id).where(RunRow.id == run_id, RunRow.status.notin_(END_STATUSES))
    return (await connection.execute(query)).first() is not None


async def to_stop(connection: Transaction, run_ids: list[str]) -> set[str]:
    """Those of the runs that nobody should work on any more: cancelled, or ended."""
    rows = await connection.execute(
        select(RunRow.id).where(
            RunRow.id.in_(run_ids), or_(RunRow.cancel_requested.is_(True), RunRow.status.in_(END_STATUSES))
        )
    )
    return set(rows.scalars())


async def add_feedback(connection: Transaction, run_id: str, *, score: float, comment: str, now: datetime) -> str:
    """Keep what a user thought of a run's answer."""
    feedback_id = new_id()
    await insert_row(
        connection, FeedbackRow, id=feedback_id, run_id=run_id, score=score, comment=comment, created_at=now
    )
    return feedback_id


async def copy_steps(connection: Transaction, source: str, target: str, *, before: int | None, now: datetime) -> None:
    """Give a new run the finished model and tool calls of another, so that they are not made (or paid) again."""
    query = select(StepRow).where(
        StepRow.run_id == source, StepRow.status == "ok", StepRow.kind.in_(("model", "tool", "check"))
    )
    if before is not None:
        query = query.where(StepRow.seq < before)
    for row in list(await connection.execute(query)):
        key_id = span_id(target, row.key)
        parent = None
        if row.parent_id:
            above = await connection.execute(
                select(StepRow.key).where(StepRow.run_id == source, StepRow.span_id == row.parent_id)
            )
            parent = span_id(target, above.scalar_one())
        copied = {column.name: getattr(row, column.name) for column in StepRow.__table__.columns}
        unpaid = dict.fromkeys(Usage.model_fields, 0) | {"cost_usd": Decimal(0)}
        attributes = json.loads(row.attributes) | {"recorded_in": source}
        fresh = {"run_id": target, "span_id": key_id, "parent_id": parent, "seq": 1, "lease": None}
        times = {"started_at": now, "ended_at": now, "attributes": json.dumps(attributes, ensure_ascii=False)}
        await insert_row(connection, StepRow, **(copied | unpaid | fresh | times))
        io = (
            await connection.execute(
                select(StepIoRow).where(StepIoRow.run_id == source, StepIoRow.span_id == row.span_id)
            )
        ).one_or_none()
        if io is not None:
            await insert_row(connection, StepIoRow, run_id=target, span_id=key_id, input=io.input, output=io.output)


async def delete_older(connection: Transaction, before: datetime) -> int:
    """Delete the runs that ended before a time, with all that belongs to them; gives how many."""
    result = await connection.execute(delete(RunRow).where(RunRow.status.in_(END_STATUSES), RunRow.ended_at < before))
    return result.rowcount


def title_of(task: Task) -> str:
    """What a list of runs calls this one."""
    values = ", ".join(str(value) for value in task.inputs.values())
    words = " ".join((task.prompt or f"{team_of(task)}: {values}").split())
    return words if len(words) <= TITLE_LENGTH else words[: TITLE_LENGTH - 1] + "…"


def team_of(task: Task) -> str | None:
    """The team that the task names, by either of its two ways."""
    return task.team or (task.model.removeprefix("team/") if task.model.startswith("team/") else None)


def _scoped(owner: str | None, idempotency_key: str) -> str:
    return f"{owner or ''}/{idempotency_key}"


def _run(row: Any) -> Run:
    return Run(
        id=row.id,
        status=row.status,
        origin=row.origin,
        title=row.title,
        owner=row.owner,
        task=Task.model_validate_json(row.task),
        team_yaml=row.team_yaml,
        known=Known.model_validate_json(row.known) if row.known else NOTHING_KNOWN,
        error=Failure.model_validate_json(row.error) if row.error else None,
        model=row.model,
        rung=row.rung,
        usage=Usage(**{name: getattr(row, name) for name in Usage.model_fields}),
        cost_usd=row.cost_usd,
        steps=row.steps,
        trace_id=row.trace_id,
        trace_parent=row.trace_parent,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        deadline_at=row.deadline_at,
        paused=row.paused,
        last_seq=row.last_seq,
    )


def _encode(row: Any) -> str:
    return base64.urlsafe_b64encode(f"{row.created_at.isoformat()} {row.id}".encode()).decode()


def _decode(cursor: str) -> tuple[datetime, str]:
    try:
        created_at, run_id = base64.urlsafe_b64decode(cursor).decode().split(" ")
        return datetime.fromisoformat(created_at), run_id
    except ValueError as error:
        raise InvalidTask(f"cursor '{cursor}' is none that GET /api/runs gave", param="cursor") from error
