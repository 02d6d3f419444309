"""One run: the plan and its reasons, the attempts, the cost, the steps on a time axis, the messages, the answer."""

import streamlit as st

from dashboard import components, shapes
from dashboard.connection import explained, gateway
from dashboard.links import open_run, open_runs
from dashboard.wording import harmless_markdown, literal

TABS = ("Waterfall", "Messages", "Answer", "Raw")
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
    if run.error:
        st.error(literal(run.error.message or run.error.code or "The run failed."), icon=":material/error:")
    left, right = st.columns([1, 1], gap="small")
    with left:
        components.plan(run)
    with right:
        components.attempts(run)
    _follow_step()
    tab = st.segmented_control(
        "View", TABS, default=TABS[0], required=True, key="tab", bind="query-params", label_visibility="collapsed"
    )
    match tab:
        case "Messages":
            step = components.sequence(run)
            if step:
                st.session_state["wanted_step"] = step
                st.rerun()
        case "Answer":
            _answer(run)
        case "Raw":
            _raw(run, text)
        case _:
            components.waterfall(run, selected=st.query_params.get("step"))


def _follow_step() -> None:
    """Go to the step that was asked for on another tab: the tab's own key may be set before it is drawn only."""
    step = st.session_state.pop("wanted_step", None)
    if step:
        st.session_state["tab"] = TABS[0]
        st.query_params["step"] = step


def _back() -> None:
    if st.button("All runs", icon=":material/arrow_back:", key="back"):
        open_runs()


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
    """How far this answer may be trusted, in a line."""
    match run.status:
        case "succeeded" if run.verified_by:
            st.badge(literal(f"Verified by {', '.join(run.verified_by)}"), icon=":material/verified:", color="green")
        case "succeeded" if run.answer and run.answer.model == "pointsman/calculate":
            st.badge("Computed, no model called", icon=":material/calculate:", color="blue")
        case "succeeded":
            st.badge("No check was asked for", icon=":material/help:", color="gray")
        case "unverified":
            st.badge("Unverified: a check that was asked for did not pass", icon=":material/help:", color="yellow")
        case "truncated":
            st.badge("Truncated: the best when a limit ended the work", icon=":material/content_cut:", color="yellow")
        case _:
            st.badge(f"The run ended as {run.status}", color="gray")
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
