"""Where on a form the gateway's word about a field is shown: beside that field."""

import re

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.wording import literal

Place = tuple[str, ...]


class Spots:
    """The places of one drawing of a form, by the path of the field in the request."""

    def __init__(self) -> None:
        self._places: dict[Place, DeltaGenerator] = {}

    def here(self, path: str) -> None:
        """Set a place for what is said of the field at `path`, or of anything below it."""
        self._places[_place(path)] = st.empty()

    def tell(self, path: str | None, message: str) -> bool:
        """Show the message at the field it is about; False where the form has no such field."""
        found = nearest(path, tuple(self._places))
        if found is None:
            return False
        self._places[found].error(literal(message), icon=":material/error:")
        return True


def nearest(path: str | None, places: tuple[Place, ...]) -> Place | None:
    """The place of the field itself, or of the closest thing around it."""
    wanted = _place(path or "")
    while wanted:
        if wanted in places:
            return wanted
        wanted = wanted[:-1]
    return None


def _place(path: str) -> Place:
    """`pointsman.checks.0.regex.pattern`, `checks[0].pattern` and the like as one: the kind of a check is no place."""
    parts = [part for part in re.split(r"[.\[\]]+", path) if part and part != "pointsman"]
    if len(parts) > 3 and parts[0] == "checks":
        del parts[2]
    return tuple(parts)
