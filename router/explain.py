"""Say in plain words why a plan is what it is, and what would change it."""

from collections.abc import Mapping, Sequence

from agents.calculator import Calculation
from agents.records import Effort, Task
from router.policy import Candidate, Choice, affords
from router.records import Rung
from router.tasktype import Posterior

_SHOWN_TYPES = 2
_LEAST_SHOWN = 0.1


def computed(calculation: Calculation) -> str:
    """Why no model is asked."""
    return (
        f"The whole prompt is a calculation ({calculation.kind}), so it is computed exactly and no model is called: "
        f"{calculation.steps}."
    )


def chosen(
    choice: Choice,
    others: Sequence[Candidate],
    task: Task,
    posterior: Posterior,
    *,
    words: int,
    dials: Mapping[Effort, Candidate],
) -> str:
    """Why these rungs; `dials` is what other efforts would choose."""
    final = choice.chosen[-1]
    sentences = [f"Looks like {_types(posterior)}, {words} words.", f"{_ladder(choice.chosen)}."]
    sentences += _against(choice, others, task)
    sentences += [_target(final.rung, task.quality_target)] if task.quality_target is not None else []
    sentences += [_over(final, field) for field in choice.over_budget]
    sentences += _changes(final, dials)
    sentences += [ignored_samples(task)] if task.samples and task.samples > 1 else []
    return " ".join(sentences)


def asked_for(rung: Rung, task: Task, *, healthy: bool, others: Sequence[Rung]) -> str:
    """Why this model: the asker named it."""
    sentences = [f"The model {rung.model} was asked for by name. Expected of it: {_numbers(rung)}."]
    if task.effort not in {Effort.AUTO, rung.effort}:
        sentences.append(f"Effort {task.effort} was asked for; what this model has for it is {rung.effort}.")
    if not healthy:
        sentences.append(f"{rung.model} does not answer at the moment, so the run may have to wait or fail.")
    sentences += [f"`model: auto` would also have {others[0].short}: {_numbers(others[0])}."] if others else []
    sentences += [ignored_samples(task)] if task.samples and task.samples > 1 else []
    return " ".join(sentences)


def team(name: str, rung: Rung) -> str:
    """Why a team: the asker named it."""
    return (
        f"The team {name} was asked for by name. What it spends depends on how long its agents talk: shown are "
        f"{rung.output_tokens} tokens written in all, ${rung.cost_usd:f} and {rung.seconds:.0f} s, "
        "as of several calls of one model."
    )


def ignored_samples(task: Task) -> str:
    """What becomes of samples while no method draws them."""
    return f"{task.samples} samples were asked for; `direct` draws one."


def _types(posterior: Posterior) -> str:
    ranked = sorted(posterior.items(), key=lambda pair: -pair[1])
    shown = [pair for place, pair in enumerate(ranked[:_SHOWN_TYPES]) if place == 0 or pair[1] >= _LEAST_SHOWN]
    return " or ".join(f"{kind.replace('_', ' ')} ({probability:.0%})" for kind, probability in shown)


def _ladder(rungs: Sequence[Candidate]) -> str:
    told = [f"{one.rung.short}: {_numbers(one.rung)}" for one in rungs]
    if len(told) == 1:
        return f"Chosen is {told[0]}"
    return f"First {'; if a check fails, '.join(told)}"


def _numbers(rung: Rung) -> str:
    money = f"${rung.cost_usd:f}, " if rung.cost_usd else ""
    span = f"{rung.quality_low:.0%} to {rung.quality_high:.0%}"
    return f"right in {rung.quality:.0%} of such cases ({span}), {money}{rung.seconds:.1f} s"


def _against(choice: Choice, others: Sequence[Candidate], task: Task) -> list[str]:
    if not others:
        return ["Nothing else is there to choose from."] if len(choice.chosen) == 1 else []
    final, best = choice.chosen[-1], max(others, key=lambda other: other.rung.quality)
    told = f"{best.rung.short}: {_numbers(best.rung)}"
    if best.rung.quality <= final.rung.quality:
        return [f"Nothing else is expected to be better; next is {told}."]
    return [f"Better, but {_reason(best, final, task)}, is {told}."]


def _reason(better: Candidate, final: Candidate, task: Task) -> str:
    if not affords(task.budget, better):
        return "not within the budget"
    if task.quality_target is not None and final.rung.quality >= task.quality_target:
        return "more than the quality target asks for"
    return f"not worth its price at effort {task.effort}"


def _target(final: Rung, target: float) -> str:
    if final.quality >= target:
        return f"It is the cheapest that reaches the quality target {target:g}."
    return f"Nothing reaches the quality target {target:g}; this comes nearest."


def _over(final: Candidate, field: str) -> str:
    worst = {
        "max_usd": f"up to ${final.worst_usd:f}",
        "max_seconds": f"about {final.rung.seconds:.1f} s",
        "max_tokens_total": f"up to {final.worst_tokens} tokens",
    }
    needs = worst.get(field, "one call")
    return f"Nothing fits into {field}; this comes nearest ({needs}), and the run stops at the limit."


def _changes(final: Candidate, dials: Mapping[Effort, Candidate]) -> list[str]:
    differing = {effort: other for effort, other in dials.items() if other.rung.short != final.rung.short}
    if not differing:
        return ["No other effort would change the choice." if dials else ""]
    told = ", ".join(f"effort {effort} would take {other.rung.short}" for effort, other in differing.items())
    return [f"{told[0].upper()}{told[1:]}."]
