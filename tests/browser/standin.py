"""A gateway with planted runs, for the pages to be tried on: `python -m tests.browser.standin --port 8000`."""

import argparse
import asyncio
import difflib
import json
import random
import socket
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import uvicorn
import yaml
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse

from agents import checks
from agents.errors import InvalidTask
from services.requests import Extras, parse
from tests.browser import scaled_runs
from tests.browser.planted import (
    CALCULATE,
    DISTANT,
    LARGE,
    RESEARCH,
    SMALL,
    VOTES,
    Json,
    Planted,
    plan,
    short,
    verdict,
)

TEAM_KEYS = ("version", "name", "description", "defaults", "agents", "team", "tasks", "limits", "inputs", "metadata")
REVIEW = """version: 1
name: review
description: A writer and a critic who exchange drafts until the critic is content.
agents:
  writer:
    description: Writes the draft.
    instructions: Write three sentences about {topic}.
  critic:
    description: Finds what is wrong with a draft.
    instructions: Name the worst fault, or say CONTENT.
team:
  process: handoff
  entry: writer
  termination: {max_turns: 8, stop_when: critic.done}
limits: {max_model_calls: 12, max_seconds: 300}
inputs: {topic: {type: string, required: true, description: What the text is about}}
"""
SKY = (
    "The sky is blue because air molecules scatter short wavelengths of sunlight far more than long ones, "
    "so blue light reaches the eye from every direction."
)


MOST_CHARACTERS = 20_000
"""Of a prompt that still fits."""
DELETED = "small-3"
"""A run that is gone when its answer is rated."""


def team_run(now: datetime) -> Planted:
    """A ladder that climbs once: a small model fails its check, then a team of four works in three rounds."""
    why = (
        "quality 0.88 clears the target 0.85, and no cheaper rung does; the small model goes first: it costs 2 % of it"
    )
    run = Planted(
        "team-run",
        "Compare three vector stores for filtered search",
        started=now - timedelta(minutes=4),
        team="research",
        effort="high",
        plan=plan(
            SMALL,
            RESEARCH,
            why=why,
            considered=(LARGE, VOTES),
            would_change=("With a budget of $0.01 it would be direct large high.",),
            long_document=0.72,
            code_write=0.18,
            chat=0.10,
        ),
    )
    root = run.span("run", "invoke_workflow research", None, 0, 54.98)
    run.span("route", "route", root, 0.012, 0.0134, attributes={"policy": "quality", "pick": "team research"})
    run.span("queue", "queue wait", root, 0.05, 0.26, attributes={"queue": "run", "depth": 3})
    first = run.span("attempt", "attempt direct", root, 0.3, 2.1, attributes={"rung": "direct small none"})
    run.model("small", first, 0.32, 1.92, run.title, "Store A is the fastest of the three.")
    check = run.span("check", "check citations", first, 1.94, 2.08, attributes={"verdict": "fail"})
    run.io[check] = {"input": "Store A is the fastest of the three.", "output": "0 of 3 claims are cited"}
    run.attempt(
        SMALL,
        accepted=False,
        seconds=1.8,
        reason="the check citations failed",
        verdicts=[verdict("citations", "fail", 0.0, "0 of 3 claims are cited")],
    )
    team = run.span("attempt", "attempt team", root, 2.2, 54.9, attributes={"rung": "team research"})
    turn = run.span("turn", "invoke_agent planner", team, 2.2, 5.8, agent="planner")
    run.message("user", "planner", "task", run.title, 2.2, turn)
    run.model(
        "large", turn, 2.3, 5.7, run.title, "Two researchers measure, a critic reads, a coder checks.", agent="planner"
    )
    at = 5.9
    for number in (1, 2, 3):
        at = _round(run, team, number, at)
    turn = run.span("turn", "invoke_agent writer", team, at, 54.6, agent="writer")
    run.answer = {"choices": [{"text": REPORT, "finish_reason": "stop"}], "model": "team/research", "effort": "high"}
    last = run.model("large", turn, at + 0.1, 54.5, "Write the report.", REPORT, agent="writer")
    run.message("writer", "user", "final", REPORT, 54.6, last)
    run.span("check", "check citations", team, 54.62, 54.88, attributes={"verdict": "pass", "score": 1.0})
    run.attempt(
        RESEARCH,
        accepted=True,
        seconds=52.7,
        verdicts=[
            verdict("citations", "pass", 1.0, "9 of 9 claims are cited"),
            verdict("rubric", "pass", 0.91, "complete; names the cost of memory; one sentence is long", by="large"),
        ],
    )
    run.finish("succeeded", 54.98)
    return run


REPORT = """Store B is the best choice for filtered search below 10 million vectors.

| store | recall at 10 | p95 | price a month |
|---|---|---|---|
| A | 0.91 | 38 ms | $140 |
| B | 0.96 | 44 ms | $95 |
| C | 0.97 | 120 ms | $310 |

Store A loses recall when a filter leaves less than 1 % of the rows [1, 4].
Store C keeps it, at three times the price [2]."""


def _round(run: Planted, team: str, number: int, at: float) -> float:
    end = at
    for researcher in ("researcher-1", "researcher-2"):
        turn = run.span("turn", f"invoke_agent {researcher}", team, at, at + 6.5, agent=researcher)
        run.message(
            "planner", researcher, "task", f"round {number}: find filtered-recall numbers for stores A to C", at, turn
        )
        now = at + 0.1
        for call in range(3):
            run.model(
                "small",
                turn,
                now,
                now + 1.1 + call * 0.3,
                "Find numbers.",
                "I will look at the tables.",
                agent=researcher,
            )
            failed = number == 2 and researcher == "researcher-2" and call == 1
            tool = run.span(
                "tool",
                f"execute_tool {('sql_query', 'read_page', 'sql_query')[call]}",
                turn,
                now + 1.2 + call * 0.3,
                now + 1.55 + call * 0.3,
                agent=researcher,
                status="error" if failed else "ok",
                attributes={"error": "connection refused by stores.example"} if failed else {},
            )
            run.io[tool] = {
                "input": '{"query": "select recall, p95 from bench where filter < 0.01"}',
                "output": "store,recall,p95\nA,0.91,38\nB,0.96,44",
            }
            now += 1.7 + call * 0.3
        end = max(end, now)
        run.message(researcher, "critic", "reply", f"{7 + number} sources, 4 tables on filtered recall", now, turn)
    turn = run.span("turn", "invoke_agent critic", team, end, end + 4, agent="critic")
    last = run.model("large", turn, end + 0.1, end + 3.9, "Judge.", "The cost table lacks memory.", agent="critic")
    run.message(
        "critic", "planner", "critique", "revise: the cost table lacks memory" if number < 3 else "pass", end + 4, last
    )
    return end + 4.1


def large_run(now: datetime, size: int) -> Planted:
    """Many spans, every 97th an error."""
    chance = random.Random(7)
    run = Planted("large-run", f"A run of {size - 1:,} steps", started=now - timedelta(minutes=20), team="research")
    root = run.span("run", "invoke_workflow run", None, 0, size * 0.05)
    parents = [root]
    for number in range(1, size):
        kind = ("model", "tool", "turn", "check")[number % 4]
        start = number * 0.05
        parent = parents[-1] if chance.random() < 0.6 else parents[chance.randrange(len(parents))]
        more: Json = (
            {"input_tokens": 200, "output_tokens": 50, "cost_usd": "0.0001", "model": "small"}
            if kind == "model"
            else {}
        )
        failed = {"status": "error", "attributes": {"error": "planted"}} if number % 97 == 0 else {}
        span = run.span(kind, f"{kind} {number}", parent, start, start + chance.uniform(0.02, 4), **more, **failed)
        if kind == "turn" and len(parents) < 12:
            parents.append(span)
        elif kind == "turn":
            parents = [root]
    run.finish("succeeded", size * 0.05)
    run.answer = {"choices": [{"text": "done", "finish_reason": "stop"}], "model": "team/research"}
    return run


def small_run(number: int, now: datetime, status: str) -> Planted:
    titles = (
        "Explain in one sentence why the sky is blue",
        "Write a haiku about railways",
        "Sort these names by age",
        "Translate the note into French",
    )
    run = Planted(
        f"small-{number}",
        titles[number % 4],
        started=now - timedelta(minutes=30 + 11 * number),
        plan=plan(SMALL, LARGE, why="chat: the small model will do", chat=0.9),
    )
    root = run.span("run", "invoke_workflow run", None, 0, 2.4)
    run.span("route", "route", root, 0.001, 0.002)
    attempt = run.span("attempt", "attempt direct", root, 0.1, 2.3, attributes={"rung": "direct small none"})
    run.model("small", attempt, 0.1, 2.2, run.title, SKY)
    run.answer = {"choices": [{"text": SKY, "finish_reason": "stop"}], "model": "small", "effort": "none"}
    outcome = {
        "unverified": ("fail", "no JSON object in the answer"),
        "truncated": ("unsure", "the check did not run: no time left"),
    }.get(status)
    run.attempt(
        SMALL,
        accepted=status == "succeeded",
        seconds=2.2,
        reason="" if status == "succeeded" else "the check json_schema did not pass",
        verdicts=[verdict("json_schema", outcome[0], None, outcome[1])] if outcome else [],
    )
    run.finish(status, 2.4)
    return run


def calculated(now: datetime) -> Planted:
    run = Planted(
        "calculated",
        "What is 17% of 3,482?",
        started=now - timedelta(minutes=9),
        origin="cli",
        plan=plan(CALCULATE, why="the whole prompt is arithmetic: computed exactly, no model called"),
    )
    root = run.span("run", "invoke_workflow run", None, 0, 0.004)
    run.span("route", "route", root, 0.0004, 0.0011)
    attempt = run.span("attempt", "attempt calculate", root, 0.0012, 0.0034, attributes={"rung": "calculate"})
    run.span("tool", "calculate", attempt, 0.0014, 0.0030)
    run.answer = {
        "choices": [{"text": "591.94", "finish_reason": "stop"}],
        "model": "pointsman/calculate",
        "effort": "none",
    }
    run.attempt(
        CALCULATE, accepted=True, seconds=0.002, verdicts=[verdict("arithmetic", "pass", 1.0, "0.17 × 3482 = 591.94")]
    )
    run.finish("succeeded", 0.004)
    return run


def failed(now: datetime) -> Planted:
    run = Planted(
        "failed-run",
        "Summarise the attached incident report",
        started=now - timedelta(minutes=13),
        origin="schedule",
        plan=plan(SMALL, why="short text: the small model will do", summary=0.8),
    )
    root = run.span("run", "invoke_workflow run", None, 0, 9.2, status="error")
    attempt = run.span(
        "attempt", "attempt direct", root, 0.1, 9.1, status="error", attributes={"rung": "direct small none"}
    )
    turn = run.span("turn", "invoke_agent summariser", attempt, 0.2, 9.0, status="error", agent="summariser")
    for call in range(3):
        run.span(
            "tool",
            "execute_tool read_page",
            turn,
            0.4 + call * 2.9,
            3.1 + call * 2.9,
            status="error",
            agent="summariser",
            attributes={"error": "timed out after 2.7 s"},
        )
    run.attempt(SMALL, accepted=False, seconds=9.0, reason="the tool read_page timed out three times", verdicts=[])
    run.error = {
        "message": "The tool read_page timed out three times: check that the page can be reached from here",
        "type": "unavailable",
        "code": "tool_timeout",
    }
    run.finish("failed", 9.2)
    return run


class World:
    """All that the stand-in knows."""

    def __init__(self) -> None:
        now = datetime.now(UTC)
        statuses = ("succeeded", "unverified", "succeeded", "truncated", "succeeded")
        planted = [team_run(now), large_run(now, 1001), calculated(now), failed(now), *scaled_runs.planted(now)]
        planted += [small_run(number, now, statuses[number % 5]) for number in range(40)]
        self.runs = {run.id: run for run in planted}
        self.teams = {
            "review": REVIEW,
            "research": REVIEW.replace("name: review", "name: research").replace("handoff", "hierarchical"),
        }
        self.schedules: dict[str, Json] = {}
        self.ratings: list[Json] = []
        self.background: set[asyncio.Task[None]] = set()
        self.add_schedule(
            {
                "name": "morning-report",
                "cron": "0 7 * * 1-5",
                "timezone": "Europe/Zurich",
                "task": {"messages": [{"role": "user", "content": "Summarise the open incidents"}]},
            }
        )
        self.add_schedule(
            {
                "name": "health",
                "every": 300,
                "task": {"messages": [{"role": "user", "content": "Is every service up?"}]},
            }
        )

    def add_schedule(self, body: Json) -> Json:
        record: Json = {
            "every": None,
            "cron": None,
            "at": None,
            "timezone": None,
            "misfire": "run_once",
            "concurrency": "skip",
            "paused": False,
        }
        record |= body | {
            "id": f"s{len(self.schedules) + 1}",
            "next_due_at": (datetime.now(UTC) + timedelta(seconds=body.get("every") or 7200)).isoformat(),
        }
        self.schedules[record["id"]] = record
        return record

    def spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self.background.add(task)
        task.add_done_callback(self.background.discard)


async def growing(run: Planted, *, team: bool) -> None:
    """Work on a run as the worker would: steps, pieces of the answer, the end."""

    def since() -> float:
        return (datetime.now(UTC) - run.started).total_seconds()

    await asyncio.sleep(0.4)
    run.status = "running"
    run.emit("status", {"status": "running"})
    run.more["plan"] = plan(RESEARCH if team else SMALL, LARGE, why="chat: the small model will do", chat=0.9)
    run.emit("plan", {"plan": run.more["plan"]})
    root = run.span("run", "invoke_workflow run", None, 0, None)
    run.span("route", "route", root, 0.001, 0.002)
    attempt = run.span(
        "attempt", "attempt", root, since(), None, attributes={"rung": short(run.more["plan"]["rungs"][0])}
    )
    for _ in range(400 if team else 1):
        if run.cancelled:
            break
        turn = run.span("turn", "invoke_agent writer", attempt, since(), None, agent="writer") if team else attempt
        step = run.span("model", "chat small", turn, since(), None, model="small")
        run.emit("step", {"span_id": step, "kind": "model", "name": "chat small", "status": "running"})
        written = 0
        for word in SKY.split(" "):
            piece = word if written == 0 else f" {word}"
            if not team:
                run.emit("delta", {"text": piece, "offset": written}, numbered=False)
            written += len(piece)
            await asyncio.sleep(0.05)
        run.end_span(step, since(), input_tokens=210, output_tokens=38, cost_usd="0.00015")
        run.emit("step", {"span_id": step, "kind": "model", "name": "chat small", "status": "ok"})
        if team:
            run.message("writer", "critic", "draft", SKY, since(), step)
            run.end_span(turn, since())
    run.end_span(attempt, since())
    run.end_span(root, since())
    if not run.cancelled:
        run.answer = {"choices": [{"text": SKY, "finish_reason": "stop"}], "model": "small", "effort": "none"}
        run.attempt(run.more["plan"]["rungs"][0], accepted=True, seconds=since(), verdicts=[])
        run.finish("succeeded", since())
    else:
        run.finish("cancelled", since())
    run.emit(
        "end", {"status": run.status, "answer": {"text": SKY, "model": "small"} if run.answer else None, "error": None}
    )


def routed(prompt: str, wishes: Json) -> Json:
    if team := wishes.get("team"):
        return plan(RESEARCH | {"team": team}, why=f"the team {team} was asked for")
    if any(sign in prompt for sign in "%+*/") and any(letter.isdigit() for letter in prompt):
        return plan(CALCULATE, why="the whole prompt is arithmetic: computed exactly, no model called")
    chosen = dialled(wishes)
    everything = (SMALL, VOTES, LARGE, DISTANT, RESEARCH)
    return plan(
        *chosen,
        why="chat: effort before size; the small model is right often enough to go first",
        considered=tuple(one for one in everything if short(one) not in {short(each) for each in chosen}),
        words=len(prompt.split()),
        would_change=(
            "With effort max it would be team research: 88% instead of 83%.",
            "Without a check direct large high would go alone.",
        ),
        chat=0.81,
        knowledge=0.15,
        code_write=0.04,
    )


def dialled(wishes: Json) -> list[Json]:
    """The rungs at this place on the dial, those that the budget affords."""
    if float(wishes.get("max_usd", 1)) < float(LARGE["cost_usd"]) or wishes.get("effort") == "none":
        return [SMALL]
    if wishes.get("effort") == "max" or wishes.get("quality_target", 0) > LARGE["quality"]:
        return [RESEARCH]
    return [SMALL, VOTES, LARGE] if wishes.get("checks") else [SMALL, LARGE]


def problems_of(text: str) -> list[Json]:
    try:
        parsed: Json | None = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        return [
            {
                "line": mark.line + 1 if mark else 1,
                "column": mark.column + 1 if mark else 1,
                "path": "",
                "message": str(error.problem),
                "nearest": None,
            }
        ]
    found: list[Json] = []
    for number, line in enumerate(text.splitlines(), start=1):
        key = line.partition(":")[0]
        if line[:1].isalpha() and key not in TEAM_KEYS:
            near = difflib.get_close_matches(key, TEAM_KEYS, 1)
            found.append(
                {
                    "line": number,
                    "column": 1,
                    "path": key,
                    "message": f"unknown key {key}",
                    "nearest": near[0] if near else None,
                }
            )
    if not found and not (parsed and parsed.get("name")):
        found.append({"line": 1, "column": 1, "path": "name", "message": "a name is missing", "nearest": None})
    return found


def wrong_in(body: Json) -> JSONResponse | None:
    """What the real door would say against the wishes of a request."""
    try:
        wishes = parse(Extras, body.get("pointsman", {}))
        for check in wishes.checks:
            checks.validate(check)
    except InvalidTask as error:
        return refusal(400, str(error), param=error.param)
    if wishes.method and (body.get("team") or wishes.team):
        return refusal(400, f"a team answers by itself, not by '{wishes.method}'", param="pointsman.method")
    return None


def refusal(status: int, message: str, *, param: str | None = None, **more: Any) -> JSONResponse:
    return JSONResponse(
        {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": None}, **more}, status
    )


def create_app(api_key: str | None = None) -> FastAPI:
    app = FastAPI()
    world: list[World] = []

    def here() -> World:
        if not world:
            world.append(World())
        return world[0]

    @app.middleware("http")
    async def keyed(request: Request, call_next: Any) -> Any:  # pyright: ignore[reportUnusedFunction]
        if api_key and request.url.path != "/health" and request.headers.get("authorization") != f"Bearer {api_key}":
            return refusal(401, "Invalid API key")
        return await call_next(request)

    @app.get("/health")
    async def health() -> Json:  # pyright: ignore[reportUnusedFunction]
        return {"status": "ok"}

    _runs(app, here)
    _builds(app, here)
    return app


def _runs(app: FastAPI, here: Any) -> None:
    async def runs(request: Request) -> Json:
        asked = request.query_params
        found = [run.summary() for run in here().runs.values()]
        found.sort(key=lambda run: run["created_at"], reverse=True)
        found = [
            run
            for run in found
            if all(run[name] == asked[name] for name in ("status", "team", "model") if asked.get(name))
        ]
        found = [run for run in found if asked.get("q", "").lower() in run["title"].lower()]
        start, limit = int(asked.get("cursor", 0)), int(asked.get("limit", 50))
        return {
            "runs": found[start : start + limit],
            "next": str(start + limit) if len(found) > start + limit else None,
        }

    async def run(run_id: str) -> Any:
        planted = here().runs.get(run_id)
        return planted.record() if planted else refusal(404, f"There is no run {run_id}")

    async def start(request: Request) -> Any:
        body = await request.json()
        if wrong := wrong_in(body):
            return wrong
        title = body["messages"][-1]["content"] if body["messages"] else "team " + body["team"]
        planted = Planted(
            f"new-{len(here().runs)}",
            title,
            status="queued",
            started=datetime.now(UTC),
            team=body.get("team"),
            effort=body["pointsman"].get("effort", "auto"),
        )
        planted.more["body"] = body
        here().runs[planted.id] = planted
        planted.emit("status", {"status": "queued"})
        here().spawn(growing(planted, team=bool(body.get("team"))))
        return JSONResponse({"id": planted.id, "status": "queued"}, 202)

    async def cancel(run_id: str) -> Json:
        here().runs[run_id].cancelled = True
        return {"id": run_id, "status": "cancelled"}

    async def route(request: Request) -> Any:
        body = await request.json()
        if wrong := wrong_in(body):
            return wrong
        prompt = body["messages"][-1]["content"]
        if len(prompt) > MOST_CHARACTERS:
            return refusal(400, f"about {len(prompt) // 4} tokens of prompt do not fit: large takes the most")
        return routed(prompt, body.get("pointsman", {}))

    async def rate(request: Request) -> Any:
        body = await request.json()
        if body["run_id"] == DELETED:
            return refusal(404, f"there is no run '{DELETED}'")
        here().ratings.append(body)
        return JSONResponse({"id": f"f{len(here().ratings)}"}, 201)

    async def ratings() -> list[Json]:
        return here().ratings

    async def spans(run_id: str, since: int = 0) -> Any:
        planted = here().runs.get(run_id)
        if planted is None:
            return refusal(404, f"There is no run {run_id}")
        new = [span for span in planted.spans.values() if span["seq"] > since]
        return {"spans": new, "next_since": max([since, *(span["seq"] for span in new)])}

    async def io(run_id: str, span_id: str) -> Json:
        return here().runs[run_id].io.get(span_id, {"input": None, "output": None})

    async def events(run_id: str, request: Request) -> Any:
        planted = here().runs.get(run_id)
        if planted is None:
            return refusal(404, f"There is no run {run_id}")
        return StreamingResponse(
            _feed(planted, int(request.headers.get("last-event-id", 0))), media_type="text/event-stream"
        )

    app.get("/api/runs")(runs)
    app.get("/api/runs/{run_id}")(run)
    app.post("/api/runs")(start)
    app.post("/api/runs/{run_id}/cancel")(cancel)
    app.post("/api/route")(route)
    app.post("/api/feedback")(rate)
    app.get("/planted/ratings")(ratings)
    app.get("/api/traces/{run_id}/spans")(spans)
    app.get("/api/traces/{run_id}/spans/{span_id}/io")(io)
    app.get("/api/runs/{run_id}/events")(events)


async def _feed(run: Planted, last: int) -> AsyncIterator[str]:
    if not run.events:
        yield f"id: 1\nevent: end\ndata: {json.dumps({'status': run.status, 'answer': None, 'error': None})}\n\n"
        return
    position = 0
    while True:
        while position < len(run.events):
            number, kind, body = run.events[position]
            position += 1
            if number is not None and number <= last:
                continue
            yield (f"id: {number}\n" if number else "") + f"event: {kind}\ndata: {json.dumps(body)}\n\n"
            if kind == "end":
                return
        await asyncio.sleep(0.03)


def _builds(app: FastAPI, here: Any) -> None:
    def team(name: str, text: str) -> Json:
        parsed: Json = yaml.safe_load(text)
        return {
            "name": name,
            "description": parsed.get("description", ""),
            "source": "example",
            "inputs": parsed.get("inputs", {}),
            "agents": [*parsed.get("agents", {})],
            "process": parsed["team"]["process"] if "team" in parsed else "",
        }

    async def teams() -> Json:
        return {"teams": [team(name, text) for name, text in here().teams.items()]}

    async def one_team(name: str) -> Json:
        return team(name, here().teams[name]) | {"yaml": here().teams[name]}

    async def validate(request: Request) -> Any:
        text = (await request.json())["yaml"]
        problems = problems_of(text)
        return (
            refusal(422, "The team file has problems", problems=problems)
            if problems
            else {"valid": True, "name": yaml.safe_load(text)["name"]}
        )

    async def save(request: Request) -> Any:
        text = (await request.json())["yaml"]
        if problems := problems_of(text):
            return refusal(422, "The team file has problems", problems=problems)
        name = yaml.safe_load(text)["name"]
        here().teams[name] = text
        return JSONResponse({"name": name}, 201)

    async def schedules() -> Json:
        return {"schedules": list(here().schedules.values())}

    async def add(request: Request) -> Any:
        return JSONResponse(here().add_schedule(await request.json()), 201)

    async def change(schedule_id: str, request: Request) -> Json:
        here().schedules[schedule_id] |= await request.json()
        return here().schedules[schedule_id]

    async def delete(schedule_id: str) -> Json:
        return here().schedules.pop(schedule_id)

    async def slots(schedule_id: str) -> Json:
        now = datetime.now(UTC)
        past = [
            ("ran", None, "small-1"),
            ("skipped", "the one before was still running", None),
            ("missed", "no scheduler was up", None),
        ]
        pending = {
            "due_at": here().schedules[schedule_id]["next_due_at"],
            "outcome": "pending",
            "reason": None,
            "run_id": None,
        }
        return {
            "slots": [
                pending,
                *(
                    {
                        "due_at": (now - timedelta(hours=number + 1)).isoformat(),
                        "outcome": outcome,
                        "reason": reason,
                        "run_id": run_id,
                    }
                    for number, (outcome, reason, run_id) in enumerate(past)
                ),
            ]
        }

    async def models() -> Json:
        common = {"healthy": True, "queue": 0, "context_tokens": 8192, "efforts": ["none", "high"]}
        return {
            "models": [
                {"id": "small", "kind": "embedded", "parameters_billion": 0.5, **common},
                {"id": "large", "kind": "embedded", "parameters_billion": 1.5, **common},
            ]
        }

    app.get("/api/teams")(teams)
    app.post("/api/teams/validate")(validate)
    app.post("/api/teams")(save)
    app.get("/api/teams/{name}")(one_team)
    app.get("/api/schedules")(schedules)
    app.post("/api/schedules")(add)
    app.patch("/api/schedules/{schedule_id}")(change)
    app.delete("/api/schedules/{schedule_id}")(delete)
    app.get("/api/schedules/{schedule_id}/slots")(slots)
    app.get("/api/models")(models)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", default=0, type=int)
    parser.add_argument("--api-key")
    arguments = parser.parse_args()
    listener = socket.create_server(("127.0.0.1", arguments.port))
    sys.stdout.write(f"standin: http://127.0.0.1:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    with listener:
        config = uvicorn.Config(create_app(arguments.api_key), log_level="warning", timeout_graceful_shutdown=1)
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
