"""Gradient boosting of small symmetric trees, after Prokhorenkova et al. 2018 (CatBoost, arXiv 1706.09516), plain."""

import numpy as np
import numpy.typing as npt

from router.residual import Tree

Array = npt.NDArray[np.float64]

_BINS = 24
_DEPTH = 3


def boosted(
    table: Array, target: Array, *, trees: int, rate: float, pull: float, share: float, seed: int = 0
) -> list[Tree]:
    """Grow trees one after the other, each on what the sum of those before leaves over.

    Args:
        table: Rows of features.
        target: What to predict, of mean zero.
        trees: How many to grow.
        rate: Share of each tree's step that is taken.
        pull: Rows of zero residual that each leaf is given, to shrink it.
        share: Share of the features that each tree may look at.
        seed: Of the choice of features.
    """
    random = np.random.default_rng(seed)
    edges: list[Array] = [_edges(column) for column in table.T]
    binned = np.zeros(table.shape, dtype=np.int64)
    for place, edge in enumerate(edges):
        binned[:, place] = np.searchsorted(edge, table[:, place], side="left")
    grown: list[Tree] = []
    total = np.zeros(len(target))
    for _ in range(trees):
        looked_at = np.sort(random.permutation(table.shape[1])[: max(1, round(share * table.shape[1]))])
        tree, leaf = _grow(binned, looked_at, edges, target - total, rate=rate, pull=pull)
        grown.append(tree)
        total += np.array(tree.leaves)[leaf]
    return grown


def _edges(column: Array) -> Array:
    quantiles: Array = np.quantile(column, np.linspace(0, 1, _BINS + 1)[1:-1])
    return np.unique(quantiles)


def _grow(
    binned: npt.NDArray[np.int64],
    looked_at: npt.NDArray[np.int64],
    edges: list[Array],
    residual: Array,
    *,
    rate: float,
    pull: float,
) -> tuple[Tree, npt.NDArray[np.int64]]:
    leaf = np.zeros(len(residual), dtype=np.int64)
    places: list[int] = []
    thresholds: list[float] = []
    sizes = np.array([len(edge) for edge in edges], dtype=np.int64)
    within = binned[:, looked_at] + np.arange(len(looked_at)) * _BINS
    for depth in range(_DEPTH):
        cell = ((leaf * len(looked_at) * _BINS)[:, None] + within).ravel()
        form = (2**depth, len(looked_at), _BINS)
        cells = int(np.prod(form))
        sums = np.bincount(cell, weights=np.repeat(residual, len(looked_at)), minlength=cells).reshape(form).cumsum(2)
        counts = np.bincount(cell, minlength=cells).reshape(form).cumsum(2)
        rest_sums, rest_counts = sums[:, :, -1:] - sums, counts[:, :, -1:] - counts
        won = (sums**2 / (counts + pull) + rest_sums**2 / (rest_counts + pull)).sum(0)
        won[np.arange(_BINS) >= sizes[looked_at][:, None]] = -np.inf
        column, edge = divmod(int(won.argmax()), _BINS)
        place = int(looked_at[column])
        places.append(place)
        thresholds.append(float(edges[place][edge]))
        leaf = 2 * leaf + (binned[:, place] > edge)
    sums = np.bincount(leaf, weights=residual, minlength=2**_DEPTH)
    counts = np.bincount(leaf, minlength=2**_DEPTH)
    leaves = rate * sums / (counts + pull)
    (one, two, three), (first, second, third) = places, thresholds
    return Tree((one, two, three), (first, second, third), tuple(leaves.tolist())), leaf
