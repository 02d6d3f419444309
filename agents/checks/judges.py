"""Which model may judge an answer: the one that is named, or the best that did not write it."""

from agents.context import Context
from agents.records import Answer


def judge_of(wanted: str, answer: Answer, context: Context) -> str | None:
    """Give the catalog id; None where there is nobody besides the one that answered."""
    if wanted != "auto":
        return wanted
    return next((judge for judge in context.judges if judge != answer.model), None)
