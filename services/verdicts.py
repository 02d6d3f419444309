"""Whether an answer may stand: the checks that were asked for decide, those that suit the task look on, and a rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agents import checks
from agents.context import Context, Reservation
from agents.errors import BudgetExceeded, Cancelled, LeaseLost, PointsmanError
from agents.methods.ladder import Chance, Rule, may_stand
from agents.methods.signals import read, signals_of
from agents.records import Answer, CheckSpec, CodeCheck, Effort, JsonSchemaCheck, Task, Verdict
from router.calibration import load_calibration
from router.policy import USD_PER_SECOND, WORTH_USD
from router.records import Plan, Rung
from services.queue.keeper import Stopped
from services.store.database import StoreUnavailable

INTERRUPTIONS = (Cancelled, LeaseLost, Stopped, StoreUnavailable)
"""What says nothing about the answer: the work stops here, and the run's end is decided elsewhere, or later."""

LEAST_CHANCE = 0.5
"""An answer that is likelier wrong than right does not stand for the sake of the price."""


@dataclass(frozen=True)
class Looked:
    """What was found of one answer."""

    asked: tuple[Verdict, ...]
    """Of the checks that were asked for."""
    suited: tuple[Verdict, ...] = ()
    """Of those that suit the task, and that nobody asked for."""
    verified_by: tuple[str, ...] = ()
    refused: str = ""
    """Why the answer may not stand; empty: it may."""
    limit: BudgetExceeded | None = None
    """What kept the rest from being looked at."""

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        return self.asked + self.suited


def asked_for(task: Task) -> tuple[CheckSpec, ...]:
    """The checks that were asked for; a schema that the answer has to follow is one."""
    if task.response_schema is None:
        return task.checks
    return (*task.checks, JsonSchemaCheck(schema=task.response_schema))


async def look_at(
    answer: Answer, task: Task, plan: Plan, number: int, context: Context, *, suited: Sequence[CheckSpec]
) -> Looked:
    """Carry out the checks on the answer of a rung, each a journaled step, and decide whether it may stand.

    An answer that fails what was asked for does not stand; nor does one that fails what suits the task, though that
    says less: it may be wrong about the task. What cannot tell stops nothing that nobody asked for.
    """
    asked_specs = asked_for(task)
    more = [spec for spec in suited if spec not in asked_specs]
    found: list[Verdict] = []
    limit: BudgetExceeded | None = None
    for number, spec in enumerate((*asked_specs, *more)):
        try:
            found.append(await _carried_out(spec, number, answer, task, context))
        except BudgetExceeded as error:
            limit = limit or error
            found.append(Verdict(check=spec.type, outcome="unsure", evidence=f"it was not carried out: {error}"))
    asked, rest = tuple(found[: len(asked_specs)]), tuple(found[len(asked_specs) :])
    # An opinion may veto; that a model liked the answer verifies nothing.
    verified_by = [verdict.check for verdict in asked if verdict.outcome == "pass" and not verdict.by]
    verified_by += [
        verdict.check for spec, verdict in zip(more, rest, strict=True) if verdict.outcome == "pass" and _executes(spec)
    ]
    rule = _rule(number, plan, task.effort)
    seen = _with_chance(answer, task, plan) if rule.by == "confidence" else answer
    stands, why_not = may_stand(seen, [*asked, *(one for one in rest if one.outcome != "unsure")], rule)
    return Looked(asked, rest, tuple(dict.fromkeys(verified_by)), "" if stands else why_not, limit)


async def _carried_out(spec: CheckSpec, number: int, answer: Answer, task: Task, context: Context) -> Verdict:
    text = f"{spec.model_dump_json(by_alias=True)}\n{answer.text}"
    step = await context.journal.open(
        context.step("check", f"check {spec.type}", key=f"check.{number}", input=text), reserve=Reservation()
    )
    if step.status == "ok" and step.output is not None:
        return Verdict.model_validate_json(step.output)
    limit: BudgetExceeded | None = None
    try:
        verdict = await checks.check(spec, answer, task, context.below(step).silent())
    except INTERRUPTIONS:
        raise
    except BudgetExceeded as error:
        limit = error
        verdict = Verdict(check=spec.type, outcome="unsure", evidence=str(error))
    except PointsmanError as error:
        verdict = Verdict(check=spec.type, outcome="unsure", evidence=f"it could not be carried out: {error}")
    found = {"verdict": verdict.outcome, "score": verdict.score, "evidence": verdict.evidence, "by": verdict.by}
    changes = {
        "status": "error" if limit else "ok",
        "ended_at": context.clock(),
        "attributes": found,
        "output": None if limit else verdict.model_dump_json(),
        "error": str(limit) if limit else None,
    }
    await context.journal.close(step.model_copy(update=changes))
    if limit:
        raise limit
    return verdict


def _executes(spec: CheckSpec) -> bool:
    """Whether passing it means that tests were run which no model wrote."""
    return isinstance(spec, CodeCheck) and bool(spec.tests) and not spec.weaker


def likeliest(plan: Plan) -> str:
    """The task type that the plan takes for the likeliest; empty where it tells none."""
    return max(plan.task_type, key=plan.task_type.__getitem__, default="")


def chances(plan: Plan) -> Chance:
    """What turns the signals of an answer into the chance that it is right, for tasks of this plan's type."""

    def chance(signals: Mapping[str, float], model: str) -> float | None:
        return load_calibration().chance(signals, task_type=likeliest(plan), model=model)

    return chance


def enough(following: Rung, effort: Effort) -> float:
    """The chance of being right from which on climbing to the next rung would cost more than it could gain."""
    worth = WORTH_USD.get(effort)
    price = float(following.cost_usd) + USD_PER_SECOND * following.seconds
    gain_needed = price / worth if worth is not None else 0.0
    return min(max(following.quality - gain_needed, LEAST_CHANCE), 1.0)


def _rule(number: int, plan: Plan, effort: Effort) -> Rule:
    """By what the answer of the rung with this number may stand."""
    match plan.rungs[number - 1].accept:
        case "agreement" if number < len(plan.rungs):
            return Rule(by="confidence", at_least=enough(plan.rungs[number], effort))
        case "checks":
            return Rule(by="checks")
        case _:
            return Rule(by="always")


def _with_chance(answer: Answer, task: Task, plan: Plan) -> Answer:
    """The answer with its confidence made a chance, where the signals that it shows were measured."""
    chance = chances(plan)(signals_of(answer, read(answer, task), ()), answer.model)
    return answer if chance is None else answer.model_copy(update={"confidence": chance})
