"""The house itself: models, queues, approvals, health, readiness, metrics."""

from typing import Any, Literal

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select
from starlette.responses import JSONResponse, Response

from agents.errors import InvalidTask, Unavailable
from services.bootstrap import Parts
from services.gateway.asking import asker, parts_of
from services.queue.connection import reaching_redis
from services.store import approvals, heartbeats, messages
from services.store.tables import RunRow

router = APIRouter(tags=["house"])

PROCESSES = ("worker", "upkeep", "scheduler")


class Decision(BaseModel):
    """A human's decision about one exact tool call."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    decision: Literal["approve", "reject"]
    digest: str


@router.get("/api/models")
async def models(request: Request) -> dict[str, Any]:
    """The catalog, with what answers now and what its efforts were measured to do."""
    parts = parts_of(request)
    async with parts.database.read() as connection:
        await parts.efforts.refresh(connection)
    listed = {card.id: card.efforts for card in parts.models.cards()}
    shown = [
        card.model_dump(mode="json") | {"efforts_listed": listed[card.id], "measured": _measured(parts, card.id)}
        for card in parts.efforts.cards()
    ]
    return {"models": shown}


@router.get("/api/queues")
async def queues(request: Request) -> dict[str, Any]:
    """What waits, what is worked on, what was given up, and who works."""
    async with parts_of(request).database.read() as connection:
        inboxes = await messages.queues(connection)
        dead = await messages.dead_letters(connection)
        workers = await heartbeats.alive(connection)
    return {
        "inboxes": [
            {"inbox": row.inbox, "state": row.state, "messages": row.messages, "oldest_seconds": row.oldest_seconds}
            for row in inboxes
        ],
        "dead": [
            {"id": row.id, "run_id": row.run_id, "inbox": row.inbox, "type": row.type, "reason": row.dead_reason}
            for row in dead
        ],
        "processes": workers,
    }


@router.post("/api/queues/dead/{message_id}/retry")
async def retry(message_id: str, request: Request) -> dict[str, str]:
    """Deliver a message again that was given up, if its run still waits for it."""
    parts = parts_of(request)
    async with parts.database.write() as connection:
        if not await messages.revive(connection, message_id):
            text = f"message '{message_id}' is not dead, or its run has ended; replay the run instead"
            raise InvalidTask(text, param="message_id", code="not_dead")
    await parts.relay.announce([message_id])
    return {"id": message_id, "state": "outbox"}


@router.get("/api/approvals")
async def list_approvals(request: Request, status: str = "") -> dict[str, Any]:
    """Tool calls that wait for a human, or waited."""
    async with parts_of(request).database.read() as connection:
        found = await approvals.listing(connection, status or None)
    return {"approvals": [one.model_dump(mode="json") for one in found]}


@router.post("/api/approvals/{approval_id}")
async def decide(approval_id: str, body: Decision, request: Request) -> dict[str, Any]:
    """Decide about one exact tool call. The same decision again changes nothing."""
    parts = parts_of(request)
    async with parts.database.write() as connection:
        approval = await approvals.decide(
            connection,
            approval_id,
            approved=body.decision == "approve",
            digest=body.digest,
            owner=asker(request).owner,
            now=parts.world.clock(),
        )
    return approval.model_dump(mode="json")


@router.get("/health")
@router.get("/healthz", include_in_schema=False)
async def health() -> dict[str, str]:
    """That this process answers."""
    return {"status": "ok"}


@router.get("/ready")
@router.get("/readyz", include_in_schema=False)
async def ready(request: Request) -> Response:
    """Whether a task can be worked on, and what is waited for."""
    parts = parts_of(request)
    waiting = await _waiting(parts)
    serving = any(card.healthy for card in parts.models.cards())
    blocking = [name for name in waiting if not name.startswith("model:") and name not in ("upkeep", "scheduler")]
    is_ready = serving and not blocking
    return JSONResponse({"ready": is_ready, "waiting_for": waiting}, 200 if is_ready else 503)


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """What is waiting and what was done, for Prometheus; read from SQL, so every gateway says the same."""
    registry = CollectorRegistry()
    by_status = Gauge("pointsman_runs", "Runs that are kept, by status", ["status"], registry=registry)
    waiting = Gauge("pointsman_queue_messages", "Messages by inbox and state", ["inbox", "state"], registry=registry)
    lag = Gauge("pointsman_queue_lag_seconds", "Age of the oldest waiting message", ["inbox"], registry=registry)
    processes = Gauge("pointsman_processes", "Processes that live, by kind", ["kind"], registry=registry)
    async with parts_of(request).database.read() as connection:
        for row in await connection.execute(select(RunRow.status, func.count().label("n")).group_by(RunRow.status)):
            by_status.labels(row.status).set(row.n)
        for row in await messages.queues(connection):
            waiting.labels(row.inbox, row.state).set(row.messages)
            if row.state in messages.WAITING:
                lag.labels(row.inbox).set(row.oldest_seconds)
        for kind, number in (await heartbeats.alive(connection)).items():
            processes.labels(kind).set(number)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def _measured(parts: Parts, model_id: str) -> dict[str, Any] | None:
    measured = parts.efforts.of(model_id)
    if measured is None:
        return None
    rows = [row.model_dump(mode="json") for row in measured.rows]
    return {
        "at": measured.at.isoformat(),
        "has_effect": measured.has_effect,
        "says": measured.says,
        "efforts": rows,
    }


async def _waiting(parts: Parts) -> list[str]:
    """The names of what does not answer."""
    missing: list[str] = []
    try:
        async with parts.database.read() as connection:
            alive = await heartbeats.alive(connection)
        missing += [kind for kind in PROCESSES if not alive.get(kind)]
    except Unavailable:
        missing.append("sql")
    try:
        with reaching_redis():
            await parts.ping()
    except Unavailable:
        missing.append("redis")
    return missing + [f"model:{card.id}" for card in parts.models.cards() if not card.healthy]
