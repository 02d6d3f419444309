"""The parts of a page that the browser draws itself: mounted from here, written in the files beside."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from streamlit.components.v2 import component

from dashboard import shapes
from dashboard.shapes import Json
from dashboard.standing import standing_of

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
_rungs = _component("rungs", js=("ladder", "rungs"), css=("ladder", "card"))
_prompt = _component("prompt", js=("prompt",), css=("prompt",))
_waterfall = _component(
    "waterfall",
    js=("trace", "tree", "ladder", "votes", "rounds", "details", "waterfall"),
    css=("ladder", "scaling", "waterfall"),
)
_scaling = _component(
    "scaling", js=("trace", "ladder", "votes", "rounds", "scaling"), css=("ladder", "card", "scaling")
)
_sequence = _component("sequence", js=("sequence",), css=("sequence",))
_live = _component("live", js=("trace", "live"), css=("live",))
_runs = _component("runs", js=("runs",), css=("runs",))


def head(run: shapes.Run) -> None:
    """Title and badges, which count on while the run goes on; the page is drawn anew when the run has grown."""
    standing = _standing(run.attempts)
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
            "standing": _shown_standing(run),
        },
        on_grown_change=_ignore,
    )


def preview(plan: shapes.Plan | None, *, auto: bool, refused: bool) -> None:
    """What the router would do, or what was asked of it would take."""
    empty = "Once all that is needed is there, the plan, its price and its reasons stand here before anything is spent."
    if refused:
        empty = "There is no plan for this: see what is marked in the form."
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
    _plan(key="plan", data=data | _climbed(run.attempts))


def rungs(plan: shapes.Plan, attempts: Sequence[shapes.Attempt], *, key: str) -> None:
    """The rungs that were chosen, and what was climbed beside what was expected."""
    chosen = [_json(rung) for rung in plan.rungs]
    data = {"rungs": chosen, "attempts": _attempt_data(attempts), "considered": []}
    _rungs(key=key, data=data | _climbed(attempts))


def weighed(plan: shapes.Plan, *, key: str) -> None:
    """The rungs that were weighed and left out."""
    _rungs(key=key, data={"rungs": [], "attempts": [], "considered": [_json(rung) for rung in plan.considered]})


def prompt(*, key: str, seed: str) -> str:
    """A box to type a prompt in; gives what stands in it whenever the typing pauses."""
    placeholder = "A train leaves at 9:40 and arrives at 12:05. How long does it take?"
    data = {"seed": seed, "placeholder": placeholder}
    return str(_prompt(key=key, data=data, default={"text": seed}, on_text_change=_ignore).text)


def attempts(run: shapes.Run) -> None:
    rungs = [_json(rung) for rung in run.plan.rungs] if run.plan else []
    _attempts(key="attempts", data={"attempts": _attempt_data(run.attempts), "rungs": rungs, "terminal": run.ended})


def waterfall(run: shapes.Run, *, selected: str | None) -> None:
    """The steps on a time axis, with `selected` picked."""
    data = {"runId": run.id, "terminal": run.ended, "selected": selected, "plan": _json(run.plan)}
    _waterfall(
        key="waterfall", data=data | {"attempts": _attempt_data(run.attempts), "taken": _climbed(run.attempts)["taken"]}
    )


def scaling(run: shapes.Run) -> str | None:
    """Samples with their votes, rounds with their critiques; gives the step that the reader wants to see."""
    attempts = [
        {
            "number": attempt.number,
            "rung": attempt.rung,
            "accepted": attempt.accepted,
            "answer": attempt.answer.text if attempt.answer else None,
        }
        for attempt in run.attempts
    ]
    data = {"runId": run.id, "terminal": run.ended, "attempts": attempts}
    return _scaling(key="scaling", data=data, on_step_change=_ignore).step


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


def _standing(attempts: Sequence[shapes.Attempt]) -> shapes.Attempt | None:
    return next((attempt for attempt in reversed(attempts) if attempt.accepted), None)


def _shown_standing(run: shapes.Run) -> Json | None:
    known = standing_of(run)
    return {"words": known.words, "why": known.why, "tone": known.tone} if known else None


def _climbed(attempts: Sequence[shapes.Attempt]) -> Json:
    standing = _standing(attempts)
    tried = [attempt.rung for attempt in attempts if not attempt.accepted]
    return {"taken": standing.rung if standing else None, "tried": tried}


def _attempt_data(attempts: Sequence[shapes.Attempt]) -> list[Json]:
    left_out = {"answer"}
    return [
        attempt.model_dump(mode="json", exclude=left_out) | {"tokens": attempt.usage.total_tokens}
        for attempt in attempts
    ]


def _json(record: BaseModel | None) -> Json | None:
    return record.model_dump(mode="json") if record else None


def _iso(run: shapes.Run, field: str) -> str | None:
    return run.model_dump(mode="json", include={field})[field]
