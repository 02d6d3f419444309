"""The checks that suit a task though nobody asked for them: those that cost no model call and hardly ever cry wolf."""

from collections.abc import Mapping

import regex

from agents.checks.code import doctests_of
from agents.records import ArithmeticCheck, CheckSpec, CitationsCheck, CodeCheck, NumberingCheck, Task

LEAST_PROBABILITY = 0.5
"""Of a task type, for its checks to be added."""
_ASKS_FOR_PYTHON = regex.compile(
    r"\bpython\b|```(?:python|py)\b|^\s*(?:async )?def \w+\s*\(", regex.IGNORECASE | regex.MULTILINE
)
_ASKS_FOR_CODE = regex.compile(
    r"\b(?:write|implement|complete|create|fix|code)\b[^.\n]{0,80}\b(?:function|program|script|class|method|code)\b"
    r"|^\s*def \w+\s*\(",
    regex.I | regex.M,
)
_ASKS_FOR_A_NUMBER = regex.compile(
    r"\bhow (?:many|much|far|long|old|often)\b|\bcalculate\b|\bcompute\b|\bsolve\b|\bpercent|\\boxed"
    r"|\bwie ?viele?\b|\bberechne"
    r"|\bwhat (?:is|was) the (?:total|sum|average|value|cost|price|number)\b",
    regex.IGNORECASE,
)
_ASKS_FOR_QUOTES = regex.compile(
    r"\bquot(?:e|es|ed|ation|ations)\b|\bverbatim\b|\bword for word\b"
    r"|\bcit(?:e|es|ation|ations)\b|\bzitier|\bzitat|\bwörtlich",
    regex.IGNORECASE,
)
_ASKS_FOR_NUMBERING = regex.compile(
    r"\bnumbered (?:headings|sections|clauses)\b|\bcross-references?\b|\bnummerierte\b|\bquerverweise", regex.IGNORECASE
)


def suited(task: Task, posterior: Mapping[str, float] | None = None) -> tuple[CheckSpec, ...]:
    """Give the checks that fit.

    Args:
        task: What is asked.
        posterior: The probability of each task type, where it is known; else the prompt's own words decide.
    """
    prompt = task.prompt
    if task.tools or task.response_schema is not None or task.json_object:
        return ()
    found: list[CheckSpec] = []
    code = _likely(posterior, ("code_write", "code_fix"), bool(_ASKS_FOR_CODE.search(prompt)))
    if code and _ASKS_FOR_PYTHON.search(prompt):
        found.append(CodeCheck(tests=doctests_of(prompt)))
    elif not code and _likely(posterior, ("math",), bool(_ASKS_FOR_A_NUMBER.search(prompt))):
        found.append(ArithmeticCheck())
    if task.attachments and _ASKS_FOR_QUOTES.search(prompt):
        found.append(CitationsCheck(min_quotes=0))
    if _ASKS_FOR_NUMBERING.search(prompt):
        found.append(NumberingCheck())
    return tuple(one for one in found if one not in task.checks)


def _likely(posterior: Mapping[str, float] | None, types: tuple[str, ...], says: bool) -> bool:
    if posterior is None:
        return says
    return sum(posterior.get(one, 0.0) for one in types) >= LEAST_PROBABILITY
