"""How one page leads to another: by its path, since pages that import each other would stand in a circle."""

from typing import NoReturn

import streamlit as st
from streamlit.navigation.page import Page

LIST_STATE = "runs_query"
"""Where the list of runs remembers its filters, for the way back."""
ROUTE_PROMPT = "route_prompt"
"""Where the page of the router keeps the prompt that it starts with."""


def open_run(run_id: str) -> NoReturn:
    st.switch_page(_page("run"), query_params={"id": run_id})


def open_runs() -> NoReturn:
    remembered: dict[str, str] = st.session_state.get(LIST_STATE, {})
    st.switch_page(_page("runs"), query_params=remembered)


def open_route(prompt: str) -> NoReturn:
    st.session_state[ROUTE_PROMPT] = prompt
    # Said, because widgets that are bound to the address forbid to clear it.
    st.switch_page(_page("route"), query_params={})


def _page(path: str) -> Page:
    """A page of the navigation, which knows it by its path alone."""
    return st.Page(_elsewhere, title=path, url_path=path)


def _elsewhere() -> None:
    """Stands for the page that the navigation has under the same path."""
