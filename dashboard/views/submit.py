"""The page to ask: the form; beside it the plan, below it the answer as it is written."""

import uuid
from typing import TYPE_CHECKING

import streamlit as st

from dashboard import checkform, components, shapes, wishes
from dashboard.api_client import Refused
from dashboard.connection import explained, gateway
from dashboard.links import open_run
from dashboard.shapes import Json
from dashboard.spots import Spots
from dashboard.wording import literal, plain

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

NO_TEAM = "No team"
MAX_FILE_BYTES = 1_000_000
EFFORT_HELP = (
    "How hard to think. Auto lets the router take the cheapest effort that will do; "
    "max is the long quality pass and takes minutes."
)
METHOD_HELP = (
    "How to answer. Auto lets the router choose; the others draw several samples and let them vote, choose the best of "
    "them, mend a draft, verify it, or climb from small models to large ones."
)
SAMPLES_HELP = "At most; drawing stops as soon as the vote is decided"


def page() -> None:
    st.title("Submit a task", anchor=False)
    with explained():
        _draw()


def _draw() -> None:
    teams = {team.name: team for team in gateway().teams()}
    spots = Spots()
    left, right = st.columns([3, 2], gap="medium")
    with left:
        body = _form(teams, spots)
        sent = st.button(
            "Submit", type="primary", icon=":material/send:", shortcut="Mod+Enter", disabled=body is None, key="submit"
        )
        if sent and body is not None:
            _start(body, spots)
        run_id = st.query_params.get("run")
        if run_id:
            opened = components.live(run_id, key="live")
            if opened:
                open_run(opened)
    with right, explained():
        plan = _previewed(body, spots) if body else None
        components.preview(plan, auto=_left_to_the_router(body), refused=body is not None and plan is None)


def _left_to_the_router(body: Json | None) -> bool:
    if body is None:
        return True
    wished: Json = body["pointsman"]
    return body["team"] is None and wished["effort"] == "auto" and "method" not in wished


def _previewed(body: Json, spots: Spots) -> shapes.Plan | None:
    """The plan; what the gateway refuses is said at the field it is about."""
    try:
        return gateway().route(_question(body))
    except Refused as refusal:
        if not spots.tell(refusal.param, str(refusal)):
            raise
        return None


def _start(body: Json, spots: Spots) -> None:
    with explained():
        try:
            accepted = gateway().start(body | {"idempotency_key": str(uuid.uuid4())})
        except Refused as refusal:
            if not spots.tell(refusal.param, str(refusal)):
                raise
            return
        # In the address, so that a reload goes on watching.
        st.query_params["run"] = accepted.id


def _question(body: Json) -> Json:
    """The part of a task that the router wants to know."""
    asked = body["messages"] or [{"role": "user", "content": " ".join(str(value) for value in body["inputs"].values())}]
    team: Json = {"team": body["team"], "inputs": body["inputs"]} if body["team"] else {}
    return {"messages": asked, "pointsman": body["pointsman"] | team}


def _form(teams: dict[str, shapes.Team], spots: Spots) -> Json | None:
    """The task as the gateway takes it; None while something is missing."""
    prompt = st.text_area(
        "Prompt",
        height=150,
        key="prompt",
        placeholder="What is 17% of 3,482?",
        help="Ctrl+Enter (or ⌘+Enter) shows what it would take and makes Submit ready",
    )
    dial, choice = st.columns([3, 2], vertical_alignment="bottom")
    with dial:
        effort = wishes.effort(key="effort", hint=EFFORT_HELP)
    picked = choice.selectbox("Team", [NO_TEAM, *teams], key="team", help="A team of agents instead of one answer")
    spots.here("effort")
    spots.here("team")
    method = _method(spots)
    team = teams.get(picked)
    inputs, complete = _inputs(team) if team else ({}, True)
    checks, checkable = checkform.draw(spots)
    attachments, readable = _attachments()
    limits = _limits(spots)
    words = (prompt or "").strip()
    # A team may be told all by its inputs.
    if not (readable and checkable and complete and (words or inputs)):
        return None
    return {
        "messages": [{"role": "user", "content": words}] if words else [],
        "team": team.name if team else None,
        "inputs": inputs,
        "attachments": attachments,
        "pointsman": {"effort": effort, **method, **limits, **({"checks": checks} if checks else {})},
    }


def _method(spots: Spots) -> Json:
    """The method and the number of samples, where one is insisted on."""
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    method = left.selectbox(
        "Method", shapes.METHODS, key="method", format_func=lambda name: name.replace("_", " "), help=METHOD_HELP
    )
    samples = right.number_input(
        "Samples", value=None, min_value=1, max_value=64, key="samples", placeholder="as planned", help=SAMPLES_HELP
    )
    spots.here("method")
    spots.here("samples")
    return wishes.given({"method": None if method == "auto" else method, "samples": samples})


def _inputs(team: shapes.Team) -> tuple[Json, bool]:
    """The values of the team's places, and whether all that are required are there."""
    if team.description:
        st.caption(literal(team.description))
    values: Json = {}
    for name, wanted in team.inputs.items():
        label = plain(f"{name} (required)" if wanted.required else name)
        value = _value(label, wanted, key=f"input {team.name} {name}")
        if value not in (None, ""):
            values[name] = value
    return values, all(name in values for name, wanted in team.inputs.items() if wanted.required)


def _value(label: str, wanted: shapes.TeamInput, *, key: str) -> str | float | int | bool | None:
    hint = literal(wanted.description) or None
    match wanted.type:
        case "boolean":
            return st.checkbox(label, key=key, help=hint)
        case "integer":
            return st.number_input(label, value=None, step=1, key=key, help=hint)
        case "number":
            return st.number_input(label, value=None, step=0.1, key=key, help=hint)
        case _:
            return st.text_input(label, key=key, help=hint)


def _attachments() -> tuple[list[Json], bool]:
    """The files as texts, and whether every one of them is one."""
    with st.expander("Files", icon=":material/attach_file:"):
        files = st.file_uploader(
            "Text files", accept_multiple_files=True, max_upload_size=1, key="files", label_visibility="collapsed"
        )
        read = [(file, _text(file)) for file in files]
        for file, text in read:
            if text is None:
                st.error(f"{literal(file.name)} is not a text file in UTF-8 of at most 1 MB: remove it or convert it.")
    attachments: list[Json] = [
        {"name": file.name, "media_type": file.type or "text/plain", "text": text} for file, text in read if text
    ]
    return attachments, all(text is not None for _, text in read)


def _text(file: "UploadedFile") -> str | None:
    content = file.getvalue()
    if len(content) > MAX_FILE_BYTES or b"\0" in content:
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _limits(spots: Spots) -> Json:
    """The limits that were set; what is left empty is no limit."""
    with st.expander("Limits", icon=":material/speed:"):
        usd, wall, tokens, calls = st.columns(4)
        limits: Json = {
            "max_usd": usd.number_input("Cost (USD)", value=None, min_value=0.0, step=0.01, format="%.4f", key="usd"),
            "max_seconds": wall.number_input("Time (s)", value=None, min_value=1, step=10, key="wall"),
            "max_tokens_total": tokens.number_input("Tokens", value=None, min_value=1, step=1000, key="tokens"),
            "max_model_calls": calls.number_input("Model calls", value=None, min_value=0, step=1, key="calls"),
        }
        for name in limits:
            spots.here(name)
        st.caption("Shared by the run and all that it starts. At a limit the best answer so far is given, marked.")
    return wishes.given(limits)
