"""Checks look at an answer and say what they found; one file each, dispatched here by the kind that was asked for."""

import asyncio
from typing import assert_never

from agents.checks import (
    agreement,
    arithmetic,
    citations,
    code,
    json_schema,
    math,
    numbering,
    regex,
    rubric,
    shape,
    text,
)
from agents.context import Context
from agents.records import (
    AgreementCheck,
    Answer,
    ArithmeticCheck,
    CheckSpec,
    CitationsCheck,
    CodeCheck,
    FormatCheck,
    JsonSchemaCheck,
    MathCheck,
    NumberingCheck,
    RegexCheck,
    RubricCheck,
    Task,
    TextCheck,
    Verdict,
)


async def check(spec: CheckSpec, answer: Answer, task: Task, context: Context) -> Verdict:
    """Look at the answer as the check says. What cannot tell is `unsure`, which is never a pass."""
    match spec:
        case MathCheck():
            return await math.check(spec, answer, task, context)
        case CodeCheck():
            return await code.check(spec, answer, task, context)
        case RubricCheck():
            return await rubric.check(spec, answer, task, context)
        case AgreementCheck():
            return await agreement.check(spec, answer, task, context)
        case JsonSchemaCheck():
            return await asyncio.to_thread(json_schema.check, spec, answer, task)
        case RegexCheck():
            return await asyncio.to_thread(regex.check, spec, answer, task)
        case TextCheck():
            return await asyncio.to_thread(text.check, spec, answer, task)
        case ArithmeticCheck():
            return await asyncio.to_thread(arithmetic.check, spec, answer, task)
        case FormatCheck():
            return await asyncio.to_thread(shape.check, spec, answer, task)
        case CitationsCheck():
            return await asyncio.to_thread(citations.check, spec, answer, task)
        case NumberingCheck():
            return await asyncio.to_thread(numbering.check, spec, answer, task)
        case _:
            assert_never(spec)


def validate(spec: CheckSpec) -> None:
    """See that the check can be carried out, before a task that asks for it is accepted.

    Raises:
        InvalidTask: its pattern, schema, reference, tests, points or language is not one.
    """
    match spec:
        case JsonSchemaCheck():
            json_schema.validate(spec)
        case RegexCheck():
            regex.validate(spec)
        case MathCheck():
            math.validate(spec)
        case TextCheck():
            text.validate(spec)
        case CodeCheck():
            code.validate(spec)
        case FormatCheck():
            shape.validate(spec)
        case CitationsCheck():
            citations.validate(spec)
        case RubricCheck():
            rubric.validate(spec)
        case AgreementCheck():
            agreement.validate(spec)
        case ArithmeticCheck() | NumberingCheck():
            pass
        case _:
            assert_never(spec)
