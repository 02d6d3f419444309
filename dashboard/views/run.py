"""One run: the plan and its reasons, the attempts, the cost, the steps on a time axis, the messages, the answer."""

from typing import Literal

import streamlit as st

from dashboard import components, planview, shapes
from dashboard.api_client import GatewayDown, Refused
from dashboard.connection import explained, gateway, remedy
from dashboard.links import open_route, open_run, open_runs
from dashboard.standing import standing_of
from dashboard.wording import harmless_markdown, literal

SCALING = "Votes and rounds"
TABS = ("Waterfall", "Plan", SCALING, "Messages", "Answer", "Raw")
BADGES: dict[str, tuple[str, Literal["green", "orange", "blue"]]] = {
    "good": (":material/verified:", "green"),
    "wait": (":material/help:", "orange"),
    "going": (":material/calculate:", "blue"),
}
STYLES = ("Formatted", "Plain")


def page() -> None:
    run_id = st.query_params.get("id")
    if not run_id:
        st.title("Run", anchor=False)
        st.info("Which run? Open one from the list, or put its id into the address: `/run?id=…`")
        _back()
        return
    with explained():
        run, text = gateway().run(run_id)
        _draw(run, text)
        return
    # Only a failure, which is explained above, comes here.
    _back()


def _draw(run: shapes.Run, text: str) -> None:
    with st.container(horizontal=True, vertical_alignment="top"):
        components.head(run)
        with st.container(horizontal=True, width="content", wrap=False):
            _back()
            if not run.ended and st.button("Cancel", icon=":material/stop_circle:", key="cancel"):
                gateway().cancel(run.id)
                st.rerun()
    if run.answer is not None and run.ended:
        _rating(run)
    if run.error:
        st.error(literal(run.error.message or run.error.code or "The run failed."), icon=":material/error:")
    cards = st.container()
    _follow_step()
    tab = st.segmented_control(
        "View", TABS, default=TABS[0], required=True, key="tab", bind="query-params", label_visibility="collapsed"
    )
    if tab not in ("Plan", SCALING):
        with cards:
            _cards(run)
    match tab:
        case "Plan":
            _plan(run)
        case "Messages":
            _go_to(components.sequence(run))
        case str(name) if name == SCALING:
            _go_to(components.scaling(run))
        case "Answer":
            _answer(run)
        case "Raw":
            _raw(run, text)
        case _:
            components.waterfall(run, selected=st.query_params.get("step"))


def _go_to(step: str | None) -> None:
    if step:
        st.session_state["wanted_step"] = step
        st.rerun()


def _follow_step() -> None:
    """Go to the step that was asked for on another tab: the tab's own key may be set before it is drawn only."""
    step = st.session_state.pop("wanted_step", None)
    if step:
        st.session_state["tab"] = TABS[0]
        st.query_params["step"] = step


def _back() -> None:
    if st.button("All runs", icon=":material/arrow_back:", key="back"):
        open_runs()


def _rating(run: shapes.Run) -> None:
    """A thumb up or down, which the router learns from."""
    thumbs, outcome = f"thumbs {run.id}", f"rated {run.id}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="rating"):
        st.caption("Was this answer good?", width="content")
        st.feedback("thumbs", key=thumbs, on_change=_rate, args=(run.id, thumbs, outcome))
        kept, words = st.session_state.get(outcome, (True, ""))
        if words and kept:
            st.caption(words, width="content")
    if words and not kept:
        st.error(words, icon=":material/error:")


def _rate(run_id: str, thumbs: str, outcome: str) -> None:
    score: int | None = st.session_state[thumbs]
    if score is None:
        return
    try:
        gateway().rate(run_id, score=score)
    except (GatewayDown, Refused) as error:
        st.session_state[thumbs] = None
        st.session_state[outcome] = (False, f"Your rating was not kept. {remedy(error)}")
    else:
        st.session_state[outcome] = (True, "Thank you: the router learns from it.")


def _cards(run: shapes.Run) -> None:
    left, right = st.columns([1, 1], gap="small")
    with left:
        components.plan(run)
    with right:
        components.attempts(run)


def _plan(run: shapes.Run) -> None:
    if run.plan is None:
        st.info("This run ended without a plan." if run.ended else "The router has not planned this run yet.")
        return
    asked = next((message.content for message in reversed(run.task.messages) if message.role == "user"), None)
    if asked and st.button("Try other settings", icon=":material/alt_route:", key="reroute"):
        open_route(asked)
    planview.draw(run.plan, key="plan", attempts=run.attempts)


def _answer(run: shapes.Run) -> None:
    left, right = st.columns([3, 2], gap="small")
    with right:
        _asked(run.task)
    with left:
        if not run.ended:
            if components.live(run.id, key="live"):
                open_run(run.id)
        elif run.answer is None or not run.answer.choices:
            st.info("This run has no answer.")
        else:
            _answered(run, run.answer)


def _asked(task: shapes.Task) -> None:
    with st.container(border=True, gap="xsmall"):
        st.markdown("**The task**")
        for message in task.messages:
            st.caption(literal(message.role))
            st.text(message.content or "")
        for name, value in task.inputs.items():
            st.caption(literal(name))
            st.text(str(value))
        for attachment in task.attachments:
            st.caption(f":material/attach_file: {literal(attachment.name)} ({len(attachment.text):,} characters)")


def _answered(run: shapes.Run, answer: shapes.Answer) -> None:
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            _standing(run)
            style = st.segmented_control(
                "Shown as", STYLES, default=STYLES[0], required=True, key="style", label_visibility="collapsed"
            )
        for number, choice in enumerate(answer.choices, start=1):
            if len(answer.choices) > 1:
                st.caption(f"Choice {number}")
            if choice.reasoning:
                with st.expander("Thinking"):
                    st.text(choice.reasoning)
            if style == STYLES[0]:
                st.markdown(harmless_markdown(choice.text), anchors=False)
            else:
                st.text(choice.text)


def _standing(run: shapes.Run) -> None:
    """How far this answer may be trusted, said first."""
    known = standing_of(run)
    if known:
        icon, color = BADGES[known.tone]
        words = known.words[0].upper() + known.words[1:]
        with st.container(gap="xxsmall", width="content"):
            st.badge(literal(words), icon=icon, color=color)
            st.caption(literal(known.why))
    st.space("stretch")


def _raw(run: shapes.Run, text: str) -> None:
    st.download_button(
        "Download",
        text,
        file_name=f"run-{run.id}.json",
        mime="application/json",
        icon=":material/download:",
        on_click="ignore",
    )
    st.json(text, expanded=1)
