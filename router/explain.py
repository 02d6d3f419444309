"""Say in plain words why a plan is what it is, and what of it is not known."""

from collections.abc import Iterator, Sequence

from agents.calculator import Calculation
from agents.records import Effort, Task
from router.able import speaks
from router.look import Look
from router.policy import SAMPLES, Candidate, Choice, affords
from router.quality import ability
from router.records import ModelCard, Rung
from router.session import is_tool_turn
from router.tasktype import TaskType

_SHOWN_TYPES = 2
_LEAST_SHOWN = 0.1
_MOSTLY = 0.5


def computed(calculation: Calculation) -> str:
    """Why no model is asked."""
    return (
        f"The whole prompt is a calculation ({calculation.kind}), so it is computed exactly and no model is called: "
        f"{calculation.steps}."
    )


def chosen(
    choice: Choice, others: Sequence[Candidate], task: Task, look: Look, card: ModelCard, *, held: str = ""
) -> str:
    """Why these rungs; `card` is the last one's, `held` what the conversation has to do with it."""
    final = choice.chosen[-1]
    sentences = [f"Looks like {_types(look.ranked)}, {look.features.words} words."]
    sentences += ["The last words approve of what was said before: judged is that work."] if look.work.approved else []
    sentences += [held] if held else []
    sentences += [f"{_ladder(choice)}.", *_against(choice, others, task)]
    sentences += [_target(final, task.quality_target)] if task.quality_target is not None else []
    sentences += [_over(final, field) for field in choice.over_budget]
    sentences += [ignored_samples(task)] if _ignores_samples(task, final) else []
    return " ".join((*sentences, *unknown(look, final, card)))


def asked_for(
    choice: Choice, task: Task, look: Look, card: ModelCard, *, others: Sequence[Candidate], by: str | None
) -> str:
    """Why this model: the asker, or a rule, named it."""
    final = choice.chosen[-1]
    who = f"asked for by rule '{by}'" if by else "asked for by name"
    sentences = [f"The model {final.model} was {who}. Expected of it: {_numbers(final)}."]
    if task.effort not in {Effort.AUTO, final.effort}:
        sentences.append(f"Effort {task.effort} was asked for; what this model has for it here is {final.effort}.")
    if not card.healthy:
        sentences.append(f"{final.model} does not answer at the moment, so the run may have to wait or fail.")
    sentences += [f"Best of the others is {others[0].short}: {_numbers(others[0])}."] if others else []
    sentences += [_over(final, field) for field in choice.over_budget]
    sentences += [ignored_samples(task)] if _ignores_samples(task, final) else []
    return " ".join((*sentences, *unknown(look, final, card)))


def team(name: str, rung: Rung) -> str:
    """Why a team: the asker named it."""
    return (
        f"The team {name} was asked for by name. What it spends depends on how long its agents talk: shown are "
        f"{rung.output_tokens} tokens written in all, ${rung.cost_usd:f} and {rung.seconds:.0f} s, "
        "as of several calls of one model."
    )


def held(look: Look, final: Candidate, cards: Sequence[ModelCard]) -> str:
    """What the conversation has to do with the choice among these models."""
    session = look.session
    if session is None:
        return ""
    in_loop = is_tool_turn(look.task.messages)
    refused = f"The last answer, of {session.model} {session.effort}, was refused: only what is better is weighed."
    told = [refused] if session.failed_check else []
    if final.model == session.model and in_loop:
        told.append(f"A tool's result came last, and the loop stays with {session.model}.")
    elif final.model == session.model:
        told.append(f"The conversation stays with {session.model}.")
    else:
        forced = "" if any(card.id == session.model for card in cards) else ", which cannot go on,"
        held = session.cached_tokens
        lost = f": {held} tokens that are in the cache there are read again here" if held else ""
        told.append(f"It goes over from {session.model}{forced} to {final.model}{lost}.")
    return " ".join(told)


def ignored_samples(task: Task) -> str:
    """What becomes of samples while no method draws them."""
    return f"{task.samples} samples were asked for; `direct` draws one."


def unknown(look: Look, final: Candidate, card: ModelCard) -> Iterator[str]:
    """What is assumed, and not known, of the rung that decides."""
    tables = look.tables
    assumed = {kind: chance for kind, chance in look.likely.items() if not tables.types[kind].rows}
    if sum(assumed.values()) >= _MOSTLY:
        kinds = " or ".join(kind.replace("_", " ") for kind in assumed)
        yield f"No graded answers are behind {kinds}: the quality is assumed."
    if not ability(tables, card).known:
        yield f"{card.id} is not in the tables: its size speaks for it, {card.parameters_billion:g} billion parameters."
    if final.effort != Effort.NONE and not tables.efforts[final.effort].rows:
        yield f"What effort {final.effort} gains is assumed."
    if final.method in SAMPLES and not tables.methods[final.method].rows:
        yield f"What {final.method} gains is assumed."
    counts = look.outlook.counts(card, final.effort, method=final.method, samples=final.samples)
    if counts >= 1:
        yield f"About {counts:.0f} graded answers of this installation are behind it."
    if look.script != "latin" and (not card.languages or not speaks(look, card)):
        known = "no model's languages are written so" if card.languages else "its languages are not told"
        yield f"The text is mostly {look.script}; {known}: whether {card.id} knows the language is not known."
    if card.queue:
        yield f"{card.queue} requests wait in front of {card.id}."


def _ignores_samples(task: Task, final: Candidate) -> bool:
    return bool(task.samples and task.samples > 1 and final.samples == 1)


def _types(ranked: Sequence[tuple[TaskType, float]]) -> str:
    shown = [pair for place, pair in enumerate(ranked[:_SHOWN_TYPES]) if place == 0 or pair[1] >= _LEAST_SHOWN]
    return " or ".join(f"{kind.replace('_', ' ')} ({probability:.0%})" for kind, probability in shown)


def _ladder(choice: Choice) -> str:
    told = [f"{one.short}: {_numbers(one)}" for one in choice.chosen]
    if len(told) == 1:
        return f"Chosen is {told[0]}"
    climb = "if a check fails, " if choice.accept == "checks" else "if its samples do not agree, "
    return f"First {f'; {climb}'.join(told)}"


def _numbers(one: Candidate) -> str:
    money = f"${one.cost.usd:f}, " if one.cost.usd else ""
    span = f"{one.estimate.low:.0%} to {one.estimate.high:.0%}"
    return f"right in {one.quality:.0%} of such cases ({span}), {money}{one.cost.seconds:.1f} s"


def _against(choice: Choice, others: Sequence[Candidate], task: Task) -> list[str]:
    if not others:
        return ["Nothing else is there to choose from."] if len(choice.chosen) == 1 else []
    final, best = choice.chosen[-1], max(others, key=lambda other: other.quality)
    told = f"{best.short}: {_numbers(best)}"
    if best.quality <= final.quality:
        return [f"Nothing else is expected to be better; next is {told}."]
    return [f"Better, but {_reason(best, final, task)}, is {told}."]


def _reason(better: Candidate, final: Candidate, task: Task) -> str:
    if not affords(task.budget, better):
        return "not within the budget"
    if task.quality_target is not None and final.quality >= task.quality_target:
        return "more than the quality target asks for"
    return f"not worth its price at effort {task.effort}"


def _target(final: Candidate, target: float) -> str:
    if final.quality >= target:
        return f"It is the cheapest that reaches the quality target {target:g}."
    return f"Nothing reaches the quality target {target:g}; this comes nearest."


def _over(final: Candidate, field: str) -> str:
    worst = {
        "max_usd": f"up to ${final.cost.worst_usd:f}",
        "max_seconds": f"about {final.cost.seconds:.1f} s",
        "max_tokens_total": f"up to {final.cost.worst_tokens} tokens",
    }
    needs = worst.get(field, "one call")
    return f"Nothing fits into {field}; this comes nearest ({needs}), and the run stops at the limit."
