"""The chance of a right answer, with its 90 % interval, for a model of some size at some effort."""

import math

from agents.records import Effort, Record
from router.tables import Tables, TypeRow
from router.tasktype import Posterior

_Z90 = 1.645
_USUAL_WORDS = 60
TINY_BILLION = 3.0
"""Below this size models lose more by each halving than above it."""
_LEAST_PER_DECADE = 0.1
"""A model ten times larger is never expected to be worse, however short the prompt."""
_LENGTHS = (-2.5, 3.5)
"""The lengths that the lines were fitted on, as ln(words / 60); beyond, they are held level."""


class Estimate(Record):
    """A probability and its 90 % interval, each 0 to 1."""

    mean: float
    low: float
    high: float


def expected(
    tables: Tables, posterior: Posterior, *, words: int, parameters_billion: float, effort: Effort, samples: int = 1
) -> Estimate:
    """Estimate the quality of one rung, over the task types that the prompt may be of."""
    size = math.log10(parameters_billion) - 1
    tiny = max(math.log10(TINY_BILLION / parameters_billion), 0.0)
    length = min(max(math.log((1 + words) / _USUAL_WORDS), _LENGTHS[0]), _LENGTHS[1])
    lift = tables.efforts[effort].lift
    mean = low = high = 0.0
    for kind, probability in posterior.items():
        row = tables.types[kind]
        logit = _logit(row, size=size, tiny=tiny, length=length) + lift * row.thinking
        logit += row.samples * math.log2(samples) * math.tanh(logit)
        spread = _Z90 * row.spread
        mean += probability * _sigmoid(logit)
        low += probability * _sigmoid(logit - spread)
        high += probability * _sigmoid(logit + spread)
    return Estimate(mean=mean, low=low, high=high)


def _logit(row: TypeRow, *, size: float, tiny: float, length: float) -> float:
    per_decade = max(row.size + row.length_size * length, _LEAST_PER_DECADE)
    return row.level + per_decade * size + row.tiny * tiny + row.length * length


def _sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))
