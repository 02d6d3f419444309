"""The list of runs: filtered and paged by the gateway, each line a way to its run."""

import streamlit as st

from dashboard import components, shapes
from dashboard.connection import explained, gateway
from dashboard.links import LIST_STATE, open_run

PAGE_SIZE = 25
REFRESH_SECONDS = 5
ANY = "any"
_TRAIL = "runs_trail"


def page() -> None:
    st.title("Runs", anchor=False)
    with explained():
        filters = _filters()
        st.session_state[LIST_STATE] = {name: value for name, value in filters.items() if value}
        newest = len(_trail(filters)) == 1
        # Older pages change little, and a reader there wants the lines to stay.
        st.fragment(_lines, run_every=REFRESH_SECONDS if newest else None)(filters)


def _filters() -> dict[str, str]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Text", key="q", bind="query-params", placeholder="Words of the task", icon=":material/search:", width=320
        )
        status = st.selectbox("Status", [ANY, *shapes.STATUSES], key="status", bind="query-params", width=190)
        teams = [team.name for team in gateway().teams()]
        team = st.selectbox("Team", [ANY, *teams], key="team", bind="query-params", width=190)
        models = ["pointsman/calculate", *(model.id for model in gateway().models())]
        model = st.selectbox("Model", [ANY, *models], key="model", bind="query-params", width=210)
    chosen = {"q": (text or "").strip(), "status": status, "team": team, "model": model}
    return {name: "" if value == ANY else value for name, value in chosen.items()}


def _trail(filters: dict[str, str]) -> list[str | None]:
    """The cursors of the pages from the first to this one; a change of filters starts anew."""
    kept: tuple[dict[str, str], list[str | None]] | None = st.session_state.get(_TRAIL)
    if kept is None or kept[0] != filters:
        st.session_state[_TRAIL] = kept = (filters, [None])
    return kept[1]


def _lines(filters: dict[str, str]) -> None:
    with explained():
        trail = _trail(filters)
        found = gateway().runs(filters=filters, cursor=trail[-1], limit=PAGE_SIZE)
        empty = (
            "No run fits these filters." if any(filters.values()) else "No runs yet: ask something on the first page."
        )
        opened = components.runs(found, empty=empty)
        if opened:
            open_run(opened)
        _pages(trail, found)


def _pages(trail: list[str | None], found: shapes.RunList) -> None:
    if len(trail) == 1 and not found.next:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Newer", icon=":material/chevron_left:", disabled=len(trail) == 1):
            trail.pop()
            st.rerun()
        if st.button("Older", icon=":material/chevron_right:", icon_position="right", disabled=not found.next):
            trail.append(found.next)
            st.rerun()
        st.caption(f"Page {len(trail)}", width="content")
