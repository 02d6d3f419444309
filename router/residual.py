"""How much more a large model gains over a small one on this prompt than on others, from the prompt's text.

A linear model over words and pairs of words (TF-IDF, each term counted once), and small trees over the prompt's shape
and what the linear model says; fitted on prompts that both models have answered. Measured by `bench.router_text`.
"""

import json
import math
import struct
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from agents.records import Json
from router.features import Features, excerpt
from router.shape import shape
from router.tasktype import Posterior, TaskType
from router.words import words

RESIDUAL = Path(__file__).parent / "tables" / "residual.bin"

_FOREIGN, _FAMILIAR = 0.5, 0.8
"""Share of known words up to which a prompt is foreign to the model, and from which it is not."""
_SQUARE, _WEIGHT, _ROOM = 2**10, 2**24, 40
"""Into how many parts a unit of each of a term's two numbers is divided, and the bits that are left to the weight."""


class Tree(NamedTuple):
    """A symmetric tree of three levels: each asks one question of every row; the answers, as bits, number the leaf."""

    places: tuple[int, int, int]
    """Which numbers of a row are asked about."""
    thresholds: tuple[float, float, float]
    """Above it the answer is yes."""
    leaves: tuple[float, ...]


class TypeFit(NamedTuple):
    """What the model was taught about prompts of one task type."""

    trust: float
    """How far it may be trusted on them, 0 to 1: the more prompts it was fitted on, the further."""
    slope: float
    """Gain by each unit of ln(1 + words) above the usual, where nothing but the length is gone by."""
    usual_log_words: float


class Gain(NamedTuple):
    """What the text says of the gain."""

    score: float
    """Expected gain in quality, 0 to 1, of a large over a small model, less the usual gain. Higher = harder."""
    weight: float
    """How far the fitted model may be trusted on this prompt, 0 (out of its domain) to 1."""


@dataclass(frozen=True, slots=True)
class TextModel:
    """A fitted model of the gain: terms and trees add up."""

    about: Json
    terms: Mapping[str, int]
    """Words and pairs of neighbours, and what each adds, as `term` makes it."""
    trees: Sequence[Tree]
    """They see the prompt's shape and, last, what the terms say."""
    types: Mapping[TaskType, TypeFit]
    linear: float
    """The linear model's share beside the trees, 0 to 1."""
    length: float
    """The length's share where the model is trusted, 0 to 1; elsewhere it is 1."""

    def gain(self, prompt: str, seen: Features, posterior: Posterior) -> Gain:
        """What text and type say; where the prompt's words or its type are foreign to the model, only length speaks."""
        text = excerpt(prompt)
        tokens = words(text)
        trust, length = self._type(posterior, math.log1p(seen.words))
        weight = trust * max(0.0, min(1.0, (self._known(set(tokens)) - _FOREIGN) / (_FAMILIAR - _FOREIGN)))
        said = self.said(text, tokens, seen) if weight else 0.0
        return Gain(score=weight * said + (1 - weight * (1 - self.length)) * length, weight=weight)

    def said(self, text: str, tokens: Sequence[str], seen: Features) -> float:
        """What the text alone says, whether or not it is of a kind that the model knows."""
        linear = self._linear(tokens)
        grown = trees_sum(self.trees, [*shape(text, tokens, seen), linear])
        return self.linear * linear + (1 - self.linear) * grown

    def _linear(self, tokens: Sequence[str]) -> float:
        # Whole numbers: a set of words has another order in each process, and rounding would show it.
        total = sum(filter(None, map(self.terms.get, terms_of(tokens))))
        squares = (total + (1 << _ROOM - 1)) >> _ROOM
        weights = total - (squares << _ROOM)
        return weights / _WEIGHT / math.sqrt(squares / _SQUARE) if squares else 0.0

    def _known(self, distinct: Collection[str]) -> float:
        return sum(map(self.terms.__contains__, distinct)) / len(distinct) if distinct else 0.0

    def _type(self, posterior: Posterior, log_words: float) -> tuple[float, float]:
        trust = length = 0.0
        for kind, probability in posterior.items():
            if (fit := self.types.get(kind)) is not None:
                trust += probability * fit.trust
                length += probability * fit.slope * (log_words - fit.usual_log_words)
        return trust, length


def terms_of(tokens: Sequence[str]) -> set[str]:
    """Words and pairs of neighbours: how often each occurs does not count."""
    return {*tokens, *map(" ".join, pairwise(tokens))}


def term(square: float, weight: float) -> int:
    """Two numbers in one, so that one look-up finds both and one sum adds up both.

    Args:
        square: Of the term's inverse document frequency.
        weight: What the term adds, its inverse document frequency included.
    """
    return (round(square * _SQUARE) << _ROOM) + round(weight * _WEIGHT)


def trees_sum(trees: Sequence[Tree], row: Sequence[float]) -> float:
    """What all trees say of one row."""
    total = 0.0
    for (first, second, third), (one, two, three), leaves in trees:
        total += leaves[4 * (row[first] > one) + 2 * (row[second] > two) + (row[third] > three)]
    return total


def gain(prompt: str, seen: Features, posterior: Posterior) -> Gain:
    """What the shipped model says of a prompt.

    Args:
        prompt: The user's words.
        seen: What `features` saw of them.
        posterior: The task type, as far as it is known.
    """
    return load_text_model().gain(prompt, seen, posterior)


@lru_cache(maxsize=1)
def load_text_model() -> TextModel:
    """Read the shipped model, the first time it is asked for."""
    return unpacked(RESIDUAL.read_bytes())


def packed(model: TextModel) -> bytes:
    """The model as one small file: a JSON head, the terms a line, then eight bytes for each."""
    head = {
        "about": model.about,
        "terms": len(model.terms),
        "trees": model.trees,
        "linear": model.linear,
        "length": model.length,
        "types": model.types,
    }
    numbers = struct.pack(f"<{len(model.terms)}q", *model.terms.values())
    return "\n".join((json.dumps(head), *model.terms, "")).encode() + numbers


def unpacked(content: bytes) -> TextModel:
    """The model of a file that `packed` made."""
    begin = content.index(b"\n") + 1
    head = json.loads(content[:begin])
    count: int = head["terms"]
    numbers = len(content) - 8 * count
    terms = content[begin : numbers - 1].decode().split("\n") if count else []
    return TextModel(
        about=head["about"],
        terms=dict(zip(terms, struct.unpack_from(f"<{count}q", content, numbers), strict=True)),
        trees=tuple(Tree(*map(tuple, tree)) for tree in head["trees"]),
        types={kind: TypeFit(*numbers) for kind, numbers in head["types"].items()},
        linear=head["linear"],
        length=head["length"],
    )
