"""Ways to answer that are made of several: the ladder and the long pass, each one rung of a plan."""

import math
from collections.abc import Callable, Sequence
from decimal import Decimal

from agents.errors import InvalidTask, Unavailable
from agents.methods.long_price import estimate, is_long
from agents.records import Effort, MethodName, Task
from router.policy import is_checked
from router.records import ModelCard, Plan, Rung
from services.records import Known

WHOLES: tuple[MethodName, ...] = ("ladder", "long_pass")
VOTES = 8
"""Samples of a ladder's last rung and of the long pass, where the request says nothing."""
LONGEST = 4
"""An answer is taken to be at most so many times its usual length, as the router takes it."""

DrawUp = Callable[[Task], Plan]
"""Draws up the plan of a task whose method is no whole."""


def whole_of(task: Task, known: Known) -> MethodName | None:
    """Which of them is asked for, by the request, its conversation or its key; effort `max` is the long pass."""
    methods = (task.method, *(rule.then.method for rule in known.rules))
    method = next((one for one in methods if one is not None), None)
    if method is not None:
        return method if method in WHOLES else None
    efforts = (task.effort, *(rule.then.effort for rule in known.rules))
    effort = next((one for one in efforts if one not in (None, Effort.AUTO)), None)
    several = task.team is not None or task.model.startswith("team/") or bool(task.tools) or task.sampling.n > 1
    return "long_pass" if effort is Effort.MAX and not several else None


def without_wholes(known: Known) -> Known:
    """What is known, less what is planned here."""
    settings, of_key = known.settings, known.key_overrides
    changes = {
        name: then.model_copy(update={"method": None})
        for name, then in (("settings", settings), ("key_overrides", of_key))
        if then is not None and then.method in WHOLES
    }
    return known.model_copy(update=changes) if changes else known


def whole_plan(whole: MethodName, task: Task, cards: Sequence[ModelCard], draw_up: DrawUp) -> Plan:
    """The plan whose last rung is the whole."""
    return _ladder(task, cards, draw_up) if whole == "ladder" else _long_pass(task, cards, draw_up)


def lower_rungs(task: Task, plan: Plan, last: str | None, cards: Sequence[ModelCard]) -> list[ModelCard]:
    """The models that a ladder asks once before its last rung: smallest first, that of the last rung at the end."""
    own = next(card for card in cards if card.id == last)
    open_ = [card for card in cards if card.id in plan.models] if task.model == "auto" else []
    smaller = [card for card in open_ if card.parameters_billion < own.parameters_billion]
    return [*sorted(smaller, key=lambda card: card.parameters_billion), own]


def _ladder(task: Task, cards: Sequence[ModelCard], draw_up: DrawUp) -> Plan:
    voting = {"method": "self_consistency", "samples": task.samples or VOTES}
    plan = draw_up(task.model_copy(update=voting))
    last = plan.rungs[-1]
    single = [_asked_once(task, card, draw_up) for card in lower_rungs(task, plan, last.model, cards)]
    rungs = [*(rung for rung in single if rung is not None), last]
    steps = ", then ".join(rung.short for rung in rungs)
    return plan.model_copy(
        update={
            "rungs": (_together(rungs).model_copy(update={"method": "ladder", "accept": _accept(task)}),),
            "why": f"Method 'ladder' was asked for: {steps}, each where the answer before it may not stand. {plan.why}",
        }
    )


def _asked_once(task: Task, card: ModelCard, draw_up: DrawUp) -> Rung | None:
    """The rung that asks a model once; None where it cannot do this task, or does not answer now."""
    asked = {"method": "direct", "samples": None, "model": card.id, "effort": card.efforts[0]}
    try:
        return draw_up(task.model_copy(update=asked)).rungs[-1]
    except (InvalidTask, Unavailable):
        return None


def _together(rungs: Sequence[Rung]) -> Rung:
    """What climbing costs: each rung with the chance that all before it were wrong; at worst, all of them."""
    reached, tokens_in, tokens_out, usd, seconds, gpu_seconds = 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for rung in rungs:
        tokens_in += reached * rung.input_tokens
        tokens_out += reached * rung.output_tokens
        usd += reached * float(rung.cost_usd)
        seconds += reached * rung.seconds
        gpu_seconds += reached * rung.gpu_seconds
        reached *= 1 - rung.quality
    return rungs[-1].model_copy(
        update={
            "input_tokens": math.ceil(tokens_in),
            "output_tokens": math.ceil(tokens_out),
            "cost_usd": _usd(usd),
            "seconds": round(seconds, 3),
            "gpu_seconds": round(gpu_seconds, 3),
            "worst_tokens": sum(rung.worst_tokens for rung in rungs),
            "worst_usd": sum((rung.worst_usd for rung in rungs), Decimal(0)),
        }
    )


def _long_pass(task: Task, cards: Sequence[ModelCard], draw_up: DrawUp) -> Plan:
    # A long document is read in sections: it need not fit into any model.
    documents = () if is_long(task) else task.attachments
    asked = {"method": None, "samples": None, "effort": Effort.MAX, "attachments": documents}
    plan = draw_up(task.model_copy(update=asked))
    computed = [rung for rung in plan.rungs if rung.method == "calculate"]
    last = plan.rungs[-1]
    if last.model is None:
        return plan
    card = next(card for card in cards if card.id == last.model)
    samples = task.samples or VOTES
    once = _asked_once(task.model_copy(update={"attachments": documents}), card, draw_up)
    usual = once.output_tokens if once else last.output_tokens
    expected = estimate(task, card, samples=samples, answer_tokens=usual)
    worst = estimate(task, card, samples=samples, answer_tokens=usual * LONGEST)
    rung = last.model_copy(
        update={
            "method": "long_pass",
            "effort": Effort.MAX,
            "samples": samples,
            "input_tokens": expected.input_tokens,
            "output_tokens": expected.output_tokens,
            "cost_usd": expected.usd,
            "seconds": round(expected.seconds, 3),
            "gpu_seconds": round(expected.seconds, 3) if card.usd_per_hour else 0.0,
            "worst_tokens": worst.tokens,
            "worst_usd": worst.usd,
            "accept": _accept(task),
        }
    )
    why = (
        f"Effort 'max' is the long pass on {card.id}: about {expected.calls} calls, "
        f"{expected.seconds / 60:.0f} minutes and ${expected.usd}. {plan.why}"
    )
    return plan.model_copy(update={"rungs": (*computed, rung), "why": why})


def _accept(task: Task) -> str:
    return "checks" if is_checked(task) else "always"


def _usd(amount: float) -> Decimal:
    return Decimal(math.ceil(amount * 1_000_000)).scaleb(-6)
