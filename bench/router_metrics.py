"""How well a score sends prompts to the larger of two models: APGR with bootstrap intervals."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
_SHARES = np.linspace(0, 1, 101)
_SMALLEST_GAP = 0.002


def apgr(score: Array, gain: Array) -> float:
    """Area under the performance gap recovered, over the share of prompts sent to the large model.

    0.5 is random, higher is better. Equal scores share their gain evenly: file order must not count.
    """
    order = np.argsort(-score, kind="stable")
    _, group = np.unique(-score[order], return_inverse=True)
    sums, sizes = np.bincount(group, weights=gain[order]), np.bincount(group)
    spread = (sums / sizes)[group]
    won = np.concatenate(([0.0], np.cumsum(spread)))
    recovered = np.interp(_SHARES * len(gain), np.arange(len(gain) + 1), won) / gain.sum()
    return float(np.trapezoid(recovered, _SHARES))


def intervals(
    scores: dict[str, Array], gain: Array, *, resamples: int = 400, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """The 95 % intervals by paired bootstrap: every score is taken on the same resamples."""
    random = np.random.default_rng(seed)
    found: dict[str, list[float]] = {name: [] for name in scores}
    for _ in range(resamples):
        drawn = random.integers(0, len(gain), len(gain))
        if gain[drawn].mean() > _SMALLEST_GAP:
            for name, score in scores.items():
                found[name].append(apgr(score[drawn], gain[drawn]))
    return {
        name: (float(np.quantile(values, 0.025)), float(np.quantile(values, 0.975))) for name, values in found.items()
    }
