"""Where the gateway's word about a field is shown."""

from collections.abc import Sequence
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.spots import nearest

PLACES = (("method",), ("checks",), ("checks", "0"), ("checks", "0", "pattern"), ("checks", "1", "points"))


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("pointsman.method", ("method",)),
        ("checks", ("checks",)),
        ("pointsman.checks.0.regex.pattern", ("checks", "0", "pattern")),
        ("checks[0].pattern", ("checks", "0", "pattern")),
        ("pointsman.checks.0.regex.flags", ("checks", "0")),
        ("pointsman.checks.1.rubric.points.2", ("checks", "1", "points")),
        ("pointsman.checks.7.text.reference", ("checks",)),
        ("messages", None),
        (None, None),
    ],
)
def test_a_message_goes_to_its_field_or_to_the_closest_thing_around_it(
    path: str | None, place: Sequence[str] | None
) -> None:
    assert nearest(path, PLACES) == place


def test_only_the_last_word_on_a_field_is_shown_and_what_has_no_field_is_handed_back() -> None:
    def script() -> None:
        import streamlit as st

        from dashboard.spots import Spots

        spots = Spots()
        spots.here("method")
        told = [spots.tell("pointsman.method", "first"), spots.tell("pointsman.method", "*last*")]
        st.session_state["told"] = [*told, spots.tell("messages", "nowhere")]

    app = AppTest.from_function(script).run()
    told: Any = app.session_state["told"]
    assert told == [True, True, False]
    assert [error.value for error in app.error] == [r"\*last\*"]
