"""What is wished of an answer besides its words, as more than one page asks for it."""

import streamlit as st

from dashboard.shapes import EFFORTS, Json


def effort(*, key: str, hint: str | None = None) -> str:
    """How hard to think, as one of a row of buttons."""
    return st.segmented_control("Effort", EFFORTS, default="auto", required=True, key=key, help=hint) or "auto"


def given(wishes: Json) -> Json:
    """Those that were given: a field that is left empty wishes nothing."""
    return {name: value for name, value in wishes.items() if value is not None}
