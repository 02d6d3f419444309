"""Reads a number out of how models write it: TeX, currency, thousands, fractions, powers of ten, a unit behind it."""

from fractions import Fraction

import regex

MAX_CHARACTERS = 120
"""A longer text is no number."""
_MAX_EXPONENT = 300

_WRAPPED = regex.compile(r"\\(?:text|textbf|textrm|mathrm|mathbf|mbox|operatorname|boldsymbol)\s*\{([^{}]*)\}")
_DEGREES = regex.compile(r"\^\s*(?:\{\s*\\circ\s*\}|\\circ)|°")
_EXPONENT_BRACES = regex.compile(r"\^\s*\{\s*(-?\d+)\s*\}")
_SPELLINGS = {
    "\\left": "",
    "\\right": "",
    "\\dfrac": "\\frac",
    "\\tfrac": "\\frac",
    "\\$": "$",
    "\\%": "%",
    "{,}": ",",
    "\\,": " ",
    "\\;": " ",
    "\\:": " ",
    "\\!": "",
    "\\ ": " ",
    "\\(": " ",
    "\\)": " ",
    "\\[": " ",
    "\\]": " ",
    "\\times": "*",
    "\\cdot": "*",
    "×": "*",
    "·": "*",
    "~": " ",
    "−": "-",
    "–": "-",
    "\u00a0": " ",
    "\u202f": " ",
    "**": "",
    "`": "",
}
"""Ways of writing that mean the plain one. The order matters: the longer name goes before its own beginning."""

_DECIMAL = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+"
_NUMBER = regex.compile(
    rf"""
    (?:[A-Za-z]\s*=\s*)?                                   # a variable's name
    (?P<sign>[-+]?)\s*[$€£¥]?\s*(?P<minus>-?)
    (?:
        (?P<whole>\d+)\s*\\frac\{{(?P<part>\d+)\}}\{{(?P<of>\d+)\}}
      | (?P<whole>\d+)[ ]+(?P<part>\d+)\s*/\s*(?P<of>\d+)
      | \\frac\s*\{{\s*(?P<top>-?(?:{_DECIMAL}))\s*\}}\s*\{{\s*(?P<bottom>-?(?:{_DECIMAL}))\s*\}}
      | (?P<top>{_DECIMAL})\s*/\s*(?P<bottom>{_DECIMAL})
      | (?P<plain>{_DECIMAL})
        (?:[eE](?P<power>[-+]?\d{{1,3}})|\s*\*\s*10\s*\^\s*(?P<power>-?\d{{1,3}}))?
    )
    (?:[ ]*(?P<scale>thousand|million|billion|trillion|dozen)\b)?
    (?P<unit>[ ]*(?:%|[$€£¥]|(?:[ ]*[A-Za-z./²³'’-]+){{0,5}}))?
    [ ]*[.,;:!]?
    """,
    regex.VERBOSE,
)
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12}
_CALCULATING = regex.compile(
    r"\b(?:and|or|to|plus|minus|times|pi|sqrt|log|ln|sin|cos|tan|per ?cent of|[a-z])\b", regex.I
)
"""Words behind a number that make it a part of something else; single letters are variables."""


def plain(text: str) -> str:
    """The text without TeX's and Markdown's dress, as far as it does not carry meaning."""
    while (unwrapped := _WRAPPED.sub(r" \1 ", text)) != text:
        text = unwrapped
    for written, meant in _SPELLINGS.items():
        if written in text:
            text = text.replace(written, meant)
    return _EXPONENT_BRACES.sub(r"^\1", _DEGREES.sub("", text)).strip().strip("$").strip()


def number_in(text: str) -> Fraction | None:
    """The number that the whole text is, exactly; None where it is something else.

    A unit behind it and a percent sign are left out: the question has set them, and samples write them or not.
    """
    if len(text) > MAX_CHARACTERS:
        return None
    found = _NUMBER.fullmatch(plain(text))
    if found is None or _CALCULATING.search(found["unit"] or ""):
        return None
    value = _value(found)
    if value is None:
        return None
    negative = (found["sign"] == "-") != (found["minus"] == "-")
    return (-value if negative else value) * _SCALES.get(found["scale"] or "", 1)


def _value(found: "regex.Match[str]") -> Fraction | None:
    if found["whole"]:
        return (
            Fraction(int(found["whole"])) + Fraction(int(found["part"]), int(found["of"])) if int(found["of"]) else None
        )
    if found["top"]:
        bottom = _fraction(found["bottom"])
        return _fraction(found["top"]) / bottom if bottom else None
    power = int(found["power"] or 0)
    if abs(power) > _MAX_EXPONENT:
        return None
    return _fraction(found["plain"]) * Fraction(10) ** power


def _fraction(digits: str) -> Fraction:
    return Fraction(digits.replace(",", "").rstrip("."))
