"""Scores to compare a router with: length, and the mean gain of a prompt's kind of task on other prompts."""

import hashlib
import re
from collections.abc import Sequence

import numpy as np

from router.evaluate.metrics import Array
from router.features import features
from router.tasktype import task_type

FOLDS = 5
PRIOR_PROMPTS = 10
"""A kind of task counts as if so many prompts with the mean gain of all kinds had been seen of it."""

_READ_CHARACTERS = 6000
_ALPHABETIC = re.compile(r"[A-Za-z']+")
_FIRST_OPTION = re.compile(r"\n\s*\(?A[\.\)]\s")


def length(prompt: str) -> int:
    """Alphabetic words in the first 6,000 characters."""
    return len(_ALPHABETIC.findall(prompt[:_READ_CHARACTERS]))


def likeliest_type(prompt: str) -> str:
    """The kind of task that the router takes a prompt for."""
    posterior = task_type(prompt, features(prompt))
    return max(posterior, key=lambda kind: posterior[kind])


def fold(prompt: str) -> int:
    """The fold of a prompt: one question, whatever its options, spaces and case, is always in the same one."""
    question = _FIRST_OPTION.split(prompt)[0]
    folded = re.sub(r"[^a-z0-9]+", " ", question.lower()).strip() or re.sub(r"\W+", " ", prompt.lower()).strip()
    return int(hashlib.sha256(folded.encode("utf-8", "surrogatepass")).hexdigest()[:8], 16) % FOLDS


def prior(kinds: Sequence[str], gain: Array, folds: Sequence[int]) -> Array:
    """The mean gain of each prompt's kind, taken over the other folds."""
    _, kind = np.unique(np.array(kinds), return_inverse=True)
    fold_of = np.array(folds)
    score = np.zeros(len(gain))
    for held_out in set(folds):
        inside = fold_of == held_out
        others = gain[~inside]
        mean = float(others.mean()) if others.size else 0.0
        sums = np.bincount(kind[~inside], weights=others, minlength=kind.max() + 1)
        sizes = np.bincount(kind[~inside], minlength=kind.max() + 1)
        score[inside] = ((sums + PRIOR_PROMPTS * mean) / (sizes + PRIOR_PROMPTS))[kind[inside]]
    return score
