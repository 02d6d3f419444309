"""`/api/route`, `/api/feedback`, `/api/router`: plans that are only looked at, and what the router learns from."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from agents.records import Json
from services.gateway.asking import asker, parts_of
from services.requests import Extras, Incoming, RunRequest
from services.store import conversations, outcomes, runs

router = APIRouter(prefix="/api", tags=["router"])

BAD = 0.5
"""A score below it refuses the answer."""


class RouteRequest(BaseModel):
    """A task to plan for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    messages: tuple[Incoming, ...] = Field(min_length=1)
    model: str = "auto"
    pointsman: Extras = Extras()


class Feedback(BaseModel):
    """What a user thought of an answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run_id: str
    score: float = Field(ge=-1, le=1)
    """1 is good; 0 is bad, and so is -1."""
    comment: str = Field(default="", max_length=5000)


@router.post("/route")
async def route(body: RouteRequest, request: Request) -> Json:
    """The plan for a task, with its reasons. Nothing is run."""
    task = RunRequest(messages=body.messages, model=body.model, pointsman=body.pointsman).task()
    plan = await parts_of(request).door.preview(task, asker=asker(request), said=body.pointsman.said)
    return plan.model_dump(mode="json")


@router.post("/feedback", status_code=201)
async def feedback(body: Feedback, request: Request) -> dict[str, str]:
    """Keep what a user thought of an answer; the router learns from it."""
    parts = parts_of(request)
    async with parts.database.write() as connection:
        now = parts.world.clock()
        run = await runs.load(connection, body.run_id)
        feedback_id = await runs.add_feedback(connection, run.id, score=body.score, comment=body.comment, now=now)
        await outcomes.note_feedback(connection, run, score=body.score, now=now)
        if body.score < BAD:
            await conversations.refuse_answer(connection, run.id)
    return {"id": feedback_id}


@router.post("/router/learn")
async def learn(request: Request) -> Json:
    """Learn from the outcomes now, and not only when it is time for it."""
    parts = parts_of(request)
    lesson = await parts.learner.learn()
    parts.learning.look_again()
    return lesson.model_dump(mode="json")
