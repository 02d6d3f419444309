"""Checks that a pattern is found in the answer, in bounded time whatever the pattern is."""

import regex

from agents.errors import InvalidTask
from agents.records import Answer, RegexCheck, Task, Verdict

SECONDS = 0.25
"""A pattern that backtracks without end is stopped here."""
MAX_PATTERN_CHARACTERS = 2000


def check(spec: RegexCheck, answer: Answer, task: Task) -> Verdict:
    try:
        found = regex.search(spec.pattern, answer.text.strip(), timeout=SECONDS)
    except TimeoutError:
        return Verdict(check="regex", outcome="unsure", evidence=f"the pattern took longer than {SECONDS} s")
    if found is None:
        return Verdict(check="regex", outcome="fail", score=0.0, evidence=f"no match of {spec.pattern!r}")
    return Verdict(check="regex", outcome="pass", score=1.0, evidence=f"found {found.group(0)[:200]!r}")


def validate(spec: RegexCheck) -> None:
    """Refuse a pattern that cannot be compiled."""
    if len(spec.pattern) > MAX_PATTERN_CHARACTERS:
        raise InvalidTask(
            f"the pattern has {len(spec.pattern)} characters; at most {MAX_PATTERN_CHARACTERS} are taken",
            param="checks",
            code="invalid_check",
        )
    try:
        regex.compile(spec.pattern)
    except (regex.error, RecursionError) as error:
        raise InvalidTask(
            f"{spec.pattern[:100]!r} is not a regular expression: {error}", param="checks", code="invalid_check"
        ) from error
