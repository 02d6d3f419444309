"""Checks look at an answer and say what they found; one file each, dispatched here by the kind that was asked for."""

from typing import Protocol, TypeVar, assert_never

from agents.checks import json_schema, math, regex
from agents.records import Answer, CheckSpec, JsonSchemaCheck, MathCheck, RegexCheck, Task, Verdict

Spec = TypeVar("Spec", contravariant=True)


class Check(Protocol[Spec]):
    """One kind of check: a file with these two functions."""

    def check(self, spec: Spec, answer: Answer, task: Task) -> Verdict:
        """Look at the answer. What cannot tell is `unsure`, which is never a pass."""
        ...

    def validate(self, spec: Spec) -> None:
        """Refuse what could not be carried out. Raises `InvalidTask`."""
        ...


JSON_SCHEMA: Check[JsonSchemaCheck] = json_schema
REGEX: Check[RegexCheck] = regex
MATH: Check[MathCheck] = math


def check(spec: CheckSpec, answer: Answer, task: Task) -> Verdict:
    """Look at the answer as the check says."""
    match spec:
        case JsonSchemaCheck():
            return JSON_SCHEMA.check(spec, answer, task)
        case RegexCheck():
            return REGEX.check(spec, answer, task)
        case MathCheck():
            return MATH.check(spec, answer, task)
        case _:
            assert_never(spec)


def validate(spec: CheckSpec) -> None:
    """See that the check can be carried out, before a task that asks for it is accepted.

    Raises:
        InvalidTask: its pattern, schema or reference is not one.
    """
    match spec:
        case JsonSchemaCheck():
            JSON_SCHEMA.validate(spec)
        case RegexCheck():
            REGEX.validate(spec)
        case MathCheck():
            MATH.validate(spec)
        case _:
            assert_never(spec)
