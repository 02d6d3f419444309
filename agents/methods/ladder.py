"""Climbs from cheap to dear ways of answering until an answer may stand.

FrugalGPT's cascade (Chen et al. 2023, arXiv 2305.05176), with checks that are carried out before any opinion, and with
calibrated signals where nothing can be checked: votes, log-probabilities, and the agreement of models that were asked
on the rungs below (UCCI, arXiv 2605.18796, calibrates one margin in the same way). What we changed: agreement costs
nothing extra, as it compares with the rungs that were climbed anyway. Without a check this pays only where the dear
model costs 15 to 20 times the cheap one or more: below that, two answers cost more than the one they save.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from pydantic import Field

from agents.checks.suited import suited
from agents.context import Context
from agents.errors import BudgetExceeded, MalformedOutput, Unavailable
from agents.methods.ballot import only_wanted
from agents.methods.grading import Grade, carried_out, graded, noted
from agents.methods.method import Method, within
from agents.methods.signals import read, signals_of
from agents.records import Answer, CheckSpec, Record, Task, Verdict
from agents.voting.extract import Extracted

Chance = Callable[[Mapping[str, float], str], float | None]
"""Turns signals, and the catalog id of the model that answered, into the chance of being right; None: it cannot."""


class Rule(Record):
    """By what an answer may stand; whatever it is, an answer whose check did not pass does not."""

    by: Literal["checks", "confidence", "always"] = "always"
    """`checks`: something was checked, and all of it passed; `confidence`: it is sure enough; `always`: it stands."""
    at_least: float = Field(default=0.5, ge=0, le=1)
    """Of `confidence`: the least chance of being right."""


def may_stand(answer: Answer, verdicts: Sequence[Verdict], rule: Rule) -> tuple[bool, str]:
    """Decide whether the answer may stand.

    Args:
        answer: With its confidence, where it has one.
        verdicts: Of the checks that were asked for, and of those others that could tell: any that is no pass counts.
        rule: By what it may stand.

    Returns:
        Whether it may, and why not.
    """
    held = [verdict for verdict in verdicts if verdict.outcome != "pass"]
    if held:
        return False, "; ".join(f"{verdict.check}: {verdict.outcome}, {verdict.evidence}" for verdict in held)
    match rule.by:
        case "always":
            return True, ""
        case "checks":
            return (True, "") if verdicts else (False, "nothing was checked")
        case "confidence":
            return _sure_enough(answer, rule.at_least)
        case _:
            assert_never(rule.by)


def _sure_enough(answer: Answer, at_least: float) -> tuple[bool, str]:
    if answer.truncated:
        return False, "a limit ended the work early, so its confidence says little"
    if answer.confidence is None:
        return False, "nothing says how sure it is"
    if answer.confidence < at_least:
        return False, f"confidence {answer.confidence:.2f} is below {at_least:.2f}"
    return True, ""


@dataclass(frozen=True)
class LadderRung:
    """One way to answer, and by what its answer may stand."""

    method: Method
    rule: Rule
    confidence: str = "vote"
    """What the method's confidence is called as a signal: the table of chances knows it by this name."""


@dataclass(frozen=True)
class Ladder:
    """Its rungs are climbed in order; where no answer may stand, the best of them is given."""

    rungs: tuple[LadderRung, ...]
    chance: Chance | None = None
    """None: the confidence that a method gives is taken as it is."""

    def __post_init__(self) -> None:
        if not self.rungs:
            raise ValueError("a ladder needs at least one rung")

    async def answer(self, task: Task, context: Context) -> Answer:
        climb = _Climb(self, task, context.silent())
        answer = await climb.up()
        if context.on_text:
            await context.on_text(answer.text)
        return answer


class _Standing(Record):
    """The decision on one rung."""

    stands: bool
    reason: str
    chance: float | None
    signals: dict[str, float]

    @property
    def verdict(self) -> Verdict:
        outcome = "pass" if self.stands else "fail"
        shown = ", ".join(f"{name} {value:.3g}" for name, value in sorted(self.signals.items()))
        evidence = "; ".join(part for part in (self.reason, shown) if part)
        return Verdict(check="may stand", outcome=outcome, score=self.chance, evidence=evidence)


class _Climb:
    """One task on its way up."""

    def __init__(self, options: Ladder, task: Task, context: Context) -> None:
        self._options = options
        self._task = task
        self._context = context
        self._suited = carried_out(suited(task))
        self._earlier: list[Extracted] = []
        self._best: Answer | None = None
        self._rank: tuple[float, float] | None = None

    async def up(self) -> Answer:
        failure: Unavailable | MalformedOutput | None = None
        for number, rung in enumerate(self._options.rungs):
            try:
                answer, stands = await self._climbed(rung, number)
            except BudgetExceeded:
                if self._best is None:
                    raise
                return self._best.model_copy(update={"truncated": True})
            except (Unavailable, MalformedOutput) as error:
                failure = error
                continue
            if stands:
                return answer
        if self._best is not None:
            return self._best
        assert failure is not None
        raise failure

    async def _climbed(self, rung: LadderRung, number: int) -> tuple[Answer, bool]:
        """The rung's answer with its chance as its confidence, and whether it stands."""
        key = f"rung.{number}"
        answer = await rung.method.answer(self._asked(rung), within(self._context, key))
        found = read(answer, self._task)
        signals = signals_of(answer, found, self._earlier, confidence=rung.confidence)
        chance = self._options.chance(signals, answer.model) if self._options.chance else None
        sure = answer.confidence if chance is None else chance
        answer = only_wanted(answer, self._task).model_copy(update={"confidence": sure})
        self._consider(answer, grade=None)
        grade = await self._graded(answer, key, number)
        self._consider(answer, grade)
        self._earlier.append(found)
        stands, reason = may_stand(answer, self._that_count(grade), rung.rule)
        await self._note(_Standing(stands=stands, reason=reason, chance=answer.confidence, signals=signals), number)
        return answer, stands

    def _asked(self, rung: LadderRung) -> Task:
        """The task, with the log-probabilities that the chance is read from."""
        if self._options.chance is None or rung.rule.by != "confidence":
            return self._task
        sampling = self._task.sampling.model_copy(update={"logprobs": True})
        return self._task.model_copy(update={"sampling": sampling})

    async def _graded(self, answer: Answer, key: str, number: int) -> Grade:
        specs: tuple[CheckSpec, ...] = (*self._task.checks, *self._more())
        return await graded(answer, self._task, specs, self._context, key=key, round_=number)

    def _more(self) -> tuple[CheckSpec, ...]:
        return tuple(spec for spec in self._suited if spec not in self._task.checks)

    def _that_count(self, grade: Grade) -> list[Verdict]:
        """What was asked for, and what could tell of the rest."""
        asked = len(self._task.checks)
        rest = [verdict for verdict in grade.verdicts[asked:] if verdict.outcome != "unsure"]
        return [*grade.verdicts[:asked], *rest]

    def _consider(self, answer: Answer, grade: Grade | None) -> None:
        """Keep it where nothing is better: by what was carried out, then by its chance; the later of two alike."""
        executed = Grade(tuple(one for one in grade.verdicts if not one.by), ()) if grade else None
        rank = (executed.score if executed else -1.0, 0.5 if answer.confidence is None else answer.confidence)
        if self._rank is None or rank >= self._rank:
            self._best, self._rank = answer, rank

    async def _note(self, standing: _Standing, number: int) -> None:
        async def look(_: Context) -> _Standing:
            return standing

        await noted(
            self._context,
            "may stand",
            key=f"rung.{number}.stand",
            given=standing.model_dump_json(),
            form=_Standing,
            look=look,
            verdict=lambda found: found.verdict,
            round_=number,
        )
