"""How much of what all labels of a new pair of models are worth is had from 50 graded prompts.

python -m bench.router_onboarding --data DIR

MMLU-Pro, Llama-3.1 8B -> 70B Instruct. Known are the 22 models that are not of the Llama-3 family; of the pair, 50 of
the training prompts, drawn anew each time. Against it: the best text model that all of the pair's training labels give,
alone or blended with what the known models say. APGR is taken on the test folds.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.router_data import Prompt, prompts
from bench.router_rows import Row
from router.evaluate.metrics import SMALLEST_GAP, Array, Ranking, apgr, area, interval, recovered, resampled
from router.features import excerpt, features
from router.fit.onboard import Known, gain_of, onboarded
from router.fit.targets import by_others
from router.fit.text import fit_readings, readings
from router.residual import TextModel
from router.words import words

_SET, _FAMILY = "mmlu_pro", "Meta-Llama-3"
SMALL, LARGE = "Meta-Llama-3_1-8B-Instruct", "Meta-Llama-3_1-70B-Instruct"
_OWN = "own labels"
_LABELS, _DRAWS, _RESAMPLES = 50, 40, 400


def rows(data: Path) -> list[Row]:
    """APGR from 50 labels and from all, and the share of the gain over random."""
    train, test = (list(prompts(data, split, _SET)) for split in ("train", "test"))
    small, large = (np.array([prompt.every[name] for prompt in train]) for name in (SMALL, LARGE))
    gain = np.array([prompt.every[LARGE] - prompt.every[SMALL] for prompt in test])
    others = sorted(name for name in train[0].every if not name.startswith(_FAMILY))
    known = Known(readings([prompt.text for prompt in train]), _answers(train, others))
    drawn = _drawn(known, small, large)
    from_few = {better: _said(model, test) for better, model in known.fitted.items()}
    most = gain_of(known, max(drawn, key=lambda better: (drawn[better], better)))
    own = large - small
    targets = {_OWN: own, "own labels and known models": own + most, "taught": by_others(own, known.answers)}
    from_all = {name: _said(fit_readings(known.read, target), test) for name, target in targets.items()}
    best = max(from_all, key=lambda name: apgr(from_all[name], gain))
    return _rows(drawn, from_few, from_all, best, gain)


def _answers(found: Sequence[Prompt], names: Sequence[str]) -> Array:
    table = np.array([[prompt.every.get(name, np.nan) for name in names] for prompt in found], dtype=np.float64)
    return np.where(np.isnan(table), np.nanmean(table, axis=0), table)


def _drawn(known: Known, small: Array, large: Array) -> Counter[int]:
    """How often the draws let so many of the known models stand for the large one."""
    random, found = np.random.default_rng(0), Counter[int]()
    for _ in range(_DRAWS):
        asked = random.choice(len(small), _LABELS, replace=False)
        model = onboarded(known, asked, small=small[asked], large=large[asked])
        found[next(better for better, fitted in known.fitted.items() if fitted is model)] += 1
    return found


def _said(model: TextModel, test: Sequence[Prompt]) -> Array:
    texts = [excerpt(prompt.text) for prompt in test]
    seen = [features(prompt.text) for prompt in test]
    return np.array([model.said(text, words(text), shape) for text, shape in zip(texts, seen, strict=True)])


def _rows(
    drawn: Counter[int], from_few: dict[int, Array], from_all: dict[str, Array], best: str, gain: Array
) -> list[Row]:
    few = {better: Ranking(score) for better, score in from_few.items()}
    full = {name: Ranking(score) for name, score in from_all.items()}
    means, wholes = list[float](), {name: list[float]() for name in full}
    for weights in resampled(len(gain), resamples=_RESAMPLES):
        if np.average(gain, weights=weights) > SMALLEST_GAP:
            means.append(_mean(drawn, {place: area(recovered(one.moved(gain, weights))) for place, one in few.items()}))
            for name, one in full.items():
                wholes[name].append(area(recovered(one.moved(gain, weights))))
    each = {place: apgr(score, gain) for place, score in from_few.items()}
    every = {name: apgr(score, gain) for name, score in from_all.items()}
    mean, spread = _mean(drawn, each), ", ".join(f"{each[place]:.3f} x {count}" for place, count in drawn.items())
    shares = [
        Row(
            f"onboarding: share of the gain of {what}",
            ">= .90",
            (mean - 0.5) / (every[name] - 0.5),
            *interval(_shares(means, wholes[name])),
            len(gain),
            "the interval is over test prompts",
        )
        for what, name in ((f"all labels ({_OWN})", _OWN), (f"the best of all labels ({best})", best))
    ]
    told = ", ".join(f"{name} {value:.3f}" for name, value in every.items())
    return [
        Row("onboarding from 50 prompts: APGR", "", mean, *interval(means), len(gain), f"{_DRAWS} draws: {spread}"),
        Row(
            "all labels of the pair: APGR", "", every[best], *interval(wholes[best]), len(gain), f"the best of: {told}"
        ),
        *shares,
    ]


def _shares(few: Sequence[float], whole: Sequence[float]) -> list[float]:
    return [(one - 0.5) / (other - 0.5) if other > 0.5 else float("nan") for one, other in zip(few, whole, strict=True)]


def _mean(drawn: Counter[int], each: dict[int, float]) -> float:
    return sum(each[better] * count for better, count in drawn.items()) / drawn.total()


def main() -> None:
    """Print the rows."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, required=True, help="folder with train/ and test/ parquet files")
    for row in rows(options.parse_args().data):
        print(f"{row.what:75} {row.line:8} {row.value:.3f} [{row.low:.3f}, {row.high:.3f}] n={row.n} {row.note}")


if __name__ == "__main__":
    main()
