"""Which model may judge an answer: the one that is named, or the best that did not write it."""

from agents.context import Context
from agents.judging import judge_besides
from agents.records import Answer


def judge_of(wanted: str, answer: Answer, context: Context) -> str | None:
    """Give the catalog id; None where there is nobody besides the one that answered."""
    return judge_besides(answer.model, context.judges) if wanted == "auto" else wanted
