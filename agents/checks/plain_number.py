"""Reads plain numbers exactly: integers, decimals, thousands separators, simple fractions, percentages, sums of money.

Whatever is not one, and whatever could be read in two ways, is not plain.
"""

from fractions import Fraction
from typing import NamedTuple

import regex

MAX_CHARACTERS = 200
"""A longer number is not plain."""

_DIGITS = r"(?:\d{1,3}(?:[,'’\u00a0\u202f]\d{3})+|\d+)"
_DECIMAL = rf"(?:{_DIGITS}(?:\.\d+)?|\.\d+)"
_PLAIN = regex.compile(
    rf"(?P<sign>[-+])?(?P<currency>[$€£])?(?P<top>{_DECIMAL})(?:\s*/\s*(?P<bottom>{_DECIMAL}))?\.?\s*"
    r"(?P<percent>%|per ?cent\b)?"
)
_TEX_FRACTION = regex.compile(r"(?P<sign>[-+])?\\[dt]?frac\{(?P<top>\d+)\}\{(?P<bottom>\d+)\}")
_EMPHASIS = regex.compile(r"(?<![\w*])(\*\*|__|\*|`)(?=\S)(.+?)(?<=\S)\1(?![\w*])")
_SPELLINGS = {
    r"\$": "$",
    r"\%": "%",
    "{,}": ",",
    r"\,": "",
    r"\!": "",
    r"\(": " ",
    r"\)": " ",
    r"\[": " ",
    r"\]": " ",
    "$$": " ",
    "−": "-",
}
"""TeX's and typographers' ways of writing numbers, and the plain ones."""


class Number(NamedTuple):
    """A plain number as it was written."""

    value: Fraction
    percent: bool = False
    currency: str = ""

    def __str__(self) -> str:
        return f"{self.value * 100}%" if self.percent else f"{self.currency}{self.value}"


class NotPlain(Exception):
    """Not a number that can be compared without a doubt."""


def plain(text: str) -> Number:
    """Read a text that is a plain number and nothing else. Raises `NotPlain`."""
    dollars = regex.match(r"\s*[-+]?(?:\\\$|\$(?=[^$]*$))", text)
    text = readable(text).strip().strip("$").strip() if not dollars else readable(text).strip()
    found = _PLAIN.fullmatch(text) or _TEX_FRACTION.fullmatch(text) if len(text) <= MAX_CHARACTERS else None
    if found is None:
        raise NotPlain(f"not a plain number: {text[:80]!r}")
    parts = found.groupdict()
    top, bottom = _fraction(parts["top"]), _fraction(parts["bottom"] or "1")
    if bottom == 0:
        raise NotPlain(f"a division by zero: {text[:80]!r}")
    value = top / bottom * (-1 if parts["sign"] == "-" else 1)
    percent = bool(parts.get("percent"))
    return Number(value / 100 if percent else value, percent, parts.get("currency") or "")


def same(first: Number, second: Number) -> bool | None:
    """Whether two numbers are equal; None where one is a percentage and the other may have been meant as one."""
    if first.currency and second.currency and first.currency != second.currency:
        return False
    if first.value == second.value:
        return True
    if first.percent != second.percent:
        bare, part = (second, first) if first.percent else (first, second)
        return None if bare.value == part.value * 100 else False
    return False


def readable(text: str) -> str:
    """The text without Markdown's emphasis and TeX's spacing around numbers."""
    for written, meant in _SPELLINGS.items():
        text = text.replace(written, meant)
    return _EMPHASIS.sub(r"\2", text)


def _fraction(digits: str) -> Fraction:
    return Fraction(regex.sub(r"[,'’\u00a0\u202f]", "", digits))
