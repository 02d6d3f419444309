"""One reading of a prompt's text for all fitted tables: lower-case words, numbers as `0`, and marks."""

import re

_TOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|[0-9]+(?:[.,][0-9]+)*|_+|[^\w\s]")


def words(text: str) -> list[str]:
    """Cut the text up. Every number is `0`; each mark, and each row of underscores, is a word of its own."""
    return ["0" if token[0].isdigit() else "_" if token[0] == "_" else token for token in _TOKEN.findall(text.lower())]
