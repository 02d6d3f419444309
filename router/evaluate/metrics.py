"""The measures of a score that ranks prompts by how much a large model would gain on them over a small one.

Of n prompts the share f with the highest scores goes to the large model, f on 0, .01, ..., 1. Prompts of equal score
share what they gain evenly, so that the order of a file never counts. APGR and CPT are those of RouteLLM (Ong et al.
2024, arXiv 2406.18665), AIQ that of RouterBench (Hu et al. 2024, arXiv 2403.12031) over the range from the cheapest
to the dearest single model; its released code divides by the dearest cost instead.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
SHARES: Array = np.linspace(0, 1, 101)
"""The shares of prompts that go to the large model."""
SMALLEST_GAP = 0.002
"""Mean gain up to which a resample is dropped: a ratio to less is noise."""
_TOLERANCE = 1e-9


class Ranking:
    """A score's order of the prompts, taken once and used for every resample."""

    def __init__(self, score: Array) -> None:
        _, group = np.unique(-score, return_inverse=True)
        self._group: npt.NDArray[np.intp] = group

    def moved(self, values: Array, weights: Array | None = None) -> Array:
        """Mean over all prompts of the values of those that go to the large model, for each of `SHARES`.

        Args:
            values: One for each prompt: its gain in quality, or in cost.
            weights: How often each prompt counts; None is once each.
        """
        counted = np.ones(len(values)) if weights is None else weights
        sizes = np.bincount(self._group, weights=counted)
        sums = np.bincount(self._group, weights=values * counted)
        total = sizes.sum()
        shares = np.concatenate(([0.0], np.cumsum(sizes))) / total
        gained = np.concatenate(([0.0], np.cumsum(sums))) / total
        return np.asarray(np.interp(SHARES, shares, gained), dtype=np.float64)


def recovered(moved: Array) -> Array:
    """The performance gap recovered at each share: 0 is always small, 1 always large, more is better than either."""
    return moved / moved[-1]


def area(pgr: Array) -> float:
    """APGR: the area under the gap recovered. 0.5 is random."""
    return float(np.trapezoid(pgr, SHARES))


def share_for(pgr: Array, part: float) -> float:
    """CPT: the smallest share of prompts that recovers this part of the gap, 0 to 1, less is better."""
    return float(SHARES[int(np.argmax(pgr >= part - _TOLERANCE))])


def gap_closed(apgr_: float, oracle: float) -> float:
    """How far from random (0) to the oracle (1) an APGR is."""
    return (apgr_ - 0.5) / (oracle - 0.5)


def hull(costs: Sequence[float] | Array, qualities: Sequence[float] | Array) -> tuple[Array, Array]:
    """The corners of the non-decreasing convex hull over points of cost and quality, cheapest first."""
    corners: list[tuple[float, float]] = []
    for cost, quality in sorted(
        zip(map(float, costs), map(float, qualities), strict=True), key=lambda p: (p[0], -p[1])
    ):
        if corners and quality <= corners[-1][1]:
            continue
        while len(corners) >= 2 and _below(corners[-2], corners[-1], (cost, quality)):
            corners.pop()
        corners.append((cost, quality))
    return np.array([cost for cost, _ in corners]), np.array([quality for _, quality in corners])


def _below(left: tuple[float, float], middle: tuple[float, float], right: tuple[float, float]) -> bool:
    return (middle[1] - left[1]) * (right[0] - left[0]) <= (right[1] - left[1]) * (middle[0] - left[0])


def aiq(costs: Sequence[float] | Array, qualities: Sequence[float] | Array, *, least: float, most: float) -> float:
    """Mean height of the hull between the costs of the cheapest and the dearest single model, 0 to 1, 1 is best.

    Not a number where no point is as cheap as the cheapest model, or where both cost the same.
    """
    x, y = hull(costs, qualities)
    if x[0] > least + _TOLERANCE * max(abs(least), 1) or most <= least:
        return float("nan")
    inside = (x > least) & (x < most)
    grid = np.concatenate(([least], x[inside], [most]))
    return float(np.trapezoid(np.interp(grid, x, y), grid) / (most - least))


def apgr(score: Array, gain: Array) -> float:
    """APGR of a score on prompts with these gains."""
    return area(recovered(Ranking(score).moved(gain)))


def resampled(count: int, *, resamples: int, seed: int = 0) -> Iterator[Array]:
    """How often each of the prompts counts, in one bootstrap resample after the other."""
    random = np.random.default_rng(seed)
    for _ in range(resamples):
        yield np.bincount(random.integers(0, count, count), minlength=count).astype(np.float64)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of what the resamples gave; not a number where they gave nothing."""
    known = np.array([value for value in values if not np.isnan(value)])
    if not known.size:
        return float("nan"), float("nan")
    return float(np.quantile(known, 0.025)), float(np.quantile(known, 0.975))


def intervals(
    scores: dict[str, Array], gain: Array, *, resamples: int = 400, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """The 95 % intervals of APGR by paired bootstrap: every score is taken on the same resamples."""
    rankings = {name: Ranking(score) for name, score in scores.items()}
    found: dict[str, list[float]] = {name: [] for name in scores}
    for weights in resampled(len(gain), resamples=resamples, seed=seed):
        if np.average(gain, weights=weights) > SMALLEST_GAP:
            for name, ranking in rankings.items():
                found[name].append(area(recovered(ranking.moved(gain, weights))))
    return {name: interval(values) for name, values in found.items()}
