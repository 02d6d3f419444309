"""The two models that an evaluation sends prompts to: which they are, how good and how dear each answer was."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from agents.errors import InvalidTask
from router.evaluate.graded import Graded, models_of
from router.evaluate.metrics import Array


class CostUnit(StrEnum):
    """What the cost of an answer is counted in."""

    USD = "USD"
    SECONDS = "seconds"
    TOKENS = "output tokens"
    SHARE = "share sent to the large model"


_PRICES = (CostUnit.USD, CostUnit.SECONDS)
"""What tells which of several models is the cheap one; a small model may well write more tokens than a large one."""


@dataclass(frozen=True)
class Pair:
    """What the two models did on each prompt."""

    small: Array
    large: Array
    small_cost: Array
    large_cost: Array
    unit: CostUnit

    @property
    def gain(self) -> Array:
        """What the large model gains on each prompt."""
        return self.large - self.small


def choose_pair(graded: Sequence[Graded], *, small: str | None, large: str | None) -> tuple[str, str]:
    """Name the two models: those given, else the cheapest one and the best of the others.

    Raises:
        InvalidTask: one is not there, or nothing tells which is the cheap one.
    """
    models = models_of(graded)
    known = ", ".join(models) or "none"
    for name in (small, large):
        if name is not None and name not in models:
            raise InvalidTask(f"no graded answers of a model '{name}'; there are: {known}")
    if len(models) < 2 or small == large is not None:
        raise InvalidTask(f"two different models are needed as small and large; there are: {known}")
    small = small or _cheapest(graded, [model for model in models if model != large])
    return small, large or _best(graded, [model for model in models if model != small])


def pair_of(graded: Sequence[Graded], small: str, large: str) -> Pair:
    """What the two models did on prompts that both have answered."""
    unit = next((one for one in CostUnit if _is_known(graded, (small, large), one)), CostUnit.SHARE)
    nominal = {small: 0.0, large: 1.0}

    def costs(model: str) -> Array:
        known = [_cost(one, model, unit) for one in graded]
        return np.array([nominal[model] if cost is None else cost for cost in known])

    def qualities(model: str) -> Array:
        return np.array([one.quality[model] for one in graded])

    return Pair(qualities(small), qualities(large), costs(small), costs(large), unit)


def mean_cost(graded: Sequence[Graded], model: str, unit: CostUnit) -> float | None:
    """What one answer of a model costs; None where that is not known of all of them."""
    costs = [_cost(one, model, unit) for one in graded if model in one.quality]
    known = [cost for cost in costs if cost is not None]
    return float(np.mean(known)) if known and len(known) == len(costs) else None


def _cheapest(graded: Sequence[Graded], models: Sequence[str]) -> str:
    if len(models) == 1:
        return models[0]
    unit = next((one for one in _PRICES if _is_known(graded, models, one)), None)
    if unit is not None:
        return min(models, key=lambda model: (mean_cost(graded, model, unit) or 0.0, -_quality(graded, model)))
    if len(models) == 2:
        return min(models, key=lambda model: _quality(graded, model))
    raise InvalidTask(f"nothing tells which model is the cheap one; name --small and --large of: {', '.join(models)}")


def _best(graded: Sequence[Graded], models: Sequence[str]) -> str:
    return max(models, key=lambda model: _quality(graded, model))


def _quality(graded: Sequence[Graded], model: str) -> float:
    return float(np.mean([one.quality[model] for one in graded if model in one.quality]))


def _is_known(graded: Sequence[Graded], models: Sequence[str], unit: CostUnit) -> bool:
    """Whether every answer of these models has a cost in this unit, and not all are free."""
    costs = [_cost(one, model, unit) for one in graded for model in models if model in one.quality]
    return all(cost is not None for cost in costs) and any(costs)


def _cost(one: Graded, model: str, unit: CostUnit) -> float | None:
    match unit:
        case CostUnit.USD:
            return one.usd.get(model)
        case CostUnit.SECONDS:
            return one.seconds.get(model)
        case CostUnit.TOKENS:
            return one.tokens.get(model)
        case CostUnit.SHARE:
            return None
