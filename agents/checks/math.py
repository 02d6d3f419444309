"""Checks that the answer's last number, or its `\\boxed{}`, equals the reference, exactly, as fractions.

Only plain numbers are compared: integers, decimals, thousands separators, simple fractions, percentages. Whatever is
not one, and whatever could be read in two ways, is `unsure`.
"""

from fractions import Fraction
from typing import NamedTuple

import regex

from agents.errors import InvalidTask
from agents.records import Answer, MathCheck, Task, Verdict

MAX_CHARACTERS = 200
"""A longer number is not plain."""

_DIGITS = r"(?:\d{1,3}(?:[,'’\u00a0\u202f]\d{3})+|\d+)"
_DECIMAL = rf"(?:{_DIGITS}(?:\.\d+)?|\.\d+)"
_PLAIN = regex.compile(
    rf"(?P<sign>[-+])?[$€£]?(?P<top>{_DECIMAL})(?:\s*/\s*(?P<bottom>{_DECIMAL}))?\.?\s*(?P<percent>%|per ?cent\b)?"
)
_TEX_FRACTION = regex.compile(r"(?P<sign>[-+])?\\[dt]?frac\{(?P<top>\d+)\}\{(?P<bottom>\d+)\}")
_NUMBERISH = regex.compile(r"(?:\d|\.\d)[\d.,'’\u00a0\u202f]*(?:\s*/\s*[\d.][\d.,'’]*)?")
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
_MAY_PRECEDE = frozenset(" \t\n\r=:(\"'[<≈$€£")
_MAY_FOLLOW = frozenset(" \t\n\r.,;:!?)\"'$]")
_OPERATORS = frozenset("+-*/×÷^√·±")


class _Number(NamedTuple):
    value: Fraction
    percent: bool = False


class _NotPlain(Exception):
    """Not a number that can be compared without a doubt."""


def check(spec: MathCheck, answer: Answer, task: Task) -> Verdict:
    try:
        expected = _plain(spec.reference)
        found = _number_in(answer)
    except _NotPlain as reason:
        return Verdict(check="math", outcome="unsure", evidence=str(reason))
    evidence = f"found {_words(found)}, expected {_words(expected)}"
    if found.value == expected.value:
        return Verdict(check="math", outcome="pass", score=1.0, evidence=evidence)
    if found.percent != expected.percent:
        return Verdict(check="math", outcome="unsure", evidence=f"{evidence}: only one of the two is a percentage")
    return Verdict(check="math", outcome="fail", score=0.0, evidence=evidence)


def validate(spec: MathCheck) -> None:
    """Refuse an empty reference; one that is not a plain number is `unsure` at the check."""
    if not spec.reference.strip():
        raise InvalidTask(
            "the reference of a math check is empty; give the number", param="checks", code="invalid_check"
        )


def _number_in(answer: Answer) -> _Number:
    text = answer.text
    start = text.rfind("\\boxed{")
    if start >= 0:
        return _plain(_braced(text, start + len("\\boxed{")))
    if answer.choices[0].finish_reason == "length":
        raise _NotPlain("the answer was cut off, its last number may be too")
    return _last(_readable(text))


def _last(text: str) -> _Number:
    numbers = list(_NUMBERISH.finditer(text))
    if not numbers:
        raise _NotPlain("there is no number in the answer")
    start, end = numbers[-1].span()
    token = numbers[-1].group(0)
    trimmed = token.rstrip(".,'’\u00a0\u202f")
    end -= len(token) - len(trimmed)
    if start and text[start - 1] in "$€£":
        start -= 1
    if start and text[start - 1] in "-+" and (start == 1 or text[start - 2] in _MAY_PRECEDE):
        start -= 1
    percent = regex.match(r"\s*(?:%|per ?cent\b)", text[end : end + 20])
    end += len(percent.group(0)) if percent else 0
    before, after = text[:start], text[end:]
    if _joined(before[-1:], _MAY_PRECEDE) or before.rstrip()[-1:] in _OPERATORS:
        raise _NotPlain(f"the last number is part of more: {text[max(0, start - 20) : end + 20]!r}")
    if _joined(after[:1], _MAY_FOLLOW) or after.lstrip()[:1] in _OPERATORS:
        raise _NotPlain(f"the last number is part of more: {text[max(0, start - 20) : end + 20]!r}")
    if trimmed.count("/") and regex.search(r"\d\s+$", before):
        raise _NotPlain(f"a mixed number: {text[max(0, start - 20) : end]!r}")
    return _plain(text[start:end])


def _joined(neighbour: str, allowed: frozenset[str]) -> bool:
    return neighbour != "" and neighbour not in allowed


def _plain(text: str) -> _Number:
    text = _readable(text).strip().strip("$").strip()
    found = _PLAIN.fullmatch(text) or _TEX_FRACTION.fullmatch(text) if len(text) <= MAX_CHARACTERS else None
    if found is None:
        raise _NotPlain(f"not a plain number: {text[:80]!r}")
    parts = found.groupdict()
    top, bottom = _fraction(parts["top"]), _fraction(parts["bottom"] or "1")
    if bottom == 0:
        raise _NotPlain(f"a division by zero: {text[:80]!r}")
    value = top / bottom * (-1 if parts["sign"] == "-" else 1)
    percent = bool(parts.get("percent"))
    return _Number(value=value / 100 if percent else value, percent=percent)


def _fraction(digits: str) -> Fraction:
    return Fraction(regex.sub(r"[,'’\u00a0\u202f]", "", digits))


def _readable(text: str) -> str:
    """The text without Markdown's emphasis and TeX's spacing around numbers."""
    for written, meant in _SPELLINGS.items():
        text = text.replace(written, meant)
    return _EMPHASIS.sub(r"\2", text)


def _braced(text: str, start: int) -> str:
    depth = 1
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[start:place]
    raise _NotPlain("its \\boxed{} is not closed")


def _words(number: _Number) -> str:
    return f"{number.value * 100}%" if number.percent else str(number.value)
