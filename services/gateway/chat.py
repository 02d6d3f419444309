"""`/v1`: chat completions and the list of models, as OpenAI's clients know them."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from agents.context import OnText
from agents.errors import Cancelled
from router.records import Plan
from services.gateway import errors
from services.gateway.asking import asker, parts_of
from services.gateway.openai_shapes import ChatRequest, as_data, chunk, completion, explained, last_chunks
from services.records import Run
from services.store.leases import Lease

log = logging.getLogger("pointsman.gateway")

KEEPALIVE_SECONDS = 10.0
FIRST_KEEPALIVE_SECONDS = 1.0
STREAM_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

Working = set[asyncio.Task[Run]]
"""The answers that this process works on: who holds them sees to it that each comes to its end."""
Climb = Callable[[OnText | None], Coroutine[Any, Any, Run]]
"""Answers the request; is given who reads along."""

router = APIRouter(prefix="/v1", tags=["OpenAI"])


@router.post("/chat/completions")
async def chat_completions(body: ChatRequest, request: Request) -> Response:
    """Answer a conversation. `model`: `auto`, an id of `GET /v1/models`, or `team/<name>`."""
    parts = parts_of(request)
    task = body.task()
    begin = parts.door.begin if body.stream else parts.door.begin_unheard
    lease, accepted = await begin(task, asker=asker(request), gateway=parts.name, said=body.said)
    plan = accepted.run.plan
    assert plan is not None
    headers = {"x-pointsman-run-id": lease.run_id, "x-pointsman-plan": plan.short.encode("ascii", "replace").decode()}
    if body.model != "auto":
        headers["x-pointsman-requested-model"] = body.model.encode("ascii", "replace").decode()[:200]

    working: Working = request.app.state.working

    async def climb(on_text: OnText | None) -> Run:
        run = await parts.runner.climb(lease, accepted=accepted, on_text=on_text)
        return run or await parts.load_run(lease.run_id)

    if body.stream:
        events = _stream(body, lease, plan, climb, working)
        return StreamingResponse(events, media_type="text/event-stream", headers=headers | STREAM_HEADERS)
    run = await _unless_gone(request, _begin(climb(None), working))
    headers["x-pointsman-cost-usd"] = format(run.cost_usd, "f")
    if run.error and run.status not in ("succeeded", "unverified", "truncated"):
        return errors.failed(run.error, headers)
    if run.status == "cancelled":
        shown = errors.body(f"run {run.id} was cancelled", type_="cancelled", code="cancelled")
        return JSONResponse(shown, 409, headers | {"x-should-retry": "false"})
    reply = completion(run)
    if body.pointsman.explain:
        reply["pointsman"] |= explained(run)
    return JSONResponse(reply, headers=headers)


@router.get("/models")
async def models(request: Request) -> dict[str, Any]:
    """What may stand in `model`."""
    parts = parts_of(request)
    async with parts.database.read() as connection:
        teams = await parts.teams.all(connection)
    names = ["auto", *parts.models.ids, *(f"team/{name}" for name in sorted(teams))]
    made = {"object": "model", "created": parts.started_seconds, "owned_by": "pointsman"}
    return {"object": "list", "data": [{"id": name, **made} for name in names]}


async def _stream(body: ChatRequest, lease: Lease, plan: Plan, climb: Climb, working: Working) -> AsyncGenerator[str]:
    """The reply in events: the answer as it grows, comments while there is nothing to say yet, one honest end."""
    pieces: asyncio.Queue[str] = asyncio.Queue()
    created = datetime.now(UTC)
    expected = _expected_model(plan) or body.model
    work = _begin(climb(pieces.put), working)
    usage = {"usage": None} if body.include_usage else {}
    seen = False
    silence = FIRST_KEEPALIVE_SECONDS
    try:
        while not (work.done() and pieces.empty()):
            piece = await _next(pieces, work, silence)
            if piece is None:
                if not work.done():
                    yield ": keepalive\n\n"
                    silence = KEEPALIVE_SECONDS
                continue
            if not seen:
                role = {"role": "assistant", "content": ""}
                yield as_data(chunk(lease.run_id, created, expected, 0, role) | usage)
                seen = True
            yield as_data(chunk(lease.run_id, created, expected, 0, {"content": piece}) | usage)
        if problem := work.exception():
            log.error("a defect in Pointsman ended an answer in mid-stream", exc_info=problem)
            message = "something went wrong in Pointsman itself; its log says more"
            yield as_data(errors.body(message, type_="internal_error"))
            return
        run = work.result()
        if run.status not in ("succeeded", "unverified", "truncated"):
            message = run.error.message if run.error else f"run {run.id} was cancelled"
            kind = run.error.type if run.error else "cancelled"
            code = run.error.code if run.error else "cancelled"
            yield as_data(errors.body(message, type_=kind, code=code))
            return
        if not seen:
            role = {"role": "assistant", "content": ""}
            yield as_data(chunk(lease.run_id, created, run.model or expected, 0, role) | usage)
        for ending in last_chunks(run, include_usage=body.include_usage, seen=seen):
            if body.pointsman.explain and "pointsman" in ending:
                ending["pointsman"] |= explained(run)
            yield as_data(ending | {"created": int(created.timestamp())})
        yield "data: [DONE]\n\n"
    finally:
        # Not awaited: a request that is torn down is cancelled over and over, which would cut short the hanging up
        # on the model, and it would write on for nobody.
        work.cancel()


def _expected_model(plan: Plan) -> str | None:
    """What will answer, where the plan leaves no doubt; the last chunks name what did."""
    rung, *others = plan.rungs
    if others:
        return None
    return f"team/{rung.team}" if rung.team else rung.model or "pointsman/calculate"


async def _next(pieces: asyncio.Queue[str], work: asyncio.Task[Run], seconds: float) -> str | None:
    """The next piece; None when the work has ended, or nothing came for so long."""
    if not pieces.empty():
        return pieces.get_nowait()
    getting = asyncio.ensure_future(pieces.get())
    try:
        await asyncio.wait({getting, work}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return getting.result() if getting.done() else None
    finally:
        getting.cancel()


def _begin(climbing: Coroutine[Any, Any, Run], working: Working) -> asyncio.Task[Run]:
    """Answer in a task of its own, which comes to its end whatever becomes of the request."""
    work = asyncio.create_task(climbing)
    working.add(work)
    work.add_done_callback(working.discard)
    return work


async def _unless_gone(request: Request, work: asyncio.Task[Run]) -> Run:
    """Wait for the run, but stop it when its asker hangs up: nobody would read the answer."""
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
        raise Cancelled("the asker has hung up")
    finally:
        gone.cancel()
        work.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
