"""The connection of the page scripts to the gateway, and what a page shows when it fails."""

from collections.abc import Generator
from contextlib import contextmanager

import streamlit as st

from dashboard.api_client import Gateway, GatewayDown, Refused

RETRY_SECONDS = 3


def gateway() -> Gateway:
    """The client of the gateway that this dashboard was started for."""
    configured = st.secrets["pointsman"]
    return _client(str(configured["gateway"]), str(configured.get("api_key") or ""))


@st.cache_resource(show_spinner=False)
def _client(url: str, api_key: str) -> Gateway:
    return Gateway(url, api_key=api_key or None)


@contextmanager
def explained() -> Generator[None]:
    """Draw a failure of the gateway as one sentence with its remedy, where the page would have gone on."""
    try:
        yield
    except GatewayDown as error:
        st.error(
            f"{error}. Start it with `pointsman up` (or `pointsman gateway`); this page tries again by itself.",
            icon=":material/cloud_off:",
        )
        _wait_for_gateway()
    except Refused as error:
        st.error(_remedy(error), icon=":material/error:")


@st.fragment(run_every=RETRY_SECONDS)
def _wait_for_gateway() -> None:
    if gateway().alive():
        st.rerun()
    st.caption(f"Looking for the gateway every {RETRY_SECONDS} seconds.")


def _remedy(error: Refused) -> str:
    if error.status in {401, 403}:
        return (
            f"{error}. The dashboard's API key is missing or not accepted: "
            "make one with `pointsman keys create` and start the dashboard with it."
        )
    return str(error)
