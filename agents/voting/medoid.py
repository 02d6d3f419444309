"""The text that is most like all the others: what a vote of free texts elects, as none equals another.

After universal self-consistency (Chen et al. 2023, arXiv 2311.17311), with similarity of words and letters in the place
of a model's opinion: deterministic, and without a call.
"""

from collections.abc import Sequence
from functools import lru_cache

from agents.voting.words import normal

ALIKE = 0.5
"""Texts this similar say about the same; paraphrases by one model of one answer lie above, other answers below."""
_MAX_CHARACTERS = 4000
_GRAM = 4


def medoid(texts: Sequence[str]) -> int:
    """The place of the text with the highest mean similarity to the others; the first of several."""
    table = similarities(texts)
    return max(range(len(texts)), key=lambda place: (sum(table[place]), -place))


def similarities(texts: Sequence[str]) -> list[list[float]]:
    """How alike each two of them are, 0 to 1."""
    table = [[1.0] * len(texts) for _ in texts]
    for one in range(len(texts)):
        for other in range(one):
            table[one][other] = table[other][one] = similarity(texts[one], texts[other])
    return table


def similarity(one: str, other: str) -> float:
    """Of two texts, 0 to 1: the mean of the shared part of their words (Jaccard) and of their letters (Dice)."""
    words, grams = _traits(one)
    other_words, other_grams = _traits(other)
    return (_jaccard(words, other_words) + _dice(grams, other_grams)) / 2


@lru_cache(maxsize=256)
def _traits(text: str) -> tuple[frozenset[str], frozenset[str]]:
    flat = normal(text[:_MAX_CHARACTERS])
    return frozenset(flat.split()), frozenset(flat[at : at + _GRAM] for at in range(max(len(flat) - _GRAM, 0) + 1))


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one or other else 1.0


def _dice(one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other))
