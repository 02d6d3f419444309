"""Checks that the answer is JSON which a schema accepts; the JSON may stand in one fenced block.

Schemas come from whoever asks, so nothing in one may fetch, search or recurse without end.
"""

import itertools
import json
from collections.abc import Iterator
from typing import Any, cast

import regex
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend  # pyright: ignore[reportUnknownVariableType]
from referencing import Registry
from referencing.exceptions import Unresolvable

from agents.errors import InvalidTask
from agents.records import Answer, Json, JsonSchemaCheck, Task, Verdict

MAX_REFERENCES = 10_000
"""References followed in one check: a few lines of `anyOf` over `$ref` would else take for ever."""
PATTERN_SECONDS = 0.25

_NOTHING_ELSE: Any = cast("Any", Registry)()
"""Without it, the library would fetch what a schema refers to."""
_FENCED = regex.compile(r"```[a-zA-Z]*[ \t]*\r?\n(.*?)```", regex.DOTALL)


class _TooMuchWork(Exception):
    """The schema asks for more than a check may take."""


def check(spec: JsonSchemaCheck, answer: Answer, task: Task) -> Verdict:
    try:
        value = json_in(answer.text)
    except ValueError as error:
        return _fail(f"the answer is not JSON: {error}")
    try:
        error = next(errors(spec.schema_, value), None)
    except (_TooMuchWork, RecursionError, TimeoutError):
        return Verdict(check="json_schema", outcome="unsure", evidence="the schema takes too long to check")
    except Unresolvable as error:
        return Verdict(check="json_schema", outcome="unsure", evidence=f"the schema refers to nothing: {error}")
    if error is not None:
        return _fail(f"{error.json_path}: {error.message[:300]}")
    return Verdict(check="json_schema", outcome="pass", score=1.0)


def validate(spec: JsonSchemaCheck) -> None:
    """Refuse what is no JSON Schema, and what it could fetch from elsewhere."""
    try:
        Draft202012Validator.check_schema(spec.schema_)
        if problem := next(_unsupported(spec.schema_), None):
            raise _invalid(problem)
        next(errors(spec.schema_, None), None)
    except SchemaError as error:
        raise _invalid(f"{error.json_path}: {error.message[:300]}") from error
    except Unresolvable as error:
        raise _invalid(f"it refers to nothing: {error}") from error
    except (_TooMuchWork, RecursionError) as error:
        raise _invalid("its references never end") from error


def bare(text: str) -> str:
    """Give what stands in the text's only fenced block; without one, the text."""
    blocks = _FENCED.findall(text)
    return (blocks[0] if len(blocks) == 1 else text).strip()


def json_in(text: str) -> object:
    """Read the JSON that the text is, or that its only fenced block holds.

    Raises:
        ValueError: there is none.
    """
    try:
        return json.loads(bare(text), parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def errors(schema: Json, value: object) -> Iterator[ValidationError]:
    """Give what the schema has against the value."""
    followed = itertools.count()

    def reference(validator: Any, ref: str, instance: object, schema: Json) -> Iterator[ValidationError]:
        if next(followed) > MAX_REFERENCES:
            raise _TooMuchWork
        yield from Draft202012Validator.VALIDATORS["$ref"](validator, ref, instance, schema)

    keywords = {"$ref": reference, "$dynamicRef": reference, "pattern": _pattern}
    checker: Any = cast("Any", extend)(Draft202012Validator, keywords)
    return checker(schema, registry=_NOTHING_ELSE).iter_errors(value)


def _pattern(validator: Any, pattern: str, instance: object, schema: Json) -> Iterator[ValidationError]:
    if isinstance(instance, str) and regex.search(pattern, instance, timeout=PATTERN_SECONDS) is None:
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _unsupported(schema: object) -> Iterator[str]:
    if isinstance(schema, list):
        for value in cast("list[object]", schema):
            yield from _unsupported(value)
    if isinstance(schema, dict):
        for key, value in cast("Json", schema).items():
            yield from _unsupported_key(key, value)
            yield from _unsupported(value)


def _unsupported_key(key: str, value: object) -> Iterator[str]:
    if key == "patternProperties":
        yield "'patternProperties' is not supported; name the properties"
    if key in ("$ref", "$dynamicRef") and isinstance(value, str) and not value.startswith("#"):
        yield f"{value!r} is outside of the schema; references stay inside of it"
    if key == "pattern" and isinstance(value, str):
        try:
            regex.compile(value)
        except (regex.error, RecursionError) as error:
            yield f"{value[:100]!r} is not a regular expression: {error}"


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _fail(evidence: str) -> Verdict:
    return Verdict(check="json_schema", outcome="fail", score=0.0, evidence=evidence)


def _invalid(message: str) -> InvalidTask:
    return InvalidTask(f"not a usable JSON Schema: {message}", param="checks", code="invalid_check")
