"""A user's prompts for calibration: read from JSONL, each with the checks that tell whether an answer is right."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from agents import checks
from agents.checks.math import is_plain
from agents.errors import InvalidTask
from agents.records import CheckSpec, Json, JsonSchemaCheck, MathCheck, Record, Task, TextCheck
from router.features import features
from router.score import score
from router.tasktype import task_type
from services.requests import Incoming, parse


class Prompt(Record):
    """One prompt that can be graded."""

    key: str
    """Made from what is asked and how it is checked: the same prompt has the same key at the next start."""
    id: str
    """As its file calls it, else its line."""
    prompt: str
    """The words of the last user's message."""
    messages: tuple[Json, ...]
    checks: tuple[Json, ...]
    """As a request takes them; the schema's is left to the server."""
    response_schema: Json | None = None
    task_type: str
    """The likeliest."""
    score: float
    """How much a large model is expected to gain on it, higher is harder."""


class LeftOut(NamedTuple):
    """A line that is not used, and why."""

    name: str
    reason: str


class _Line(BaseModel):
    """A line of the file. Keys that are not known are the user's own."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    prompt: str | None = None
    messages: tuple[Incoming, ...] = ()
    id: str | int | None = None
    reference: str | int | float | None = None
    checks: tuple[CheckSpec, ...] = ()
    response_schema: Json | None = Field(default=None)


def read_prompts(path: Path) -> tuple[list[Prompt], list[LeftOut]]:
    """Read the file: what can be graded, and what is left out.

    Raises:
        InvalidTask: the file cannot be read.
    """
    found: dict[str, Prompt] = {}
    left_out: list[LeftOut] = []
    for number, text in enumerate(_lines(path), 1):
        if not text.strip():
            continue
        try:
            one = _prompt(text, number)
        except InvalidTask as error:
            left_out.append(LeftOut(f"line {number}", str(error)))
            continue
        if one.key in found:
            left_out.append(LeftOut(_name(one.id, number), f"the same as prompt {found[one.key].id}"))
        elif not one.checks and one.response_schema is None:
            left_out.append(LeftOut(_name(one.id, number), "it has no reference and no checks"))
        else:
            found[one.key] = one
    return list(found.values()), left_out


def spread(prompts: Sequence[Prompt], count: int) -> list[Prompt]:
    """Choose so many prompts, as evenly as there are over kinds of task, and over easy and hard within each."""
    kinds: dict[str, list[Prompt]] = {}
    for one in sorted(prompts, key=lambda one: (one.task_type, one.score, one.key)):
        kinds.setdefault(one.task_type, []).append(one)
    shares = _shares({kind: len(ones) for kind, ones in kinds.items()}, min(count, len(prompts)))
    chosen = {one.key for kind, ones in kinds.items() for one in _evenly(ones, shares[kind])}
    return [one for one in prompts if one.key in chosen]


def _shares(sizes: dict[str, int], count: int) -> dict[str, int]:
    """Deal out so many places, one to each kind in turn while it has prompts left."""
    shares = dict.fromkeys(sizes, 0)
    while count:
        for kind in sorted(sizes, key=lambda kind: -sizes[kind]):
            if count and shares[kind] < sizes[kind]:
                shares[kind] += 1
                count -= 1
    return shares


def _evenly(ordered: Sequence[Prompt], count: int) -> Iterable[Prompt]:
    """The middle one of each of `count` equal stretches."""
    return (ordered[(2 * place + 1) * len(ordered) // (2 * count)] for place in range(count))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError:
        raise InvalidTask(f"{path} is not a text file in UTF-8: give one JSON object a line") from None
    except OSError as error:
        raise InvalidTask(f"{path} cannot be read: {error.strerror}") from None


def _prompt(text: str, number: int) -> Prompt:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidTask(f"it is not JSON: {error}") from None
    line = parse(_Line, value)
    if (line.prompt is None) == (not line.messages):
        raise InvalidTask("it needs 'prompt' or 'messages', and not both")
    messages: tuple[Json, ...] = tuple(message.model_dump(mode="json", exclude_none=True) for message in line.messages)
    messages = messages or ({"role": "user", "content": line.prompt},)
    asked = Task(messages=tuple(message.record() for message in line.messages)).prompt or line.prompt or ""
    if not asked.strip():
        raise InvalidTask("its prompt is empty")
    wanted = _checks(line)
    for check in wanted if line.response_schema is None else (*wanted, JsonSchemaCheck(schema=line.response_schema)):
        checks.validate(check)
    sent = tuple(check.model_dump(mode="json", by_alias=True) for check in wanted)
    posterior = task_type(asked, features(asked))
    return Prompt(
        key=_key([messages, sent, line.response_schema]),
        id=str(number if line.id is None else line.id),
        prompt=asked,
        messages=messages,
        checks=sent,
        response_schema=line.response_schema,
        task_type=max(posterior, key=lambda kind: posterior[kind]),
        score=score(asked),
    )


def _checks(line: _Line) -> tuple[CheckSpec, ...]:
    """The checks that were given, and the one that the reference makes: of a number, or of words."""
    reference = "" if line.reference is None else str(line.reference)
    if not reference.strip():
        return line.checks
    as_number = MathCheck(reference=reference)
    is_number = is_plain(reference)
    return (*line.checks, as_number if is_number else TextCheck(reference=reference))


def _key(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:24]


def _name(id_: str, number: int) -> str:
    return f"line {number}" if id_ == str(number) else f"line {number} ({id_})"
