"""Choose the rungs: expected quality against money and waiting, at the price that the effort dial sets."""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import combinations, groupby

from agents.records import Budget, Effort, Record, Task
from router.costs import Cost
from router.quality import Estimate
from router.records import ModelCard, Rung

USD_PER_SECOND = 0.0005
"""What a second of waiting counts for, $1.80 an hour: between someone who watches and a job that runs overnight."""
WORTH_USD: Mapping[Effort, float] = {Effort.NONE: 0.002, Effort.LOW: 0.01, Effort.AUTO: 0.05, Effort.MEDIUM: 0.05}
"""What a right answer counts for. Above `medium` nothing counts but quality; cost decides between equals."""
AFTER_A_FAILED_CHECK = 4
"""A failed check has shown that the cheap way does not do: a right answer may cost so many times more."""
ADEQUATE = 0.6
"""A rung below this share of the best expected quality is no answer to the question, however cheap."""
_MOST_RUNGS = 3
_STRENGTH = {Effort.NONE: 0, Effort.LOW: 1, Effort.MEDIUM: 2, Effort.HIGH: 3, Effort.MAX: 4}


class Dial(Record):
    """What the asker wants of quality."""

    effort: Effort
    target: float | None = None
    """Chance of a right answer that is enough."""


@dataclass(frozen=True)
class Candidate:
    """A rung that might be climbed, with what it may use at most."""

    rung: Rung
    worst_tokens: int
    worst_usd: Decimal

    @cached_property
    def price(self) -> float:
        """Money and waiting in one, in US dollars."""
        return float(self.rung.cost_usd) + USD_PER_SECOND * self.rung.seconds

    @cached_property
    def burdens(self) -> tuple[float, ...]:
        """All that one would rather have less of: each kind of cost, and the chance of a wrong answer."""
        usd, worst_usd = float(self.rung.cost_usd), float(self.worst_usd)
        return (worst_usd, -self.rung.quality, usd, self.rung.seconds, float(self.worst_tokens))


@dataclass(frozen=True)
class Choice:
    """The rungs to climb."""

    chosen: tuple[Candidate, ...]
    over_budget: tuple[str, ...] = ()
    """Fields of the budget that nothing fits into; the run's own budget will stop it."""


def efforts_of(card: ModelCard, asked: Effort) -> tuple[Effort, ...]:
    """The efforts to weigh on a model: those up to the one asked for, or the weakest it has."""
    known = card.efforts or (Effort.NONE,)
    if asked == Effort.AUTO:
        return known
    return tuple(effort for effort in known if _STRENGTH[effort] <= _STRENGTH[asked]) or known[:1]


def mapped_effort(card: ModelCard, asked: Effort) -> Effort:
    """The effort that runs on a model when this one is asked for: mapped down, never dropped."""
    return efforts_of(card, asked)[-1]


def candidate(card: ModelCard, effort: Effort, task: Task, *, quality: Estimate, priced: Cost) -> Candidate:
    """One model at one effort, with what is expected of it."""
    rung = Rung(
        method="direct",
        model=card.id,
        effort=effort,
        quality=round(quality.mean, 4),
        quality_low=round(quality.low, 4),
        quality_high=round(quality.high, 4),
        input_tokens=priced.input_tokens,
        output_tokens=priced.output_tokens,
        cost_usd=priced.usd,
        seconds=round(priced.seconds, 3),
        accept="checks" if is_checked(task) else "always",
    )
    return Candidate(rung=rung, worst_tokens=priced.worst_tokens, worst_usd=priced.worst_usd)


def is_checked(task: Task) -> bool:
    """Whether something can tell a right answer from a wrong one, so that climbing on has a meaning."""
    return bool(task.checks) or task.response_schema is not None


def choose(options: Sequence[Candidate], *, budget: Budget, dial: Dial, checked: bool) -> Choice:
    """Pick one rung; or two or three, where a check decides whether to climb on.

    What is dominated (another is at least as good and costs less) or inadequate is never picked. A rung that may cost
    more money is preferred only when it is also better: so a larger `max_usd` never lowers the quality.
    """
    within, over = _within_limits(sorted(options, key=_burdens), budget)
    affordable = [one for one in within if budget.max_usd is None or one.worst_usd <= budget.max_usd]
    if not affordable:
        over = (*over, "max_usd")
        least = min(one.worst_usd for one in within)
        affordable = [one for one in within if one.worst_usd == least]
    final = _best(affordable, dial, floor=ADEQUATE * max(one.rung.quality for one in within), checked=checked)
    chosen = (*_before(final, affordable, budget), final) if checked else (final,)
    return Choice(chosen=chosen, over_budget=over)


def affords(budget: Budget, one: Candidate) -> bool:
    """Whether the rung stays within every limit, whatever it turns out to use."""
    return _fits((one,), budget)


def left_out(options: Sequence[Candidate], choice: Choice, *, dial: Dial) -> tuple[Candidate, ...]:
    """What was weighed besides, best first."""
    rest = [one for one in options if not any(one is each for each in choice.chosen)]
    return tuple(sorted(rest, key=lambda one: _utility(one, dial, factor=1), reverse=True))


def _undominated(options: Sequence[Candidate]) -> list[Candidate]:
    return [one for one in options if not any(_dominates(other, one) for other in options)]


def _dominates(other: Candidate, one: Candidate) -> bool:
    theirs, ours = other.burdens, one.burdens
    return theirs != ours and all(map(operator.le, theirs, ours))


def _within_limits(options: list[Candidate], budget: Budget) -> tuple[list[Candidate], tuple[str, ...]]:
    """Drop what passes the limits other than money; where nothing is left, keep what passes the limit least."""
    over: list[str] = []
    if budget.max_seconds is not None:
        fitting = [one for one in options if one.rung.seconds <= budget.max_seconds]
        over += [] if fitting else ["max_seconds"]
        options = fitting or [min(options, key=lambda one: one.rung.seconds)]
    if budget.max_tokens_total is not None:
        fitting = [one for one in options if one.worst_tokens <= budget.max_tokens_total]
        over += [] if fitting else ["max_tokens_total"]
        options = fitting or [min(options, key=lambda one: one.worst_tokens)]
    if budget.max_model_calls == 0:
        over.append("max_model_calls")
    return options, tuple(over)


def _best(options: Sequence[Candidate], dial: Dial, *, floor: float, checked: bool) -> Candidate:
    """Walk the options, which are in order of their burdens: what dominates another comes before it, and wins a tie."""
    factor = AFTER_A_FAILED_CHECK if checked else 1
    adequate = [one for one in options if one.rung.quality >= floor] or options
    best: Candidate | None = None
    for _, equals in groupby(adequate, key=lambda one: one.worst_usd):
        better = [one for one in equals if best is None or one.rung.quality >= best.rung.quality]
        best = max([*([best] if best else []), *better], key=lambda one: _utility(one, dial, factor=factor))
    assert best, "there is at least one option"
    return best


def _utility(one: Candidate, dial: Dial, *, factor: int) -> tuple[float, float]:
    if dial.target is not None:
        return min(one.rung.quality, dial.target), -one.price
    worth = WORTH_USD.get(dial.effort)
    return (one.rung.quality, -one.price) if worth is None else (worth * factor * one.rung.quality - one.price, 0.0)


def _before(final: Candidate, options: Sequence[Candidate], budget: Budget) -> tuple[Candidate, ...]:
    """What to try first: the cheaper rungs that lower the expected price of getting to an answer that passes."""
    better_value = (
        one for one in _undominated(options) if one.price < final.price and one.rung.quality < final.rung.quality
    )
    cheaper = sorted(better_value, key=_price)
    starts = [start for length in range(_calls_left(budget)) for start in combinations(cheaper, length)]
    affordable = [start for start in starts if not start or _fits((*start, final), budget)]
    return min(affordable, key=lambda start: _expected_price((*start, final)))


def _burdens(one: Candidate) -> tuple[float, ...]:
    return one.burdens


def _price(one: Candidate) -> float:
    return one.price


def _calls_left(budget: Budget) -> int:
    return max(min(_MOST_RUNGS, _MOST_RUNGS if budget.max_model_calls is None else budget.max_model_calls), 1)


def _fits(ladder: Sequence[Candidate], budget: Budget) -> bool:
    usd, tokens = sum((one.worst_usd for one in ladder), Decimal(0)), sum(one.worst_tokens for one in ladder)
    seconds = sum(one.rung.seconds for one in ladder)
    limits = ((usd, budget.max_usd), (tokens, budget.max_tokens_total), (seconds, budget.max_seconds))
    return all(limit is None or amount <= limit for amount, limit in limits)


def _expected_price(ladder: Sequence[Candidate]) -> float:
    """Each rung costs with the chance that all before it failed, taken as independent of one another."""
    price, reached = 0.0, 1.0
    for one in ladder:
        price += reached * one.price
        reached *= 1 - one.rung.quality
    return price
