"""Replays the ladder 0.5B, 1.5B, 1.5B voting, with signals that are fitted to other problems than it climbs for.

The problems are parted into folds. For those of a fold, both are learned on the other folds: the chance that an answer
is right, read off what it shows of itself, and for each rung the least chance at which it stands (as FrugalGPT learns
its thresholds, Chen et al. 2023, arXiv 2305.05176): the lowest at which the answers that stand lose no more against
the vote than is allowed.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from random import Random
from typing import NamedTuple

from agents.methods.direct import Direct
from agents.methods.ladder import Ladder, LadderRung, Rule
from agents.methods.self_consistency import SelfConsistency
from agents.methods.signals import read, signals_of
from agents.records import Answer, Effort
from agents.sandbox import Sandbox
from bench.fit_signals import TYPE, lines, seen
from bench.recorded_rows import Row as Sample
from bench.recorded_rows import is_right
from bench.scaling_rows import Row, interval, percent, span
from bench.scaling_votes import DRAWN, MODEL, SAMPLES, SMALL, Outcome, Votes, gained, mean, outcome, problems_in
from router.calibration import Calibration

FOLDS = 5
ALLOWED = 0.01
"""Of all problems, that the answers which stand on one rung may lose against the vote."""
MODELS = "0.5B, 1.5B, 1.5B voting"


class Shown(NamedTuple):
    """What the greedy answers of a problem show, and what letting them stand would lose."""

    small: Mapping[str, float]
    large: Mapping[str, float]
    """With the small model's answer beside it."""
    small_loses: float
    large_loses: float


async def climbed(done: Votes, sandbox: Sandbox) -> list[Outcome]:
    """The ladder on each problem, in the same order of problems."""
    found: dict[str, Outcome] = {}
    folds = _folds([one[0].problem for one in done.problems])
    for fold in range(FOLDS):
        others = [place for place, one in enumerate(done.problems) if folds[one[0].problem] != fold]
        known = [*done.others, *(done.problems[place] for place in others)]
        table = Calibration(about={}, lines=tuple(lines(list(seen(row for rows in known for row in rows)))))
        ladder = _ladder(table, [_shown(done.problems[place], done.full[place].right) for place in others])
        for one in done.problems:
            if folds[one[0].problem] == fold:
                found[one[0].problem] = await outcome(ladder, one, sandbox)
    return [found[one[0].problem] for one in done.problems]


def _folds(problems: Sequence[str]) -> Mapping[str, int]:
    """The fold of each, in an order that the data did not choose."""
    shuffled = sorted(problems, key=lambda problem: Random(problem).random())
    return {problem: place % FOLDS for place, problem in enumerate(shuffled)}


def _ladder(table: Calibration, shown: Sequence[Shown]) -> Ladder:
    def chance(signals: Mapping[str, float], model: str) -> float | None:
        return table.chance(signals, task_type=TYPE, model=model)

    first = [(chance(one.small, SMALL) or 0.0, one.small_loses) for one in shown]
    least = least_chance(first, allowed=ALLOWED * len(shown))
    left = [one for one, (told, _) in zip(shown, first, strict=True) if told < least]
    second = [(chance(one.large, MODEL) or 0.0, one.large_loses) for one in left]
    rungs = (
        LadderRung(Direct(SMALL, Effort.NONE), Rule(by="confidence", at_least=least)),
        LadderRung(
            Direct(MODEL, Effort.NONE),
            Rule(by="confidence", at_least=least_chance(second, allowed=ALLOWED * len(shown))),
        ),
        LadderRung(SelfConsistency(MODEL, Effort.NONE, samples=SAMPLES), Rule(by="always")),
    )
    return Ladder(rungs, chance=chance)


def least_chance(told: Sequence[tuple[float, float]], *, allowed: float) -> float:
    """The lowest chance from which on, counted from the top, no more than what is allowed is lost.

    Args:
        told: The chance of each answer, and what is lost if it stands.
        allowed: To be lost by all that stand together.
    """
    least, lost = 1.0, 0.0
    for chance, group in groupby(sorted(told, reverse=True), key=lambda one: one[0]):
        lost += sum(loses for _, loses in group)
        if lost > allowed:
            break
        least = chance
    return least


def _shown(samples_of: Sequence[Sample], voted: float) -> Shown:
    small, large = (_greedy(samples_of, model) for model in (SMALL, MODEL))
    found = {row.model: read(row.answer, row.asked) for row in (small, large)}
    return Shown(
        signals_of(_with_logprobs(small), found[SMALL], []),
        signals_of(_with_logprobs(large), found[MODEL], [found[SMALL]]),
        voted - is_right(small.choice, small.reference),
        voted - is_right(large.choice, large.reference),
    )


def _greedy(samples_of: Sequence[Sample], model: str) -> Sample:
    return next(one for one in samples_of if one.model == model and one.sample == 0)


def _with_logprobs(row: Sample) -> Answer:
    choice = row.choice.model_copy(update={"logprobs": row.logprobs_as_given})
    return row.answer.model_copy(update={"choices": (choice,)})


def ladder_rows(done: Votes, ladder: Sequence[Outcome]) -> list[Row]:
    """The lines of the ladder."""
    against = f"ladder against always voting n = {SAMPLES} on the 1.5B"
    pairs = list(zip(ladder, done.full, strict=True))
    return [
        gained(f"{against}: accuracy", ">= -2 points", ladder, done.full, model=MODELS),
        Row(
            what=f"{against}: tokens x model size",
            line="<= 60 %",
            measured=percent(_part(pairs)),
            interval=span(interval(pairs, _part), percent),
            n=problems_in(ladder),
            model=MODELS,
            seeds=f"first two rungs T = 0; vote {DRAWN}",
            tokens=f"{mean(ladder).tokens:.0f} against {mean(done.full).tokens:.0f}",
        ),
    ]


def _part(pairs: Sequence[tuple[Outcome, Outcome]]) -> float:
    return sum(one.cost for one, _ in pairs) / sum(full.cost for _, full in pairs)
