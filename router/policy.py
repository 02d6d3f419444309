"""Choose the rungs: expected quality against money and waiting, at the price that the effort dial sets.

A rung that another one beats in everything is out. Of two that are about alike, more effort on the model at hand comes
before a larger model. What may cost more money is preferred only when it is also better, so that a larger budget
never lowers the expected quality.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from itertools import combinations
from operator import attrgetter, le
from typing import Literal, NamedTuple

from agents.records import Budget, Effort, MethodName, Task
from router.costs import Cost
from router.quality import Estimate
from router.records import ModelCard, Rung, in_short, trusted

USD_PER_SECOND = 0.0005
"""What a second of waiting counts for, $1.80 an hour: between someone who watches and a job that runs overnight."""
WORTH_USD: Mapping[Effort, float] = {Effort.NONE: 0.002, Effort.LOW: 0.01, Effort.AUTO: 0.05, Effort.MEDIUM: 0.05}
"""What a right answer counts for. Above `medium` nothing counts but quality; cost decides between equals."""
AFTER_A_FAILED_CHECK = 4
"""A failed check has shown that the cheap way does not do: a right answer may cost so many times more."""
ADEQUATE = 0.6
"""A rung below this share of the best expected quality is no answer to the question, however cheap."""
ALIKE = 0.02
"""Chance of a right answer by which two rungs may differ and still be about alike: well inside of any interval."""
ALIKE_IN_PRICE = 0.05
"""Share of the price by which they may."""
AGREEMENT_RATIO = 20
"""So many times must the last rung cost what the first does for agreement of samples to decide between them.

Measured on MMLU-Pro answers of Llama-3.1 8B and 70B, with the agreement of another small model as the signal: what
80 % of the gain costs is 88.5 % of always-large at a price ratio of 10 (random choice: 82.0 %), 78.2 % at 20 (80.3 %).
"""
AGREEING: Collection[MethodName] = ("self_consistency",)
"""Methods whose samples can agree, or not."""
SAMPLES: Mapping[MethodName, tuple[int, ...]] = {
    "self_consistency": (4, 8, 16),
    "best_of_n": (4, 8, 16),
    "refine": (1, 2),
    "verify": (4, 8),
}
"""How often a method may ask; what is not here asks once, and is planned only where it is asked for by name."""
_burdens, _price = attrgetter("burdens"), attrgetter("price")
_MOST_RUNGS = 3
_MOST_STARTS = 6
_STRENGTH = {Effort.NONE: 0, Effort.LOW: 1, Effort.MEDIUM: 2, Effort.HIGH: 3, Effort.MAX: 4}

Accept = Literal["checks", "agreement", "always"]


class Dial(NamedTuple):
    """What the asker wants of quality."""

    effort: Effort
    target: float | None = None
    """Chance of a right answer that is enough."""


class Pull(NamedTuple):
    """How much the models are liked before anything is weighed."""

    liking: Mapping[str, float]
    """By model, 0 to 1; 1 is worth as much as `ALIKE`."""
    at_hand: str | None = None
    """The conversation's own: to leave it is a burden."""


def pull(cards: Sequence[ModelCard], *, at_hand: str | None = None) -> Pull:
    """Like the model at hand most; of the others, a smaller one a little more than a larger."""
    sizes = sorted({card.parameters_billion for card in cards}, reverse=True)
    step = 0.5 / max(len(sizes) - 1, 1)
    liking = {card.id: step * sizes.index(card.parameters_billion) for card in cards}
    return Pull({**liking, at_hand: 1.0} if at_hand else liking, at_hand)


class Candidate:
    """A rung that might be climbed, with what it may use at most."""

    __slots__ = (
        "burdens", "calls", "cost", "effort", "estimate", "liking", "method", "model", "price", "quality", "samples",
        "worst_usd",
    )  # fmt: skip

    def __init__(
        self,
        model: str,
        effort: Effort,
        *,
        estimate: Estimate,
        cost: Cost,
        liked: Pull,
        method: MethodName = "direct",
        samples: int = 1,
        calls: int = 1,
    ) -> None:
        self.model = model
        self.effort = effort
        self.method: MethodName = method
        self.samples = samples
        self.calls = calls
        mean, low, high = estimate
        self.quality = round(mean, 4)
        self.estimate = Estimate(self.quality, round(low, 4), round(high, 4))
        self.cost = cost
        usd, seconds = float(cost.usd), cost.seconds
        self.worst_usd = float(cost.worst_usd)
        self.price = usd + USD_PER_SECOND * seconds
        """Money and waiting in one, in US dollars."""
        self.liking = liked.liking.get(model, 0.0)
        leaving = liked.at_hand is not None and model != liked.at_hand
        self.burdens = (self.worst_usd, -self.quality, usd, seconds, cost.worst_tokens, calls, leaving)
        """All that one would rather have less of: each kind of cost, and the chance of a wrong answer."""

    @property
    def short(self) -> str:
        return in_short(self.method, self.model, self.effort, self.samples)

    def rung(self, accept: Accept) -> Rung:
        """What stands in the plan."""
        mean, low, high = self.estimate
        input_tokens, output_tokens, usd, seconds, gpu_seconds, worst_tokens, worst_usd = self.cost
        return trusted(
            Rung,
            method=self.method,
            model=self.model,
            effort=self.effort,
            samples=self.samples,
            team=None,
            quality=mean,
            quality_low=low,
            quality_high=high,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cost_usd=usd,
            seconds=round(seconds, 3),
            gpu_seconds=round(gpu_seconds, 3) if gpu_seconds else 0.0,
            worst_tokens=worst_tokens,
            worst_usd=worst_usd,
            accept=accept,
        )


class Choice(NamedTuple):
    """The rungs to climb."""

    chosen: tuple[Candidate, ...]
    over_budget: tuple[str, ...] = ()
    """Fields of the budget that nothing fits into; the run's own budget will stop it."""
    accept: Accept = "always"
    """When an answer of any but the last rung may stand."""

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """The plan's rungs."""
        last: Accept = "checks" if self.accept == "checks" else "always"
        return (*(one.rung(self.accept) for one in self.chosen[:-1]), self.chosen[-1].rung(last))

    @property
    def short(self) -> str:
        """The rungs in short form."""
        return " > ".join(one.short for one in self.chosen)


def efforts_of(card: ModelCard, asked: Effort) -> tuple[Effort, ...]:
    """The efforts to weigh on a model: those up to the one asked for, or the weakest it has."""
    return _up_to(card.efforts or (Effort.NONE,), asked)


@lru_cache(maxsize=1024)
def _up_to(known: tuple[Effort, ...], asked: Effort) -> tuple[Effort, ...]:
    if asked == Effort.AUTO:
        return known
    return tuple(effort for effort in known if _STRENGTH[effort] <= _STRENGTH[asked]) or known[:1]


def mapped_effort(card: ModelCard, asked: Effort) -> tuple[Effort, ...]:
    """The effort that runs on a model when this one is asked for: mapped down, never dropped; `auto` leaves all."""
    return efforts_of(card, asked) if asked == Effort.AUTO else efforts_of(card, asked)[-1:]


def harder(effort: Effort, than: Effort) -> bool:
    """Whether it thinks harder."""
    return _STRENGTH[effort] > _STRENGTH[than]


def is_checked(task: Task) -> bool:
    """Whether something can tell a right answer from a wrong one, so that climbing on has a meaning."""
    return bool(task.checks) or task.response_schema is not None


def contenders(options: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Those that no other beats in everything, in order of what they may cost.

    Every limit bears on something that counts as a burden: who is beaten without limits is beaten within them.
    """
    kept: list[Candidate] = []
    for one in sorted(options, key=_burdens):  # who beats another comes before it
        quality, ours = one.quality, one.burdens
        for other in kept:
            if other.quality >= quality and all(map(le, other.burdens, ours)) and other.burdens != ours:
                break
        else:
            kept.append(one)
    return tuple(kept)


def choose(options: Sequence[Candidate], *, budget: Budget, dial: Dial, checked: bool) -> Choice:
    """Pick one rung of the contenders; or two or three, where something decides whether to climb on.

    That is a check; or the agreement of samples, where the last rung is so much dearer that it pays.
    """
    within, over = _within_limits(options, budget)
    most = None if budget.max_usd is None else float(budget.max_usd)
    affordable = within if most is None else [one for one in within if one.worst_usd <= most]
    if not affordable:
        over = (*over, "max_usd")
        least = min(one.worst_usd for one in within)
        affordable = [one for one in within if one.worst_usd == least]
    final = _best(affordable, dial, floor=ADEQUATE * max(one.quality for one in within), checked=checked)
    before = _before(final, affordable, budget, dial, checked=checked)
    return Choice((*before, final), over, "checks" if checked else "agreement" if before else "always")


def affords(budget: Budget, one: Candidate) -> bool:
    """Whether the rung stays within every limit: of money, tokens and calls at worst, of time as expected."""
    return _fits((one,), budget)


def left_out(options: Sequence[Candidate], choice: Choice, *, dial: Dial) -> list[Candidate]:
    """What was weighed besides, best first."""
    rest = [one for one in options if one not in choice.chosen]
    ranked = sorted(zip(_utilities(rest, dial, checked=False), range(len(rest)), strict=True), reverse=True)
    return [rest[place] for _, place in ranked]


def _within_limits(options: Sequence[Candidate], budget: Budget) -> tuple[Sequence[Candidate], tuple[str, ...]]:
    """Drop what passes the limits other than money; where nothing is left, keep what passes the limit least."""
    over: list[str] = []
    if budget.max_model_calls is not None:
        fitting = [one for one in options if one.calls <= budget.max_model_calls]
        over += [] if fitting else ["max_model_calls"]
        options = fitting or [one for one in options if one.calls == min(other.calls for other in options)]
    if budget.max_seconds is not None:
        fitting = [one for one in options if one.cost.seconds <= budget.max_seconds]
        over += [] if fitting else ["max_seconds"]
        options = fitting or [min(options, key=lambda one: one.cost.seconds)]
    if budget.max_tokens_total is not None:
        fitting = [one for one in options if one.cost.worst_tokens <= budget.max_tokens_total]
        over += [] if fitting else ["max_tokens_total"]
        options = fitting or [min(options, key=lambda one: one.cost.worst_tokens)]
    return options, tuple(over)


def _best(options: Sequence[Candidate], dial: Dial, *, floor: float, checked: bool) -> Candidate:
    """Walk the options in order of what they may cost; a dearer one takes over only when it is no worse."""
    adequate = [one for one in options if one.quality >= floor] or options
    best, reached, bar, group = None, (0.0, 0.0), 0.0, -1.0
    for one, utility in zip(adequate, _utilities(adequate, dial, checked=checked), strict=True):
        if one.worst_usd > group:
            bar, group = best.quality if best else 0.0, one.worst_usd
        if best is None or (utility > reached and one.quality >= bar):
            best, reached = one, utility
    assert best, "there is at least one option"
    return best


def _utilities(options: Sequence[Candidate], dial: Dial, *, checked: bool) -> list[tuple[float, float]]:
    """What each is good for, to compare among themselves: the first number counts, the second breaks ties."""
    worth, target = WORTH_USD.get(dial.effort), dial.target
    if target is None and worth is not None:
        worth *= AFTER_A_FAILED_CHECK if checked else 1
        return [(worth * (one.quality + ALIKE * one.liking) - one.price, 0.0) for one in options]
    most = 1.0 if target is None else target
    return [(min(one.quality, most), -one.price * (1 - ALIKE_IN_PRICE * one.liking)) for one in options]


def _before(
    final: Candidate, options: Sequence[Candidate], budget: Budget, dial: Dial, *, checked: bool
) -> tuple[Candidate, ...]:
    """What to try first: the cheaper rungs that lower the expected price of getting to an answer that may stand."""
    if not checked and (dial.target is not None or dial.effort not in WORTH_USD):
        return ()  # quality is all that counts, and samples that agree may yet be wrong
    cheaper = [
        one
        for one in options
        if one.price < final.price and one.quality < final.quality and (checked or _agreement_pays(one, final))
    ]
    if not cheaper:
        return ()
    cheaper = sorted(sorted(cheaper, key=_price_of_success)[:_MOST_STARTS], key=_price)
    longest = _MOST_RUNGS - 1 if checked else 1
    starts = [start for length in range(1, longest + 1) for start in combinations(cheaper, length)]
    affordable = [start for start in starts if _fits((*start, final), budget)] if _limits_ladders(budget) else starts
    return min([(), *affordable], key=lambda start: _expected_price((*start, final)))


def _limits_ladders(budget: Budget) -> bool:
    limits = (budget.max_usd, budget.max_tokens_total, budget.max_seconds, budget.max_model_calls)
    return any(limit is not None for limit in limits)


def _agreement_pays(first: Candidate, final: Candidate) -> bool:
    return first.method in AGREEING and final.price >= AGREEMENT_RATIO * first.price


def _price_of_success(one: Candidate) -> float:
    return one.price / max(one.quality, 1e-9)


def _fits(ladder: Sequence[Candidate], budget: Budget) -> bool:
    usd, tokens, seconds, calls = (
        budget.max_usd, budget.max_tokens_total, budget.max_seconds, budget.max_model_calls
    )  # fmt: skip
    return (
        (usd is None or sum(one.cost.worst_usd for one in ladder) <= usd)
        and (tokens is None or sum(one.cost.worst_tokens for one in ladder) <= tokens)
        and (seconds is None or sum(one.cost.seconds for one in ladder) <= seconds)
        and (calls is None or sum(one.calls for one in ladder) <= calls)
    )


def _expected_price(ladder: Sequence[Candidate]) -> float:
    """Each rung costs with the chance that all before it failed, taken as independent of one another."""
    price, reached = 0.0, 1.0
    for one in ladder:
        price += reached * one.price
        reached *= 1 - one.quality
    return price
