"""Judge a score that sends prompts to the larger of two models, beside the baselines, with paired intervals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from agents.errors import InvalidTask
from agents.records import Record
from router.evaluate import baselines
from router.evaluate.graded import Graded, models_of
from router.evaluate.metrics import (
    SMALLEST_GAP,
    Array,
    Ranking,
    aiq,
    area,
    gap_closed,
    interval,
    recovered,
    resampled,
    share_for,
)
from router.evaluate.pair import CostUnit, Pair, choose_pair, mean_cost, pair_of

RANDOM, LENGTH, ORACLE = "random", "length", "oracle"
ALWAYS_SMALL, ALWAYS_LARGE = "always small", "always large"
PRIOR, PRIOR_TRUE = "task prior", "task prior, true task"


class Figure(Record):
    """A value with its 95 % interval by paired bootstrap over prompts."""

    value: float | None
    """None where it is not defined."""
    low: float | None = None
    high: float | None = None


class Judged(Record):
    """One way to divide the prompts between the two models."""

    name: str
    apgr: Figure
    """Area under the gap recovered: always small 0, random .5, always large 1."""
    cpt50: Figure | None = None
    """Smallest share of prompts sent to the large model that recovers half of the gap."""
    cpt80: Figure | None = None
    gap_closed: Figure
    """How far from random (0) to the oracle (1)."""
    aiq: Figure
    """Mean quality over the range of costs between the two models."""
    costs: tuple[float, ...]
    """Mean cost of a prompt at each share of prompts sent to the large model, 0, .01, ..., 1."""
    qualities: tuple[float, ...]


class Single(Record):
    """One model that answers everything."""

    model: str
    quality: Figure
    cost: float | None


class Evaluation(Record):
    """Everything that was found on one set of prompts."""

    source: str
    small: str
    large: str
    prompts: int
    left_out: int
    """Prompts that one of the two models has no graded answer to."""
    resamples: int
    """Bootstrap resamples behind the intervals: those with a gap between the two models."""
    cost_unit: CostUnit
    models: tuple[Single, ...]
    hull_aiq: float | None
    """AIQ of the hull of the two single models: what no router at all gives."""
    routers: tuple[Judged, ...]


def evaluate(
    graded: Sequence[Graded],
    *,
    source: str,
    scores: Mapping[str, Callable[[str], float]],
    small: str | None = None,
    large: str | None = None,
    resamples: int = 400,
) -> Evaluation:
    """Judge scores, higher being harder, on graded prompts.

    Args:
        graded: The prompts; of one that occurs twice, case and spaces aside, the first counts.
        source: Where they are from, for the report.
        scores: The routers to judge, by name.
        small: A model of theirs; None chooses the cheapest, where costs tell.
        large: None chooses the best of the others.
        resamples: Bootstrap resamples.

    Raises:
        InvalidTask: the prompts do not allow it; says why.
    """
    known = list({" ".join(one.prompt.lower().split()): one for one in reversed(graded)}.values())[::-1]
    small, large = choose_pair(known, small=small, large=large)
    both = [one for one in known if small in one.quality and large in one.quality]
    if len(both) < 2:
        raise InvalidTask(f"only {len(both)} prompts have answers of both {small} and {large}; give more")
    pair = pair_of(both, small, large)
    if pair.gain.mean() <= SMALLEST_GAP:
        raise InvalidTask(
            f"{large} is not better than {small} (mean quality {pair.large.mean():.3f} and "
            f"{pair.small.mean():.3f}), so there is no gap to recover; name others with --small and --large"
        )
    rankings = {name: Ranking(score) for name, score in _scores(both, pair.gain, scores).items()}
    names = [*rankings, ALWAYS_SMALL, ALWAYS_LARGE]
    found = _Found.of(rankings, pair, None)
    draws = [
        _Found.of(rankings, pair, weights)
        for weights in resampled(len(both), resamples=resamples)
        if np.average(pair.gain, weights=weights) > SMALLEST_GAP
    ]
    return Evaluation(
        source=source,
        small=small,
        large=large,
        prompts=len(both),
        left_out=len(known) - len(both),
        resamples=len(draws),
        cost_unit=pair.unit,
        models=tuple(_single(known, model, pair.unit) for model in models_of(known)),
        hull_aiq=_known(_hull_aiq(pair)),
        routers=tuple(_judged(name, found, draws) for name in names),
    )


class _Measured(NamedTuple):
    apgr: float
    cpt50: float
    cpt80: float
    aiq: float
    gap_closed: float


@dataclass(frozen=True)
class _Found:
    """All measures on one resample, or on the prompts as they are."""

    measures: Mapping[str, _Measured]
    curves: Mapping[str, tuple[Array, Array]]
    """Mean cost and mean quality at each share."""

    @classmethod
    def of(cls, rankings: Mapping[str, Ranking], pair: Pair, weights: Array | None) -> "_Found":
        small, large = (float(np.average(one, weights=weights)) for one in (pair.small, pair.large))
        cheap, dear = (float(np.average(one, weights=weights)) for one in (pair.small_cost, pair.large_cost))
        curves: dict[str, tuple[Array, Array]] = {}
        gaps: dict[str, Array] = {}
        for name, ranking in rankings.items():
            moved = ranking.moved(pair.gain, weights)
            curves[name] = (cheap + ranking.moved(pair.large_cost - pair.small_cost, weights), small + moved)
            gaps[name] = recovered(moved)
        curves[ALWAYS_SMALL] = (np.array([cheap]), np.array([small]))
        curves[ALWAYS_LARGE] = (np.array([dear]), np.array([large]))
        gaps[ALWAYS_SMALL], gaps[ALWAYS_LARGE] = np.zeros(101), np.ones(101)
        oracle = area(gaps[ORACLE])
        measures = {name: _measured(gaps[name], curves[name], oracle, sorted((cheap, dear))) for name in curves}
        return cls(measures=measures, curves=curves)


def _measured(pgr: Array, curve: tuple[Array, Array], oracle: float, ends: Sequence[float]) -> _Measured:
    return _Measured(
        apgr=area(pgr),
        cpt50=share_for(pgr, 0.5),
        cpt80=share_for(pgr, 0.8),
        aiq=aiq(*curve, least=ends[0], most=ends[1]),
        gap_closed=gap_closed(area(pgr), oracle),
    )


def _scores(graded: Sequence[Graded], gain: Array, routers: Mapping[str, Callable[[str], float]]) -> dict[str, Array]:
    """Every score to rank by, in the order of the report."""
    folds = [baselines.fold(one.prompt) for one in graded]
    found = {name: np.array([score(one.prompt) for one in graded], dtype=float) for name, score in routers.items()}
    found[PRIOR] = baselines.prior([baselines.likeliest_type(one.prompt) for one in graded], gain, folds)
    if len({one.sub for one in graded}) > 1:
        found[PRIOR_TRUE] = baselines.prior([one.sub for one in graded], gain, folds)
    found[LENGTH] = np.array([baselines.length(one.prompt) for one in graded], dtype=float)
    found[RANDOM] = np.zeros(len(graded))
    found[ORACLE] = gain
    return found


def _judged(name: str, found: _Found, draws: Sequence[_Found]) -> Judged:
    def figure(field: str) -> Figure:
        low, high = interval([getattr(draw.measures[name], field) for draw in draws])
        return Figure(value=_known(getattr(found.measures[name], field)), low=_known(low), high=_known(high))

    ranks = name not in (ALWAYS_SMALL, ALWAYS_LARGE)
    costs, qualities = found.curves[name]
    return Judged(
        name=name,
        apgr=figure("apgr"),
        cpt50=figure("cpt50") if ranks else None,
        cpt80=figure("cpt80") if ranks else None,
        gap_closed=figure("gap_closed"),
        aiq=figure("aiq"),
        costs=tuple(map(float, costs)),
        qualities=tuple(map(float, qualities)),
    )


def _hull_aiq(pair: Pair) -> float:
    costs = [float(pair.small_cost.mean()), float(pair.large_cost.mean())]
    return aiq(costs, [float(pair.small.mean()), float(pair.large.mean())], least=min(costs), most=max(costs))


def _single(graded: Sequence[Graded], model: str, unit: CostUnit) -> Single:
    qualities = np.array([one.quality[model] for one in graded if model in one.quality])
    means = [float(np.average(qualities, weights=weights)) for weights in resampled(len(qualities), resamples=400)]
    low, high = interval(means)
    cost = mean_cost(graded, model, unit)
    return Single(model=model, quality=Figure(value=float(qualities.mean()), low=low, high=high), cost=cost)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
