"""The page of the router: a prompt is typed, and its plan is drawn anew at every pause. Nothing is run."""

from decimal import Decimal

import streamlit as st

from dashboard import components, planview, wishes
from dashboard.connection import explained, gateway
from dashboard.links import ROUTE_PROMPT
from dashboard.shapes import Json

ANY_CHECK: Json = {"type": "regex", "pattern": r"\S"}
"""Stands for the check that the task will bring: to the plan it matters only that there is one."""


def page() -> None:
    st.title("Route", anchor=False)
    _draw()


@st.fragment
def _draw() -> None:
    left, right = st.columns([3, 2], gap="medium")
    with left:
        prompt = components.prompt(key="route_text", seed=str(st.session_state.get(ROUTE_PROMPT, "")))
        st.session_state[ROUTE_PROMPT] = prompt
    with right:
        wished = _wishes()
    if not prompt.strip():
        st.info("Type a prompt: its plan is drawn here as you type. Nothing is run, and nothing is spent.")
        return
    with explained():
        plan = gateway().route({"messages": [{"role": "user", "content": prompt}], "pointsman": wished})
        planview.draw(plan, key="route")


def _wishes() -> Json:
    """What the asker wants of the answer, in the gateway's words; what is left empty is left to the router."""
    effort = wishes.effort(key="route_effort")
    usd, wall = st.columns(2)
    max_usd = usd.number_input(
        "At most (USD)", value=None, min_value=0.0, step=0.001, format="%.4f", key="route_usd", placeholder="no limit"
    )
    max_seconds = wall.number_input(
        "At most (s)", value=None, min_value=1, step=10, key="route_seconds", placeholder="no limit"
    )
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        target = st.slider(
            "Quality target (0: none)",
            min_value=0,
            max_value=100,
            step=5,
            format="%d%%",
            key="route_target",
            help="The cheapest plan that is expected to be right this often",
        )
        checked = st.toggle(
            "Checked answer",
            key="route_checked",
            help="The task brings a check, such as a JSON schema: a cheap rung may go first, and climb when it fails",
        )
    limits: Json = {
        "max_usd": None if max_usd is None else str(Decimal(str(max_usd))),
        "max_seconds": max_seconds,
        "quality_target": target / 100 if target else None,
        "checks": [ANY_CHECK] if checked else None,
    }
    return {"effort": effort} | wishes.given(limits)
