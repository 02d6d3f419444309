"""Which pages there are, and in which group."""

import streamlit as st
from streamlit.navigation.page import Page

from dashboard.views import route, run, runs, schedules, sign_out, submit, teams


def navigation() -> Page:
    """The page to draw now."""
    groups = {
        "Run": [st.Page(submit.page, title="Submit", url_path="submit", icon=":material/send:", default=True)],
        "Observe": [
            st.Page(runs.page, title="Runs", url_path="runs", icon=":material/list:"),
            st.Page(route.page, title="Route", url_path="route", icon=":material/alt_route:"),
            st.Page(run.page, title="Run", url_path="run", visibility="hidden"),
        ],
        "Build": [
            st.Page(teams.page, title="Teams", url_path="teams", icon=":material/groups:"),
            st.Page(schedules.page, title="Schedules", url_path="schedules", icon=":material/schedule:"),
        ],
    }
    if st.secrets["pointsman"].get("login"):
        groups["Admin"] = [st.Page(sign_out.page, title="Sign out", url_path="sign_out", icon=":material/logout:")]
    return st.navigation(groups, position="top")
