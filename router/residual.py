"""How much more a large model gains over a small one on this prompt than on others, from the prompt's text.

A linear model over words and pairs of words (TF-IDF, each term counted once), and small trees over the prompt's shape
and what the linear model says; fitted on prompts that both models have answered. Measured by `bench.router_text`.
"""

import json
import math
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from agents.records import Json
from router.features import Features, excerpt
from router.shape import shape
from router.tasktype import Posterior, TaskType
from router.words import words

RESIDUAL = Path(__file__).parent / "tables" / "residual.bin"

_FOREIGN, _FAMILIAR = 0.5, 0.8
"""Share of known words up to which a prompt is foreign to the model, and from which it is not."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A symmetric tree of three levels: each asks one question of every row; the answers, as bits, number the leaf."""

    places: tuple[int, int, int]
    """Which numbers of a row are asked about."""
    thresholds: tuple[float, float, float]
    """Above it the answer is yes."""
    leaves: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TypeFit:
    """What the model was taught about prompts of one task type."""

    trust: float
    """How far it may be trusted on them, 0 to 1: the more prompts it was fitted on, the further."""
    slope: float
    """Gain by each unit of ln(1 + words) above the usual, where nothing but the length is gone by."""
    usual_log_words: float


@dataclass(frozen=True, slots=True)
class Gain:
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
    """Words and pairs of neighbours, and where in the two rows of numbers below."""
    squares: Sequence[float]
    """Of each term's inverse document frequency."""
    weights: Sequence[float]
    """What a term adds, its inverse document frequency included."""
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
        weight = trust * max(0.0, min(1.0, (self._known(tokens) - _FOREIGN) / (_FAMILIAR - _FOREIGN)))
        said = self.said(text, tokens, seen) if weight else 0.0
        return Gain(score=weight * said + (1 - weight * (1 - self.length)) * length, weight=weight)

    def said(self, text: str, tokens: Sequence[str], seen: Features) -> float:
        """What the text alone says, whether or not it is of a kind that the model knows."""
        linear = self._linear(tokens)
        grown = trees_sum(self.trees, [*shape(text, tokens, seen), linear])
        return self.linear * linear + (1 - self.linear) * grown

    def _linear(self, tokens: Sequence[str]) -> float:
        places = known_places(self.terms, tokens)
        # Exact sums: a set of words has another order in each process, and rounding would show it.
        norm = math.fsum(map(self.squares.__getitem__, places))
        return math.fsum(map(self.weights.__getitem__, places)) / math.sqrt(norm) if norm else 0.0

    def _known(self, tokens: Sequence[str]) -> float:
        distinct = set(tokens)
        return sum(map(self.terms.__contains__, distinct)) / len(distinct) if distinct else 0.0

    def _type(self, posterior: Posterior, log_words: float) -> tuple[float, float]:
        trust = length = 0.0
        for kind, probability in posterior.items():
            if (fit := self.types.get(kind)) is not None:
                trust += probability * fit.trust
                length += probability * fit.slope * (log_words - fit.usual_log_words)
        return trust, length


def known_places(terms: Mapping[str, int], tokens: Sequence[str]) -> set[int]:
    """Where the known words and pairs are: how often each occurs does not count."""
    found = set(map(terms.get, {*tokens, *map(" ".join, pairwise(tokens))}))
    return {place for place in found if place is not None}


def trees_sum(trees: Sequence[Tree], row: Sequence[float]) -> float:
    """What all trees say of one row."""
    total = 0.0
    for tree in trees:
        first, second, third = tree.places
        one, two, three = tree.thresholds
        total += tree.leaves[4 * (row[first] > one) + 2 * (row[second] > two) + (row[third] > three)]
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
    """The model as one small file: compressed; a JSON head, the terms a line, then half-precision numbers."""
    head = {
        "about": model.about,
        "terms": len(model.terms),
        "trees": [[tree.places, tree.thresholds, tree.leaves] for tree in model.trees],
        "linear": model.linear,
        "length": model.length,
        "types": {kind: [fit.trust, fit.slope, fit.usual_log_words] for kind, fit in model.types.items()},
    }
    numbers = struct.pack(f"<{2 * len(model.terms)}e", *model.squares, *model.weights)
    return zlib.compress("\n".join((json.dumps(head), *model.terms, "")).encode() + numbers, 9)


def unpacked(content: bytes) -> TextModel:
    """The model of a file that `packed` made."""
    whole = zlib.decompress(content)
    line, _, rest = whole.partition(b"\n")
    head = json.loads(line)
    count = head["terms"]
    numbers = struct.unpack_from(f"<{2 * count}e", rest, len(rest) - 4 * count)
    terms = rest[: len(rest) - 4 * count].decode().split("\n")[:count]
    return TextModel(
        about=head["about"],
        terms=dict(zip(terms, range(count), strict=True)),
        squares=numbers[:count],
        weights=numbers[count:],
        trees=tuple(Tree((a, b, c), (x, y, z), tuple(leaves)) for (a, b, c), (x, y, z), leaves in head["trees"]),
        types={kind: TypeFit(*numbers) for kind, numbers in head["types"].items()},
        linear=head["linear"],
        length=head["length"],
    )
