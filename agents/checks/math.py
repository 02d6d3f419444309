"""Checks that the answer comes to the reference: its last number, or what stands in its `\\boxed{}`.

Plain numbers are compared exactly, here; fractions in TeX, roots, intervals, sets, units, matrices and expressions in
the sandbox. Whatever could be read in two ways is `unsure`.
"""

from typing import NamedTuple

import regex

from agents.checks.equivalence import compare
from agents.checks.plain_number import NotPlain, Number, plain, readable, same
from agents.context import Context
from agents.errors import InvalidTask
from agents.records import Answer, MathCheck, Task, Verdict

_NUMBERISH = regex.compile(r"(?:\d|\.\d)[\d.,'’\u00a0\u202f]*(?:\s*/\s*[\d.][\d.,'’]*)?")
_MAY_PRECEDE = frozenset(" \t\n\r=:(\"'[<≈$€£")
_MAY_FOLLOW = frozenset(" \t\n\r.,;:!?)\"'$]")
_OPERATORS = frozenset("+-*/×÷^√·±")
_BOXES = ("\\boxed{", "\\fbox{")
_SAYS = regex.compile(
    r"\banswer(?:\s+is)?[\s*_]*[:=]?[\s*_]*(?:is\b[\s*_]*)?(?P<what>[^\n]+?)[\s*_]*(?:\n|$)", regex.IGNORECASE
)
_MATHS = regex.compile(r"\$\$(.+?)\$\$|(?<!\\)\$([^$\n]+)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", regex.DOTALL)
_TAIL_CHARACTERS = 4000


class _Found(NamedTuple):
    text: str
    marked: bool
    """The answer says itself that this is what it comes to."""


async def check(spec: MathCheck, answer: Answer, task: Task, context: Context) -> Verdict:
    """Compare with the reference."""
    try:
        expected, found = plain(spec.reference), _number_in(answer)
    except NotPlain as reason:
        return await _compared(spec.reference, answer, str(reason), context)
    evidence = f"found {found}, expected {expected}"
    equal = same(found, expected)
    if equal is None:
        return Verdict(check="math", outcome="unsure", evidence=f"{evidence}: only one of the two is a percentage")
    return _verdict(equal, evidence)


def validate(spec: MathCheck) -> None:
    """Refuse an empty reference; one that cannot be read is `unsure` at the check."""
    if not spec.reference.strip():
        raise InvalidTask(
            "the reference of a math check is empty; give the number or the expression",
            param="checks",
            code="invalid_check",
        )


def is_plain(reference: str) -> bool:
    """Whether a reference is a plain number, so that it is compared exactly and at once."""
    try:
        plain(reference)
    except NotPlain:
        return False
    return True


async def _compared(reference: str, answer: Answer, reason: str, context: Context) -> Verdict:
    found = _expression_in(answer)
    if found is None:
        return Verdict(check="math", outcome="unsure", evidence=reason)
    (compared,) = await compare([(found.text, reference)], context.sandbox)
    evidence = f"found {found.text[:80]!r}, expected {reference[:80]!r}"
    if compared.equal is None or (not compared.equal and not found.marked):
        doubt = compared.reason or "the answer does not say that this is what it comes to"
        return Verdict(check="math", outcome="unsure", evidence=f"{reason}; {evidence}: {doubt}")
    return _verdict(compared.equal, evidence)


def _verdict(equal: bool, evidence: str) -> Verdict:
    return Verdict(check="math", outcome="pass" if equal else "fail", score=1.0 if equal else 0.0, evidence=evidence)


# --- a plain number in an answer --------------------------------------------------------------------------------------


def _number_in(answer: Answer) -> Number:
    text = answer.text
    boxed = _boxed(text)
    if boxed is not None:
        return plain(boxed)
    if answer.choices[0].finish_reason == "length":
        raise NotPlain("the answer was cut off, its last number may be too")
    return _last(readable(text))


def _last(text: str) -> Number:
    numbers = list(_NUMBERISH.finditer(text))
    if not numbers:
        raise NotPlain("there is no number in the answer")
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
        raise NotPlain(f"the last number is part of more: {text[max(0, start - 20) : end + 20]!r}")
    if _joined(after[:1], _MAY_FOLLOW) or after.lstrip()[:1] in _OPERATORS:
        raise NotPlain(f"the last number is part of more: {text[max(0, start - 20) : end + 20]!r}")
    if trimmed.count("/") and regex.search(r"\d\s+$", before):
        raise NotPlain(f"a mixed number: {text[max(0, start - 20) : end]!r}")
    token = text[start:end]
    return plain(token[1:] if after.startswith("$") and token.startswith("$") else token)


def _joined(neighbour: str, allowed: frozenset[str]) -> bool:
    return neighbour != "" and neighbour not in allowed


# --- what else an answer comes to -------------------------------------------------------------------------------------


def _expression_in(answer: Answer) -> _Found | None:
    text = answer.text
    try:
        boxed = _boxed(text)
    except NotPlain:
        return None
    if boxed is not None:
        return _Found(boxed, marked=True)
    if answer.choices[0].finish_reason == "length":
        return None
    tail = text[-_TAIL_CHARACTERS:].strip()
    if "\n" not in tail and len(tail.split()) <= 6:
        return _Found(tail, marked=True)
    said = list(_SAYS.finditer(tail))
    what = said[-1]["what"].strip() if said else tail.splitlines()[-1].strip()
    maths = [next(part for part in found if part) for found in _MATHS.findall(what)]
    if maths:
        return _Found(maths[-1].rpartition("=")[2] if "=" in maths[-1] else maths[-1], marked=False)
    return _Found(what, marked=False) if said else None


def _boxed(text: str) -> str | None:
    start, length = max((text.rfind(box), len(box)) for box in _BOXES)
    return _braced(text, start + length) if start >= 0 else None


def _braced(text: str, start: int) -> str:
    depth = 1
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[start:place]
    raise NotPlain("its \\boxed{} is not closed")
