"""A plan drawn at full size: its rungs, the reasons, what would change it, and quality against price."""

from collections.abc import Sequence

import streamlit as st

from dashboard import charts, components
from dashboard.shapes import Attempt, Json, Plan
from dashboard.wording import literal


def draw(plan: Plan, *, key: str, attempts: Sequence[Attempt] = ()) -> None:
    """Draw it; with `attempts`, what was climbed stands beside what was expected."""
    left, right = st.columns([3, 2], gap="medium")
    with left:
        components.rungs(plan, attempts, key=f"{key}_rungs")
        _sentences("Why", (plan.why,) if plan.why else ())
        _sentences("What would change the choice", plan.would_change)
        _sentences("Rules that had a say", plan.overrides)
        if plan.considered:
            components.weighed(plan, key=f"{key}_weighed")
    with right:
        if len(plan.rungs) + len(plan.considered) > 1:
            _prices(plan, attempts, key=key)
        _looks(plan)


def _sentences(heading: str, sentences: Sequence[str]) -> None:
    if not sentences:
        return
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"**{heading}**")
        if len(sentences) == 1:
            st.markdown(literal(sentences[0]))
        else:
            st.markdown("\n".join(f"- {literal(sentence)}" for sentence in sentences))


def _prices(plan: Plan, attempts: Sequence[Attempt], *, key: str) -> None:
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown("**Quality against price**", width="content")
            natural = charts.natural_axis(plan)
            axis = st.segmented_control(
                "Price", [*charts.Axis], default=natural, required=True, key=f"{key}_axis", label_visibility="collapsed"
            )
        chart = charts.quality_chart(plan, axis or natural, attempts=attempts)
        _chart(chart, words=charts.described(plan, axis or natural))
        st.caption(
            "Numbered: the rungs in the order they are climbed. Bars: 90 % intervals. "
            "Dashed: the frontier, the best to be had at each price."
        )


def _looks(plan: Plan) -> None:
    with st.container(border=True, gap="xsmall"):
        st.markdown("**What the router saw**")
        if plan.task_type:
            _chart(charts.types_chart(plan), words="Kinds of task the prompt looks like, likeliest first")
        else:
            st.caption("No kind of task had to be guessed.")
        seen = {name: value for name, value in plan.features.items() if value}
        with st.container(horizontal=True, gap="xsmall"):
            for name, value in seen.items():
                st.badge(literal(_feature(name, value)), color="gray")
        nothing = [name.replace("_", " ") for name in plan.features if name not in seen]
        if nothing:
            st.caption(literal(f"Nothing of: {', '.join(nothing)}"))


def _chart(spec: Json, *, words: str) -> None:
    # Its data may also come as a table of libraries whose types are not known here.
    st.vega_lite_chart(spec, alt=words)  # pyright: ignore[reportUnknownMemberType]


def _feature(name: str, value: object) -> str:
    words = name.replace("_", " ")
    match value:
        case True:
            return words
        case float():
            return f"{words} {value:.3g}"
        case _:
            return f"{words} {value}"
