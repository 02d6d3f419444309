"""`/api/runs` and `/api/traces`: accept tasks, follow them, steer them, read what happened."""

import json
from collections.abc import AsyncGenerator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from agents.context import span_id
from agents.errors import InvalidTask, NotFound
from agents.records import Effort, Json, Message, Step, Task
from agents.team.prompt import TEAM
from services.bootstrap import Parts
from services.gateway.asking import asker, parts_of
from services.gateway.chat import STREAM_HEADERS
from services.gateway.openai_shapes import seconds
from services.records import Run
from services.requests import AnyEffort, RunRequest
from services.store import messages, runs
from services.store.transaction import Transaction

KEEPALIVE_WAITS = 10
"""Waits of about a second without news, after which a comment shows that the connection lives."""

router = APIRouter(prefix="/api", tags=["runs"])


class ReplayRequest(BaseModel):
    """How a run is to be run again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    from_span: str | None = None
    """Steps that ended before this one did are taken from the journal; None takes all that were finished."""
    model: str | None = None
    effort: AnyEffort | None = None


class Word(BaseModel):
    """Something to tell a team that works."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    content: str = Field(min_length=1, max_length=20_000)
    to: str | None = None
    """An agent; None: whoever speaks next."""


@router.post("/runs", status_code=202)
async def submit(
    body: RunRequest, request: Request, idempotency_key: Annotated[str | None, Header(max_length=200)] = None
) -> dict[str, str]:
    """Accept a task for the workers. Accepted means committed: it will end in exactly one way."""
    key = body.idempotency_key or idempotency_key
    parts = parts_of(request)
    run_id = await parts.door.submit(
        body.task(), origin="api", asker=asker(request), said=body.pointsman.said, idempotency_key=key
    )
    return {"id": run_id, "status": "queued"}


@router.get("/runs")
async def listing(
    request: Request,
    status: str = "",
    team: str = "",
    model: str = "",
    q: str = "",
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """A page of runs, newest first."""
    filters = {"status": status, "team": team, "model": model, "q": q}
    async with parts_of(request).database.read() as connection:
        found, following = await runs.listing(connection, filters=filters, cursor=cursor, limit=limit)
    return {"runs": [summary(run) for run in found], "next": following}


@router.get("/runs/{run_id}")
async def show(run_id: str, request: Request) -> Json:
    """The whole run."""
    return shown(await parts_of(request).load_run(run_id))


@router.post("/runs/{run_id}/cancel")
async def cancel(run_id: str, request: Request) -> dict[str, str]:
    """Ask for a run's end: no further call begins after about two seconds. Harmless on one that has ended."""
    parts = parts_of(request)
    await parts.load_run(run_id)
    async with parts.database.write() as connection:
        await runs.ask_cancel(connection, run_id, parts.world.clock())
    return await _status(parts, run_id)


@router.post("/runs/{run_id}/pause")
async def pause(run_id: str, request: Request) -> dict[str, str]:
    """Hold a run before its next step. Its deadline goes on."""
    parts = parts_of(request)
    run = await parts.load_run(run_id)
    if run.ended:
        raise InvalidTask(f"run {run_id} has ended ({run.status}) and cannot be paused", code="run_ended")
    async with parts.database.write() as connection:
        await runs.set_paused(connection, run_id, parts.world.clock(), paused=True)
    return await _status(parts, run_id)


@router.post("/runs/{run_id}/resume")
async def resume(run_id: str, request: Request) -> dict[str, str]:
    """Let a paused run go on."""
    parts = parts_of(request)
    run = await parts.load_run(run_id)
    if not run.paused:
        raise InvalidTask(f"run {run_id} is not paused; its status is {run.status}", code="not_paused")
    async with parts.database.write() as connection:
        await runs.set_paused(connection, run_id, parts.world.clock(), paused=False)
    return await _status(parts, run_id)


@router.post("/runs/{run_id}/message", status_code=202)
async def message(run_id: str, body: Word, request: Request) -> dict[str, str]:
    """Tell a working team something; its next turn reads it."""
    parts = parts_of(request)
    run = await parts.load_run(run_id)
    if run.team_yaml is None or run.ended:
        what = f"has ended ({run.status})" if run.ended else "has no team"
        raise InvalidTask(f"run {run_id} {what}: there is nobody to tell", code="nobody_to_tell")
    agents = parts.world.parse_team(run.team_yaml).agents
    if body.to is not None and body.to not in agents:
        raise NotFound(f"the team has no agent '{body.to}'; there are: {', '.join(agents)}", param="to")
    attempt = max((one.attempt for one in run.messages), default=1)
    word = Message(
        id=runs.new_id(),
        run_id=run_id,
        attempt=attempt,
        sender="user",
        recipient=body.to or TEAM,
        type="steer",
        content=body.content,
        sent_at=parts.world.clock(),
    )
    async with parts.database.write() as connection:
        await messages.post(connection, [word], inboxes={}, parent_id=span_id(run_id, str(attempt)))
    parts.world.feed.ring(run_id)
    return {"id": word.id}


@router.post("/runs/{run_id}/replay", status_code=202)
async def replay(run_id: str, request: Request, body: ReplayRequest | None = None) -> dict[str, str]:
    """Run the same task again. Calls that are the same as recorded ones are not made again, and cost nothing."""
    body = body or ReplayRequest()
    parts = parts_of(request)
    run = await parts.load_run(run_id)
    before = await _seq_of(parts, run_id, body.from_span) if body.from_span else None
    changes: dict[str, Any] = {"conversation": None}  # which goes on from the run itself
    if body.model:
        changes["model"] = body.model
    if body.effort:
        changes["effort"] = Effort(body.effort)
    task: Task = run.task.model_copy(update=changes)

    async def with_steps(connection: Transaction, new_id: str) -> None:
        await runs.copy_steps(connection, run_id, new_id, before=before, now=parts.world.clock())

    new_id = await parts.door.submit(task, origin="replay", asker=asker(request), within=with_steps)
    return {"id": new_id, "status": "queued"}


@router.get("/runs/{run_id}/events")
async def events(
    run_id: str, request: Request, last_event_id: Annotated[str | None, Header()] = None, since: int | None = None
) -> Response:
    """What happens to a run, as server-sent events; `Last-Event-ID` (or `since`) goes on where one stopped."""
    parts = parts_of(request)
    run = await parts.load_run(run_id)
    start = last_event_id if last_event_id is not None else str(since or 0)
    if not (start.isascii() and start.isdigit() and len(start) < 10):
        raise InvalidTask(f"Last-Event-ID '{start}' is not the number of an event", param="Last-Event-ID")
    if run.ended and int(start) >= run.last_seq:
        return Response(status_code=204)  # nothing will come any more: a client that reconnects stops at this
    return StreamingResponse(_follow(parts, run_id, int(start)), media_type="text/event-stream", headers=STREAM_HEADERS)


@router.get("/traces/{run_id}/spans")
async def spans(run_id: str, request: Request, since: int = 0) -> dict[str, Any]:
    """The steps of a run that changed after `since`; one that changed again comes again."""
    async with parts_of(request).database.read() as connection:
        found = await runs.spans(connection, run_id, since=since)
    if not found and since == 0:
        await parts_of(request).load_run(run_id)
    return {"spans": [span(seq, step) for seq, step in found], "next_since": found[-1][0] if found else since}


@router.get("/traces/{run_id}/spans/{of_span}/io")
async def span_io(run_id: str, of_span: str, request: Request) -> dict[str, str | None]:
    """What went into a step, and what came out."""
    async with parts_of(request).database.read() as connection:
        text_in, text_out = await runs.step_io(connection, run_id, of_span)
    return {"input": text_in, "output": text_out}


def summary(run: Run) -> Json:
    """A run as a line of a list."""
    kept = {"id", "title", "status", "origin", "model", "rung", "usage", "steps"}
    return run.model_dump(mode="json", include=kept | {"created_at", "started_at", "ended_at"}) | {
        "team": runs.team_of(run.task),
        "effort": run.task.effort,
        "cost_usd": format(run.cost_usd, "f"),
        "seconds": seconds(run) if run.ended_at else None,
    }


def shown(run: Run) -> Json:
    """The whole run as its page shows it."""
    whole = run.model_dump(mode="json", by_alias=True, exclude={"owner", "team_yaml", "trace_parent"})
    return whole | summary(run) | {"verified_by": list(run.verified_by)}


def span(seq: int, step: Step) -> Json:
    """A step as a span."""
    return {
        "seq": seq,
        "span_id": step.span_id,
        "parent_id": step.parent_id,
        "key": step.key,
        "name": step.name,
        "kind": step.kind,
        "agent": step.agent,
        "start": step.started_at.isoformat(),
        "end": step.ended_at.isoformat() if step.ended_at else None,
        "status": step.status,
        "model": step.model,
        "input_tokens": step.usage.input_tokens,
        "output_tokens": step.usage.output_tokens,
        "cost_usd": format(step.cost_usd, "f"),
        "attributes": step.attributes | ({"error": step.error} if step.error else {}),
    }


async def _follow(parts: Parts, run_id: str, last: int) -> AsyncGenerator[str]:
    """Events out of SQL whenever the feed's bell rings, or every second; pieces of text out of the feed."""
    cursor = "0-0"
    written = 0
    silent = 0
    while True:
        async with parts.database.read() as connection:
            rows = await runs.events(connection, run_id, since=last)
            if not rows and not await runs.may_change(connection, run_id):
                return
        for row in rows:
            last = row.seq
            yield f"id: {row.seq}\nevent: {row.type}\ndata: {row.data}\n\n"
            if row.type == "end":
                return
        before = cursor
        cursor, pieces = await parts.world.feed.wait(run_id, cursor)
        for piece in pieces:
            if piece.offset + len(piece.text) > written:
                written = piece.offset + len(piece.text)
                data = json.dumps({"text": piece.text, "offset": piece.offset}, ensure_ascii=False)
                yield f"event: delta\ndata: {data}\n\n"
        silent = silent + 1 if cursor == before and not rows else 0
        if silent >= KEEPALIVE_WAITS:
            silent = 0
            yield ": keepalive\n\n"


async def _status(parts: Parts, run_id: str) -> dict[str, str]:
    parts.world.feed.ring(run_id)
    run = await parts.load_run(run_id)
    return {"id": run.id, "status": run.status}


async def _seq_of(parts: Parts, run_id: str, of_span: str) -> int:
    async with parts.database.read() as connection:
        found = {step.span_id: seq for seq, step in await runs.spans(connection, run_id, since=0)}
    if of_span not in found:
        raise NotFound(f"run '{run_id}' has no span '{of_span}'", param="from_span", code="span_not_found")
    return found[of_span]
