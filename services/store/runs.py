"""Runs in SQL: accepted, planned, ended once, read back whole or as a list."""

import base64
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache, cached_property
from typing import Any, Literal

from sqlalchemy import Select, String, Update, and_, bindparam, cast, delete, func, or_, select, update

from agents.context import span_id
from agents.errors import InvalidTask, NotFound
from agents.records import Answer, Attempt, Budget, Json, Step, Task, Usage
from router.records import Plan
from services.records import END_STATUSES, EndStatus, Failure, Known, Origin, Run, Status
from services.store import conversations, leases, messages
from services.store.changes import Changes, end_steps, running_steps
from services.store.columns import database_now
from services.store.journal import step_of
from services.store.leases import Lease
from services.store.rows import LIVE, add_event, bump, insert_row
from services.store.tables import EventRow, FeedbackRow, MessageRow, RunRow, SlotRow, StepIoRow, StepRow
from services.store.transaction import Transaction

TITLE_LENGTH = 120
NOTHING_KNOWN = Known()
GOOD: tuple[EndStatus, ...] = ("succeeded", "unverified", "truncated")
"""Ends with an answer, or with as much of one as there could be."""
_PLAIN = (
    *("id", "status", "origin", "title", "owner", "team_yaml", "trace_id", "trace_parent"),
    *("created_at", "started_at", "deadline_at", "steps", "last_seq"),
)
"""Fields of a run that its row has as they are."""


def new_id() -> str:
    """A new identifier, which sorts by its time of making."""
    milliseconds = int(datetime.now().timestamp() * 1000)  # noqa: DTZ005  # a count since 1970, no wall clock is shown
    return str(uuid.UUID(int=(milliseconds << 80) | (uuid.uuid4().int & ((1 << 80) - 1))))


@dataclass(frozen=True)
class Planned:
    """A plan, and when it was drawn up."""

    plan: Plan
    began: datetime
    took: timedelta

    def step(self, run_id: str) -> Step:
        """The step that drew it up."""
        plan = self.plan
        return Step(
            span_id=span_id(run_id, "route"),
            parent_id=span_id(run_id, "run"),
            key="route",
            kind="route",
            name="route",
            status="ok",
            started_at=self.began,
            ended_at=self.began + self.took,
            attributes={"rungs": [rung.short for rung in plan.rungs], "why": plan.why, "task_type": plan.task_type},
            output=self._text,
        )

    def deadline(self, run: Run) -> datetime:
        """When the run has to end, now that its plan says what it is held to."""
        most = self.plan.limits.max_seconds
        return run.deadline_at if most is None else min(run.deadline_at, run.created_at + timedelta(seconds=most))

    def columns(self) -> dict[str, Any]:
        """What the plan makes of columns of the run."""
        return {"plan": self._text, "rung": self.plan.rungs[0].short, **_limits(self.plan.limits)}

    @cached_property
    def _text(self) -> str:
        return self.plan.model_dump_json()


@dataclass(frozen=True)
class Accepted:
    """What the acceptance of a task wrote."""

    run: Run
    route: Step | None
    """The step that drew up the plan."""
    lease: Lease | None
    """Where this process climbs the run itself."""
    to_announce: tuple[str, ...]
    """Ids of the messages that somebody has to be told of."""


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
    planned: Planned | None = None,
) -> Accepted:
    """Commit to a task: insert its run and the message that has it climbed.

    Args:
        traceparent: trace id and span id of the caller, where it sent them.
        gateway: name and lease of the process that climbs the run itself; None leaves it to the workers.
        planned: the plan, where it was drawn up before.
    """
    run_id = new_id()
    trace_id, trace_parent = traceparent or (uuid.UUID(run_id).hex, None)
    if task.budget.max_seconds is not None:
        deadline = min(deadline, timedelta(seconds=task.budget.max_seconds))
    run = Run(
        id=run_id,
        status="running" if gateway else "queued",
        origin=origin,
        title=title_of(task),
        owner=owner,
        task=task,
        team_yaml=team_yaml,
        known=known,
        trace_id=trace_id,
        trace_parent=trace_parent,
        created_at=now,
        started_at=now if gateway else None,
        deadline_at=now + deadline,
        last_seq=1,
    )
    changes = Changes(run_id)
    changes.event("status", {"status": run.status}, now)
    root = root_of(run)
    changes.once(root)
    route = planned.step(run_id) if planned else None
    if planned and route:
        plan = planned.plan
        changes.event("plan", {"plan": plan.model_dump(mode="json")}, planned.began)
        changes.once(route)
        drawn = {"plan": plan, "rung": plan.rungs[0].short, "deadline_at": planned.deadline(run)}
        run = run.model_copy(update=drawn | {"steps": 1, "last_seq": 2})
    await insert_row(
        connection,
        RunRow,
        **{name: getattr(run, name) for name in _PLAIN},
        task=task.model_dump_json(by_alias=True),
        team=team_of(task),
        effort=task.effort,
        idempotency_key=_scoped(owner, idempotency_key) if idempotency_key else None,
        conversation=task.conversation,
        known=known.model_dump_json() if known != NOTHING_KNOWN else None,
        **(_limits(task.budget) | (planned.columns() if planned else {})),
    )
    await changes.write_rows(connection)
    traceparent_header = f"00-{trace_id}-{root.span_id}-01"
    message = await messages.post_run(connection, run_id, sent_at=now, traceparent=traceparent_header, gateway=gateway)
    lease = Lease(message_id=message, run_id=run_id, owner=gateway[0], epoch=1) if gateway else None
    return Accepted(run, route, lease, () if gateway else (message,))


def _limits(budget: Budget) -> dict[str, Any]:
    """A budget as columns of a run, which has a deadline for its seconds."""
    return {name: getattr(budget, name) for name in Budget.model_fields if name != "max_seconds"}


@dataclass(frozen=True)
class Ending:
    """How a run ends."""

    status: EndStatus
    answer: Answer | None = None
    error: Failure | None = None


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


async def save_plan(connection: Transaction, lease: Lease, planned: Planned, *, deadline_at: datetime) -> Step | None:
    """Store the plan and its limits; gives the step that drew it up, or None where the lease is lost."""
    step = planned.step(lease.run_id)
    changes = Changes(lease.run_id)
    data = {"plan": planned.plan.model_dump(mode="json")}
    changes.event("plan", data, planned.began, deadline_at=deadline_at, **planned.columns())
    changes.once(step)
    return None if await changes.write(connection, lease=lease) is None else step


def shown_attempt(attempt: Attempt) -> Json:
    """What the event of an attempt says of it."""
    return attempt.model_dump(mode="json", include={"number", "rung", "accepted", "reason", "verdicts"})


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
    """Give a run its one end, as `end_with` does; False if it had ended before, or the lease is lost.

    `lease` None is for those who end a run from outside (cancelled while it waits, its worker gone for good).
    """
    ending = Ending(status, answer, error)
    return await end_with(connection, Changes(run_id), ending, now=now, lease=lease) is not None


async def end_with(
    connection: Transaction, changes: Changes, ending: Ending, *, now: datetime, lease: Lease | None
) -> Any | None:
    """Give a run its one end, after these last changes: status, answer, the one event, the outcome of its slot.

    Returns:
        What `rows.bump_by` does; None if the run had ended before, or the lease is lost: then nothing is written.
    """
    status, answer, error = ending.status, ending.answer, ending.error
    run_id, root = changes.run_id, span_id(changes.run_id, "run")
    await leases.lock(connection, run_id)
    if connection.dialect == "postgresql":  # no step may begin between the look at those that run and the end
        await connection.execute(select(RunRow.id).where(RunRow.id == run_id).with_for_update())
    changes.event("status", {"status": status}, now)
    for row in await running_steps(connection, run_id):
        if not changes.has_ended(row.span_id):
            changes.lose(row, now)
    changes.lose_begun(now)
    session = conversations.session_of(answer, status) if answer else None
    changes.event(
        "end",
        {
            "status": status,
            "answer": {"text": answer.text, "model": answer.model} if answer else None,
            "error": error.model_dump() if error else None,
        },
        now,
        status=status,
        ended_at=now,
        answer=json.dumps(answer.model_dump(mode="json"), ensure_ascii=False) if answer else None,
        model=answer.model if answer else None,
        answer_digest=conversations.digest_of(answer) if answer else None,
        session=session.model_dump_json() if session else None,
        error=error.model_dump_json() if error else None,
    )
    changes.output(root, answer.text if answer else None)
    ended = await changes.write(connection, lease=lease, only_if=(LIVE,))
    if ended is None:
        return None
    step = {"seq": ended.last_seq, "status": _step_status(status), "ended_at": now}
    of_root = {"of_run": run_id, "of_span": root}
    await connection.execute(end_steps(), of_root | step | {"error": error.message if error else None})
    if ended.origin == "schedule":
        reason = error.message if error else ""
        outcome = "ran" if status in GOOD else "failed"
        of_run = update(SlotRow).where(SlotRow.run_id == run_id)
        await connection.execute(of_run.values(outcome=outcome, reason=reason, decided_at=now))
    await connection.execute(_end_messages(), {"of_run": run_id})
    return ended


@cache
def _end_messages() -> Update:
    of_run = MessageRow.run_id == bindparam("of_run")
    open_ones = update(MessageRow).where(of_run, MessageRow.state.notin_(("done", "dead")))
    return open_ones.values(state="done", changed=database_now(), lease_until=None)


def ended_run(run: Run, ended: Any, ending: Ending, *, now: datetime, attempts: tuple[Attempt, ...]) -> Run:
    """A run as `load` would give it, made of what its end told: nothing has to be read back."""
    return run.model_copy(
        update={
            "status": ending.status,
            "answer": ending.answer,
            "error": ending.error,
            "model": ending.answer.model if ending.answer else None,
            "ended_at": now,
            "attempts": attempts,
            "usage": Usage(**{name: getattr(ended, name) for name in Usage.model_fields}),
            **{name: getattr(ended, name) for name in ("rung", "paused", "steps", "cost_usd", "last_seq")},
        }
    )


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


def root_of(run: Run) -> Step:
    """The step that stands for the run itself."""
    status = _step_status(run.status) if run.status in END_STATUSES else "running"
    return Step(
        span_id=span_id(run.id, "run"),
        key="run",
        kind="run",
        name=f"invoke_workflow {team_of(run.task) or 'run'}",
        status=status,
        started_at=run.created_at,
        ended_at=run.ended_at,
        attributes={"run_id": run.id, "origin": run.origin, "effort": run.task.effort},
        input=run.task.prompt,
        error=run.error.message if run.error else None,
    )


def _step_status(status: Status) -> Literal["ok", "error"]:
    return "ok" if status in GOOD else "error"


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
