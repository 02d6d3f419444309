"""Fit a text model of the gain to prompts that a small and a large model have answered."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agents.records import Json
from router.features import Features, excerpt, features
from router.fit.sparse import Sparse, sparse, sparse_ridge
from router.fit.trees import boosted
from router.residual import TextModel, Tree, TypeFit, term, terms_of
from router.shape import shape
from router.tasktype import TASK_TYPES, Posterior, TaskType, task_type
from router.words import words

Array = npt.NDArray[np.float64]

_FOLDS = 5
_FEWEST, _ENOUGH = 300.0, 300.0
"""Prompts of a type up to which the model is not trusted on it, and how many more make it trusted half way: with fewer
local labels a fitted text model ranks no better than length, and a type's few prompts are often all of one form."""
_LIKELY = 0.5
"""A prompt teaches something of a type if it is likelier than not of that type."""
_SLOPE_PULL = 100.0
"""Prompts of no slope that each type is given."""


@dataclass(frozen=True)
class TextSettings:
    """Chosen by cross-validation over the training folds of the data that `bench.fit_text` reads."""

    least_prompts: int = 2
    """A term has to occur in as many prompts to be taken up."""
    penalty: float = 4.0
    trees: int = 100
    forests: int = 2
    """As many times are trees grown, on other features; the mean counts."""
    rate: float = 0.08
    pull: float = 60.0
    share: float = 0.3
    linear: float = 0.5
    length: float = 0.0


USUAL = TextSettings()


@dataclass(frozen=True)
class Readings:
    """Prompts as the fit sees them: read once, for any number of fits."""

    tokens: Sequence[Sequence[str]]
    looks: Array
    seen: Sequence[Features]
    posteriors: Sequence[Posterior]


def readings(prompts: Sequence[str]) -> Readings:
    """Read them all."""
    texts = [excerpt(prompt) for prompt in prompts]
    tokens = [words(text) for text in texts]
    seen = [features(prompt) for prompt in prompts]
    return Readings(
        tokens=tokens,
        looks=np.array([shape(*each) for each in zip(texts, tokens, seen, strict=True)]),
        seen=seen,
        posteriors=[task_type(prompt, each) for prompt, each in zip(prompts, seen, strict=True)],
    )


def fit_text_model(
    prompts: Sequence[str], gains: Sequence[float], *, about: Json | None = None, settings: TextSettings = USUAL
) -> TextModel:
    """Learn to rank prompts by gain, from the gain of each.

    Args:
        prompts: The users' words.
        gains: Quality of the large model's answer minus that of the small one's, for each prompt; or what stands in
            for it (`router.fit.targets`).
        about: What is to be remembered with the model.
        settings: How strongly to shrink.
    """
    return fit_readings(readings(prompts), np.array(gains, dtype=np.float64), about=about, settings=settings)


def fit_readings(
    read: Readings, gains: Array, *, about: Json | None = None, settings: TextSettings = USUAL
) -> TextModel:
    """Learn from prompts that have been read already."""
    target = gains - gains.mean()
    places, idf = _terms(read.tokens, settings.least_prompts)
    table = sparse([_tfidf(map(places.get, terms_of(row)), idf) for row in read.tokens], len(places))
    linear = np.column_stack((read.looks, _on_other_folds(table, target, settings.penalty)))
    trees: list[Tree] = []
    for seed in range(settings.forests):
        trees += boosted(
            linear,
            target,
            trees=settings.trees,
            rate=settings.rate,
            pull=settings.pull,
            share=settings.share,
            seed=seed,
        )
    weights: list[float] = (sparse_ridge(table, target, penalty=settings.penalty) * np.array(idf)).tolist()
    return TextModel(
        about=about or {},
        terms={name: term(rare * rare, weight) for name, rare, weight in zip(places, idf, weights, strict=True)},
        trees=tuple(Tree(t.places, t.thresholds, tuple(leaf / settings.forests for leaf in t.leaves)) for t in trees),
        types=_types(read, target),
        linear=settings.linear,
        length=settings.length,
    )


def _on_other_folds(table: Sparse, target: Array, penalty: float) -> Array:
    """What the linear model says of each row when fitted without it: to be trusted no more than it will deserve."""
    fold = np.random.default_rng(1).permutation(len(target)) % _FOLDS
    said = np.zeros(len(target))
    for left in range(_FOLDS):
        rest, here = np.flatnonzero(fold != left), np.flatnonzero(fold == left)
        said[here] = table.take(here).times(sparse_ridge(table.take(rest), target[rest], penalty=penalty))
    return said


def _types(read: Readings, target: Array) -> dict[TaskType, TypeFit]:
    found: dict[TaskType, TypeFit] = {}
    length = np.log1p([seen.words for seen in read.seen])
    for kind in TASK_TYPES:
        chance = np.array([posterior.get(kind, 0.0) for posterior in read.posteriors], dtype=np.float64)
        share = chance * (chance > _LIKELY)
        rows = float(share.sum())
        if rows < 1:
            continue
        usual = float(share @ length / rows)
        spread, both = share @ (length - usual) ** 2, share @ ((length - usual) * (target - share @ target / rows))
        found[kind] = TypeFit(
            trust=max(rows - _FEWEST, 0.0) / (max(rows - _FEWEST, 0.0) + _ENOUGH),
            slope=float(both / (spread + _SLOPE_PULL * length.var())),
            usual_log_words=usual,
        )
    return found


def _terms(rows: Sequence[Sequence[str]], least: int) -> tuple[dict[str, int], tuple[float, ...]]:
    found: Counter[str] = Counter()
    for row in rows:
        found.update(terms_of(row))
    kept = sorted(name for name, prompts in found.items() if prompts >= least)
    idf = tuple(math.log((1 + len(rows)) / (1 + found[name])) + 1 for name in kept)
    return {name: place for place, name in enumerate(kept)}, idf


def _tfidf(places: Iterable[int | None], idf: Sequence[float]) -> dict[int, float]:
    row = {place: idf[place] for place in sorted(place for place in places if place is not None)}
    norm = math.sqrt(sum(value * value for value in row.values())) or 1.0
    return {place: value / norm for place, value in row.items()}
