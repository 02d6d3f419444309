"""Rank prompts for a pair of models that nobody met, from a few graded prompts and what other models got right.

A few answers place the two among the models that are known: by how many they get right, corrected by how hard those
prompts were for the others. The known models on the large one's side of the middle stand for it, those on the other
side for the small one; a text model learns where the former gain over the latter. Ability transfers between models, as
in IRT-Router (arXiv 2506.01048) and UniRoute (arXiv 2502.08773); what one pair gains on a prompt is too noisy to learn
from a few.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from router.fit.text import Readings, fit_readings
from router.residual import TextModel

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

_LEAST_SIDE = 0.15
"""However good the pair is: at least this share of the known models stands for either of the two; by cross-
validation over the training folds of MMLU-Pro."""


@dataclass(frozen=True, slots=True)
class Known:
    """What other models answered."""

    read: Readings
    """The prompts."""
    answers: Array
    """Quality of each answer, 0 to 1: prompts by models."""
    fitted: dict[int, TextModel] = field(default_factory=dict)
    """Text models that were fitted already, by how many of the known models stand for the large one."""


def placed(known: Known, asked: Places, quality: Array) -> float:
    """Estimate a new model's mean quality from its answers to a few of the prompts."""
    usual = known.answers.mean(axis=1)
    return float(quality.mean() + usual.mean() - usual[asked].mean())


def side_by_side(known: Known, *, small: float, large: float) -> int:
    """How many of the known models, best first, stand for the large one of a pair of these mean qualities."""
    least = max(round(known.answers.shape[1] * _LEAST_SIDE), 1)
    above = int((known.answers.mean(axis=0) > (small + large) / 2).sum())
    return min(max(above, least), known.answers.shape[1] - least)


def gain_of(known: Known, better: int) -> Array:
    """How much more the best so many of the known models get right than the others, for each prompt."""
    order = np.argsort(-known.answers.mean(axis=0), kind="stable")
    return np.asarray(
        known.answers[:, order[:better]].mean(axis=1) - known.answers[:, order[better:]].mean(axis=1), dtype=np.float64
    )


def onboarded(known: Known, asked: Places, *, small: Array, large: Array) -> TextModel:
    """A text model of the gain of a new pair, from its answers to a few of the prompts."""
    better = side_by_side(known, small=placed(known, asked, small), large=placed(known, asked, large))
    if better not in known.fitted:
        known.fitted[better] = fit_readings(known.read, gain_of(known, better))
    return known.fitted[better]
