"""What can be seen of a prompt for next to nothing: its length and its shape."""

import re
from typing import NamedTuple

_READ = 1000
"""Characters read from the head, and as many from the tail: the work does not grow with the prompt."""

_WORD = re.compile(r"[A-Za-z']+")
_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)*")
_OPTION = re.compile(r"\n\s*\(?[A-J][.)](?=\s)")
"""Searched, as `_CODE_LINE` is, behind a line break put in front: a pattern that begins with a letter is found fast."""
_CODE_MARKS = ("```", "=>", "Traceback")
_CODE_LINE = re.compile(
    r"\n\s*(?:def |class |import |from \w+ import |#include|function |const |let |public |SELECT |>>> )"
)
_CODE_END = re.compile(r"[{};]\s*$", re.MULTILINE)
_CODE_CALL = re.compile(r"\w\(\)")
"""Several searches: all of them in one pattern would take three times as long."""
_LATEX = re.compile(r"\$[^$\n]{1,80}\$|\\(?:frac|sqrt|int|sum|boxed|begin|cdot)\b")


class Features(NamedTuple):
    """Counts and signs. Of a long prompt only the head and the tail are read, and counts are projected to the whole."""

    characters: int
    words: int
    lines: int
    numbers: int
    options: int
    """Lines that look like the options of a multiple choice: `A. ...`."""
    code: int
    """Places that look like program text."""
    latex: int
    question: bool
    """It ends with a question mark."""
    other_script: float
    """Share of characters outside of ASCII, 0 to 1."""


def excerpt(prompt: str) -> str:
    """The head and the tail of the prompt: all of it when it is short."""
    return prompt if len(prompt) <= 2 * _READ else f"{prompt[:_READ]}\n{prompt[-_READ:]}"


def features(prompt: str) -> Features:
    """Look at the prompt."""
    seen = excerpt(prompt)
    lines = f"\n{seen}"
    scale = len(prompt) / len(seen) if len(prompt) > len(seen) else 1.0
    return Features(
        characters=len(prompt),
        words=round(len(_WORD.findall(seen)) * scale),
        lines=prompt.count("\n") + 1,
        numbers=round(len(_NUMBER.findall(seen)) * scale),
        options=len(_OPTION.findall(lines)),
        code=_code(lines),
        latex=len(_LATEX.findall(seen)) if "$" in seen or "\\" in seen else 0,
        question=seen.rstrip().endswith("?"),
        other_script=(len(seen) - len(seen.encode("ascii", "ignore"))) / max(len(seen), 1),
    )


def _code(lines: str) -> int:
    calls = len(_CODE_CALL.findall(lines)) if "()" in lines else 0
    ends = len(_CODE_END.findall(lines)) if ";" in lines or "}" in lines or "{" in lines else 0
    return sum(map(lines.count, _CODE_MARKS)) + len(_CODE_LINE.findall(lines)) + ends + calls
