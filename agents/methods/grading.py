"""Carries out the checks that need nobody's opinion on a candidate, so that candidates can be compared by them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from agents import checks
from agents.context import Context, Reservation
from agents.errors import MalformedOutput, PointsmanError, Unavailable
from agents.records import AgreementCheck, Answer, CheckSpec, MathCheck, Record, RubricCheck, Task, TextCheck, Verdict

Found = TypeVar("Found", bound=Record)

HELD_BACK = "The final answer was compared with the right one and is wrong; work it out anew."
"""What the writer is told of a check that knows the answer: not what it is."""
_FAILED_AT_MOST = 0.4
"""A check that failed counts for less than one that could not tell, whatever its degree."""


@dataclass(frozen=True, slots=True)
class Grade:
    """What the carried-out checks say of one candidate."""

    verdicts: tuple[Verdict, ...]
    """One for each check, in their order: the same for all candidates of a task."""
    faults: tuple[str, ...]
    """What the checks that failed may tell the writer."""
    whole: bool = True
    """It was not cut off by its length."""

    @property
    def score(self) -> float:
        """0 to 1, 1 is best: the mean over the checks; where there are none, 0.5, as for one that cannot tell."""
        return sum(map(_value, self.verdicts)) / len(self.verdicts) if self.verdicts else 0.5

    @property
    def failed(self) -> bool:
        return any(verdict.outcome == "fail" for verdict in self.verdicts)

    @property
    def passed(self) -> bool:
        """Something was checked, and everything that was passed."""
        return bool(self.verdicts) and all(verdict.outcome == "pass" for verdict in self.verdicts)


def carried_out(specs: Sequence[CheckSpec]) -> tuple[CheckSpec, ...]:
    """Those of the checks in which nobody's opinion is, each once."""
    kept = [spec for spec in specs if not isinstance(spec, RubricCheck | AgreementCheck)]
    return tuple(spec for place, spec in enumerate(kept) if spec not in kept[:place])


async def graded(
    answer: Answer, task: Task, specs: Sequence[CheckSpec], context: Context, *, key: str, round_: int
) -> Grade:
    """Carry out the checks on the candidate, each as a journaled step."""
    verdicts: list[Verdict] = []
    for place, spec in enumerate(specs):

        async def look(inside: Context, spec: CheckSpec = spec) -> Verdict:
            try:
                return await checks.check(spec, answer, task, inside)
            except (Unavailable, MalformedOutput) as error:
                return Verdict(check=spec.type, outcome="unsure", evidence=f"it could not be carried out: {error}")

        verdicts.append(
            await noted(
                context,
                f"check {spec.type}",
                key=f"{key}.check.{place}",
                given=f"{spec.model_dump_json(by_alias=True)}\n{answer.text}",
                form=Verdict,
                look=look,
                verdict=lambda found: found,
                round_=round_,
            )
        )
    pairs = zip(specs, verdicts, strict=True)
    told = tuple(_told(spec, verdict) for spec, verdict in pairs if verdict.outcome == "fail")
    return Grade(tuple(verdicts), told, whole=answer.choices[0].finish_reason != "length")


async def noted(
    context: Context,
    name: str,
    *,
    key: str,
    given: str,
    form: type[Found],
    look: Callable[[Context], Awaitable[Found]],
    verdict: Callable[[Found], Verdict],
    round_: int,
) -> Found:
    """Do what ends in a verdict as a journaled step of kind `check`; the second time, what was found is read.

    Args:
        context: The place it belongs to.
        name: Of the step, for people.
        key: Of the step.
        given: What is looked at: a step that was done on the same is not done again.
        form: What it finds.
        look: Does it; the place inside of the step is handed in.
        verdict: What the finding comes to.
        round_: In which round, from 0.
    """
    step = await context.journal.open(context.step("check", name, key=key, input=given), reserve=Reservation())
    if step.status == "ok" and step.output is not None:
        return form.model_validate_json(step.output)
    try:
        found = await look(context.below(step))
    except PointsmanError as error:
        ended = {"status": "error", "ended_at": context.clock(), "error": str(error), "attributes": {"round": round_}}
        await context.journal.close(step.model_copy(update=ended))
        raise
    said = verdict(found)
    attributes = {
        "verdict": said.outcome,
        "score": said.score,
        "evidence": said.evidence,
        "by": said.by,
        "round": round_,
    }
    ended = {
        "status": "ok",
        "ended_at": context.clock(),
        "attributes": attributes,
        "output": found.model_dump_json(),
    }
    await context.journal.close(step.model_copy(update=ended))
    return found


def _told(spec: CheckSpec, verdict: Verdict) -> str:
    if isinstance(spec, MathCheck | TextCheck):
        return HELD_BACK
    return f"The {verdict.check} check failed: {verdict.evidence}"


def _value(verdict: Verdict) -> float:
    match verdict.outcome:
        case "pass":
            return 1.0
        case "unsure":
            return 0.5
        case "fail":
            return _FAILED_AT_MOST * min(max(verdict.score or 0.0, 0.0), 1.0)
