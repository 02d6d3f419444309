"""Has another model judge the answer by a rubric: a score for each point, and the words that each fault is in.

A judge is an opinion: its verdict carries its name, and where it cannot be had the check is `unsure`.
"""

from pydantic import Field

from agents.checks.judges import judge_of
from agents.context import Context
from agents.errors import InvalidTask, NotFound, Unavailable
from agents.judging import MATERIAL, ask_in_form, fenced
from agents.model import ModelRequest
from agents.records import Answer, ChatMessage, Effort, Record, RubricCheck, Sampling, Task, Verdict

SYSTEM = (
    "You judge an answer by the points that you are given. For each point, in their order, name what is wrong by that "
    "point, copy the words of the answer it is in, and give a score from 0 (not met) to 1 (met in full). Judge only by "
    f"the points; length and style count for nothing else. {MATERIAL}"
)
ASKED = "What was asked:\n{task}\n\nThe answer to judge:\n{answer}\n\nThe points:\n{points}"
MAX_OUTPUT_TOKENS = 2048
MOST_POINTS = 30
MOST_POINT_CHARACTERS = 1000


class Point(Record):
    """What the judge says of one point."""

    fault: str = ""
    """What is wrong; empty where nothing is."""
    quote: str = ""
    """The words of the answer that it is in."""
    score: float = Field(ge=0, le=1)


class Judgement(Record):
    """A point for each that was asked, in order."""

    points: tuple[Point, ...]


async def check(spec: RubricCheck, answer: Answer, task: Task, context: Context) -> Verdict:
    """Ask the judge; the mean over the points decides."""
    judge = judge_of(spec.judge, answer, context)
    if judge is None:
        return Verdict(
            check="rubric",
            outcome="unsure",
            evidence="there is no model that could judge besides the one that answered",
        )
    try:
        found = await ask_in_form(context, judge, _request(spec, answer, task), Judgement, key="judge")
    except (NotFound, Unavailable) as error:
        return Verdict(check="rubric", outcome="unsure", evidence=str(error), by=judge)
    if found is None or len(found.points) != len(spec.points):
        number = "nothing that can be read" if found is None else f"{len(found.points)} points"
        return Verdict(
            check="rubric", outcome="unsure", evidence=f"of {len(spec.points)} points the judge gave {number}", by=judge
        )
    score = sum(point.score for point in found.points) / len(found.points)
    faults = "; ".join(
        _cited(asked, point) for asked, point in zip(spec.points, found.points, strict=True) if point.fault
    )
    outcome = "pass" if score >= spec.min_score else "fail"
    evidence = f"{score:.2f} of 1, at least {spec.min_score:g} is wanted{f': {faults}' if faults else ''}"
    return Verdict(check="rubric", outcome=outcome, score=score, evidence=evidence[:4000], by=judge)


def validate(spec: RubricCheck) -> None:
    """Refuse a rubric without points, and one that is too long to be judged point by point."""
    if not spec.points:
        raise _invalid("a rubric check has no points; give at least one")
    if len(spec.points) > MOST_POINTS:
        raise _invalid(f"a rubric check has {len(spec.points)} points; at most {MOST_POINTS} are judged")
    for point in spec.points:
        if not point.strip():
            raise _invalid("a point of a rubric check is empty; write what has to hold, or leave it out")
        if len(point) > MOST_POINT_CHARACTERS:
            raise _invalid(f"the point {point[:40]!r} has {len(point)} characters; at most {MOST_POINT_CHARACTERS}")


def _request(spec: RubricCheck, answer: Answer, task: Task) -> ModelRequest:
    documents = "\n\n".join(f"{attachment.name}:\n{attachment.text}" for attachment in task.attachments)
    asked = f"{task.prompt}\n\n{documents}".strip()
    points = "\n".join(f"{number}. {point}" for number, point in enumerate(spec.points, start=1))
    content = ASKED.format(task=fenced("task", asked), answer=fenced("answer", answer.text), points=points)
    return ModelRequest(
        messages=(ChatMessage(role="system", content=SYSTEM), ChatMessage(role="user", content=content)),
        effort=Effort.NONE,
        sampling=Sampling(temperature=0, max_output_tokens=MAX_OUTPUT_TOKENS),
    )


def _cited(asked: str, point: Point) -> str:
    quote = f" ({point.quote[:120]!r})" if point.quote else ""
    return f"{asked[:80]}: {point.fault[:300]}{quote}"


def _invalid(message: str) -> InvalidTask:
    return InvalidTask(message, param="checks", code="invalid_check")
