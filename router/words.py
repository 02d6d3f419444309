"""One reading of a prompt's text for all fitted tables: lower-case words, numbers as `0`, and marks."""

import re
from collections.abc import Mapping

_TOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|[0-9]+(?:[.,][0-9]+)*|_+|[^\w\s]")
_ASCII_TOKEN = re.compile(r"[a-z]+(?:'[a-z]+)?|[0-9]+(?:[.,][0-9]+)*|_+|[^a-z0-9_\t-\r\x1c- ]")
"""The same of lower-case ASCII, in two thirds of the time."""
_CHANGED = re.compile(r"[0-9_]")
_FIRST: Mapping[str, str] = {**dict.fromkeys("0123456789", "0"), "_": "_"}


def words(text: str) -> list[str]:
    """Cut the text up. Every number is `0`; each mark, and each row of underscores, is a word of its own."""
    lower = text.lower()
    if lower.isascii():
        found: list[str] = _ASCII_TOKEN.findall(lower)
        return [_FIRST.get(token[0], token) for token in found] if _CHANGED.search(lower) else found
    return ["0" if token[0].isdigit() else "_" if token[0] == "_" else token for token in _TOKEN.findall(lower)]
