"""Asks a model which of two answers is better, in both orders, as judges like what they read first."""

from collections.abc import Sequence
from typing import Literal

from agents.context import Context
from agents.judging import MATERIAL, ask_in_form, fenced
from agents.model import ModelRequest
from agents.records import ChatMessage, Record, RubricCheck, Sampling, Task

SYSTEM = (
    "You compare two answers to one task. Find out which is more correct, complete and faithful to what was asked; "
    f"length and style count for nothing. {MATERIAL}"
)
POINTS = "Judge by these points:\n{points}"
QUESTION = 'Which answer is better? Give the reason in one sentence, then "first", "second" or "same".'
_MAX_TOKENS = 400
_WORTH = {"first": 1.0, "same": 0.5, "second": 0.0}


class Preference(Record):
    """What the judge says."""

    reason: str
    better: Literal["first", "second", "same"]


def points_of(task: Task) -> tuple[str, ...]:
    """The points by which a task wants its answers judged."""
    return tuple(point for check in task.checks if isinstance(check, RubricCheck) for point in check.points)


async def prefer(
    task: Task, first: str, second: str, *, points: Sequence[str], judge: str, context: Context, key: str
) -> float | None:
    """How much the first is preferred to the second, 0 to 1; None where the judge said nothing that could be read.

    It is asked twice, with the places swapped: who prefers a place and not an answer gives 0.5.
    """
    request = _request(task, first, second, points)
    there = await ask_in_form(context, judge, request, Preference, key=f"{key}.ab")
    back = await ask_in_form(context, judge, _request(task, second, first, points), Preference, key=f"{key}.ba")
    said = [_WORTH[there.better]] if there else []
    said += [1 - _WORTH[back.better]] if back else []
    return sum(said) / len(said) if said else None


def _request(task: Task, first: str, second: str, points: Sequence[str]) -> ModelRequest:
    listed = [POINTS.format(points="\n".join(f"- {point}" for point in points))] if points else []
    parts = [fenced("task", task.prompt), fenced("first", first), fenced("second", second), *listed, QUESTION]
    return ModelRequest(
        messages=(ChatMessage(role="system", content=SYSTEM), ChatMessage(role="user", content="\n\n".join(parts))),
        sampling=Sampling(temperature=0, max_output_tokens=_MAX_TOKENS),
    )
