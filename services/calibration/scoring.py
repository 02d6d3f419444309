"""Score prompts line by line: a line is answered as soon as it was read, in the memory of one line."""

import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO, NamedTuple, cast

from agents.errors import InvalidTask
from agents.records import ChatMessage, Json, Task
from router.features import features
from router.records import ModelCard, Plan
from router.score import score
from router.tasktype import TaskType, task_type

MAX_LINE_BYTES = 16_000_000
"""A longer line is refused, and not kept in memory."""


DIGITS = 4
"""Of a score, as a plan gives it."""


class Answered(NamedTuple):
    """What is written for one line."""

    text: bytes
    wrong: bool


def numbered(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The lines with their numbers from 1, blank ones left out; of one that is too long, only the beginning."""
    number = 0
    while line := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        rest = line
        while len(rest) > MAX_LINE_BYTES and not rest.endswith(b"\n"):
            rest = stream.readline(MAX_LINE_BYTES + 1)
        if line.strip():
            yield number, line


def score_lines(
    lines: Iterable[tuple[int, bytes]], *, plan: Callable[..., Plan], cards: Sequence[ModelCard], today: dt.date
) -> Iterator[Answered]:
    """Answer each line, in order.

    Args:
        lines: With their numbers.
        plan: `router.plan.plan`.
        cards: The models that may be planned with.
        today: For calculations that depend on it.
    """
    for number, line in lines:
        passed_on: Json = {}
        try:
            value = _object(line)
            passed_on = {name: value[name] for name in value if name != "prompt"}
            prompt = value.get("prompt")
            if not isinstance(prompt, str):
                raise ValueError("'prompt' has to be a text" if "prompt" in value else "'prompt' is missing")
        except ValueError as error:
            yield Answered(_json(passed_on | {"error": f"line {number}: {error}"}), wrong=True)
            continue
        yield Answered(_json(passed_on | _scored(prompt, plan, cards, today)), wrong=False)


def _scored(prompt: str, plan: Callable[..., Plan], cards: Sequence[ModelCard], today: dt.date) -> Json:
    task = Task(messages=(ChatMessage(role="user", content=prompt),))
    try:
        drawn = plan(task, cards=cards, today=today)
    except InvalidTask as error:
        # It fits no model of this catalog; how hard it is can be said all the same.
        return _judged(prompt) | {"plan": [], "why": str(error)}
    rungs = {"plan": [rung.short for rung in drawn.rungs]}
    if "gain" not in drawn.features:  # a gate took it unseen, or what is expected of it counts for nothing
        return _judged(prompt) | rungs
    return {"score": drawn.features["gain"], "task_type": _likeliest(drawn.task_type)} | rungs


def _judged(prompt: str) -> Json:
    """What a plan that looked at the prompt would say of it."""
    return {"score": round(score(prompt), DIGITS), "task_type": _likeliest(task_type(prompt, features(prompt)))}


def _likeliest(posterior: Mapping[TaskType, float] | Mapping[str, float]) -> str:
    return max(posterior.items(), key=lambda pair: pair[1])[0]


def _object(line: bytes) -> Json:
    if len(line) > MAX_LINE_BYTES:
        raise ValueError(f"it is longer than {MAX_LINE_BYTES} bytes")
    try:
        value: object = json.loads(line, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"it is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ValueError('it is not a JSON object like {"prompt": "..."}')
    return cast("Json", value)


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _json(value: Json) -> bytes:
    # In ASCII: a prompt's neighbours may hold halves of characters, which no encoding takes.
    return json.dumps(value).encode() + b"\n"
