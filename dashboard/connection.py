"""The connection of the page scripts to the gateway, and what a page shows when it fails."""

from collections.abc import Generator
from contextlib import contextmanager

import streamlit as st

from dashboard.api_client import Gateway, GatewayDown, Refused
from dashboard.wording import literal

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
        st.error(f"{remedy(error)}; this page tries again by itself.", icon=":material/cloud_off:")
        _wait_for_gateway()
    except Refused as error:
        st.error(remedy(error), icon=":material/error:")


def remedy(error: GatewayDown | Refused) -> str:
    """What failed, and what helps."""
    match error:
        case GatewayDown():
            return f"{error}. Start it with `pointsman up` (or `pointsman gateway`)"
        case Refused(status=401 | 403):
            return (
                f"{error}. The dashboard's API key is missing or not accepted: "
                "make one with `pointsman keys create` and start the dashboard with it."
            )
        case Refused():
            return literal(str(error))


@st.fragment(run_every=RETRY_SECONDS)
def _wait_for_gateway() -> None:
    if gateway().alive():
        st.rerun()
    st.caption(f"Looking for the gateway every {RETRY_SECONDS} seconds.")
