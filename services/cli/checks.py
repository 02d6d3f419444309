"""Checks as the command line takes them: `--check math=12`, `--check code=tests.py`, or the JSON of the API."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import click
from pydantic import BaseModel, TypeAdapter, ValidationError

from agents.records import CheckSpec, Json

_CHECK: TypeAdapter[CheckSpec] = TypeAdapter(CheckSpec)
KINDS: tuple[type[BaseModel], ...] = get_args(get_args(CheckSpec)[0])
NAMES = tuple(str(kind.model_fields["type"].default) for kind in KINDS)


def _schema(path: str) -> object:
    try:
        return json.loads(_read(path))
    except ValueError as error:
        raise click.UsageError(f"--check json_schema={path}: the file is not JSON: {error}") from None


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"--check: {path} cannot be read: {error}") from None


VALUES: dict[str, tuple[str, Callable[[str], object]]] = {
    "math": ("reference", str),
    "text": ("reference", str),
    "regex": ("pattern", str),
    "json_schema": ("schema", _schema),
    "code": ("tests", _read),
    "rubric": ("points", lambda text: [point.strip() for point in text.split(";") if point.strip()]),
    "agreement": ("model", str),
    "numbering": ("of", str),
}
"""What the words after `=` say, for checks that one value is enough for."""

CHECKS = click.option(
    "--check",
    "checks",
    multiple=True,
    metavar="TYPE[=VALUE]",
    help=f"What the answer has to pass; may be given several times. Types: {', '.join(NAMES)}. VALUE is the reference "
    "(math, text), the pattern (regex), a file (json_schema: the schema; code: the tests), points separated by ; "
    "(rubric), a model (agreement). Or the JSON that the API takes.",
)


def parse_checks(given: tuple[str, ...]) -> list[Json]:
    """The checks as the API takes them. Raises `click.UsageError` that names the wrong one."""
    return [_parsed(one) for one in given]


def _parsed(given: str) -> Json:
    try:
        said = json.loads(given) if given.lstrip().startswith("{") else _in_short(given)
        return _CHECK.validate_python(said).model_dump(mode="json", by_alias=True, exclude_defaults=True) | {
            "type": said["type"]
        }
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        raise click.UsageError(f"--check {given!r}: {f'{where}: ' if where else ''}{first['msg']}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise click.UsageError(f"--check {given!r} is no check: {error}") from None


def _in_short(given: str) -> Json:
    name, equals, value = given.partition("=")
    if name not in NAMES:
        raise click.UsageError(f"--check {given!r}: there is no check {name!r}; there are: {', '.join(NAMES)}")
    if not equals:
        return {"type": name}
    if name not in VALUES:
        raise click.UsageError(f"--check {given!r}: {name} takes no value; give the JSON that the API takes")
    field, read = VALUES[name]
    return {"type": name, field: read(value)}
