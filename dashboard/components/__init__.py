"""The parts of a page that the browser draws itself: mounted from here, written in the files beside."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from streamlit.components.v2 import component

from dashboard import shapes
from dashboard.shapes import Json

_HERE = Path(__file__).resolve().parent


def _component(name: str, *, js: tuple[str, ...], css: tuple[str, ...] = ()) -> Callable[..., Any]:
    """Register a component once, out of shared parts and its own."""

    def read(names: tuple[str, ...], suffix: str) -> str:
        return "\n".join((_HERE / f"{part}.{suffix}").read_text(encoding="utf-8") for part in names)

    return component(
        f"pointsman_{name}",
        html='<div class="pm"></div>',
        css=read(("kit", *css), "css"),
        js=read(("kit", *js), "js"),
    )


_head = _component("head", js=("trace", "head"), css=("head",))
_plan = _component("plan", js=("ladder", "plan"), css=("ladder", "card"))
_attempts = _component("attempts", js=("ladder", "attempts"), css=("ladder", "card"))
_waterfall = _component(
    "waterfall", js=("trace", "tree", "ladder", "details", "waterfall"), css=("ladder", "waterfall")
)
_sequence = _component("sequence", js=("sequence",), css=("sequence",))
_live = _component("live", js=("trace", "live"), css=("live",))
_runs = _component("runs", js=("runs",), css=("runs",))


def head(run: shapes.Run) -> None:
    """Title and badges, which count on while the run goes on; the page is drawn anew when the run has grown."""
    standing = _standing(run)
    _head(
        key="head",
        data={
            "runId": run.id,
            "title": run.title or run.id,
            "status": run.status,
            "terminal": run.ended,
            "effort": run.task.effort,
            "rung": standing.rung if standing else run.task.team and f"team {run.task.team}",
            "model": run.answer.model if run.answer else None,
            "origin": run.origin,
            "tokens": run.usage.total_tokens,
            "cost_usd": str(run.cost_usd),
            "created_at": _iso(run, "created_at"),
            "started_at": _iso(run, "started_at"),
            "seconds": run.seconds,
            "steps": run.steps,
            "verified_by": list(run.verified_by),
        },
        on_grown_change=_ignore,
    )


def preview(plan: shapes.Plan | None, *, auto: bool) -> None:
    """What the router would do, or what was asked of it would take."""
    empty = "Write a prompt: the plan, its price and its reasons appear here before anything is spent."
    _plan(
        key="preview",
        data={
            "heading": "What Auto would do" if auto else "What would run",
            "plan": _json(plan),
            "empty": empty,
            "preview": True,
        },
    )


def plan(run: shapes.Run) -> None:
    """The plan of a run, with the rungs that were climbed marked."""
    empty = "This run ended without a plan." if run.ended else "The router has not planned this run yet."
    data = {"heading": "Plan", "plan": _json(run.plan), "empty": empty}
    _plan(key="plan", data=data | _climbed(run))


def attempts(run: shapes.Run) -> None:
    _attempts(key="attempts", data={"attempts": _attempt_data(run), "terminal": run.ended})


def waterfall(run: shapes.Run, *, selected: str | None) -> None:
    """The steps on a time axis, with `selected` picked."""
    data = {"runId": run.id, "terminal": run.ended, "selected": selected, "plan": _json(run.plan)}
    _waterfall(key="waterfall", data=data | {"attempts": _attempt_data(run), "taken": _climbed(run)["taken"]})


def sequence(run: shapes.Run) -> str | None:
    """The messages; gives the step that the reader wants to see."""
    messages = [message.model_dump(mode="json") for message in run.messages]
    result = _sequence(key="sequence", data={"messages": messages, "terminal": run.ended}, on_step_change=_ignore)
    return result.step


def live(run_id: str, *, key: str) -> str | None:
    """The answer as it is written; gives the run's id when the reader opens it."""
    result = _live(key=key, data={"runId": run_id, "href": f"/run?id={run_id}"}, on_open_change=_ignore)
    return result.open


def runs(found: shapes.RunList, *, empty: str) -> str | None:
    """The list; gives the id of the run that the reader opens."""
    lines = [run.model_dump(mode="json") | {"tokens": run.usage.total_tokens} for run in found.runs]
    return _runs(key="runs", data={"runs": lines, "empty": empty}, on_open_change=_ignore).open


def _ignore() -> None:
    """Streamlit hands out a value only where a callback is given."""


def _standing(run: shapes.Run) -> shapes.Attempt | None:
    return next((attempt for attempt in reversed(run.attempts) if attempt.accepted), None)


def _climbed(run: shapes.Run) -> Json:
    standing = _standing(run)
    tried = [attempt.rung for attempt in run.attempts if not attempt.accepted]
    return {"taken": standing.rung if standing else None, "tried": tried}


def _attempt_data(run: shapes.Run) -> list[Json]:
    left_out = {"answer"}
    return [
        attempt.model_dump(mode="json", exclude=left_out) | {"tokens": attempt.usage.total_tokens}
        for attempt in run.attempts
    ]


def _json(record: BaseModel | None) -> Json | None:
    return record.model_dump(mode="json") if record else None


def _iso(run: shapes.Run, field: str) -> str | None:
    return run.model_dump(mode="json", include={field})[field]
