"""Turns what an answer shows of itself (votes, log-probabilities, models that agree) into a chance that it is right.

Isotonic regression by pool adjacent violators (Ayer et al. 1955; Zadrozny and Elkan 2002 for probabilities), for each
task type, model and signal; where a type or a model was not measured, the closest that was is used. What we changed:
each end gets one answer that speaks against it, so that few rows never claim certainty, and between two blocks the
chance is read off a straight line.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from pydantic import Field, model_validator

from agents.records import Json, Record

TABLE = Path(__file__).parent / "tables" / "signals.json"


class Isotonic(Record):
    """A chance that never falls as the signal rises: points, and straight lines between them."""

    signal: tuple[float, ...] = Field(min_length=1)
    """Rising."""
    chance: tuple[float, ...] = Field(min_length=1)
    """0 to 1, never falling; one for each value of the signal."""
    rows: int = 0
    """Graded answers behind it."""

    @model_validator(mode="after")
    def _is_a_rising_line(self) -> "Isotonic":
        if len(self.signal) != len(self.chance):
            raise ValueError(f"{len(self.signal)} values of the signal, {len(self.chance)} chances")
        if any(left >= right for left, right in pairwise(self.signal)):
            raise ValueError("the values of the signal do not rise")
        if any(left > right for left, right in pairwise(self.chance)):
            raise ValueError("the chances fall somewhere")
        if self.chance[0] < 0 or self.chance[-1] > 1:
            raise ValueError("a chance lies outside of 0 to 1")
        return self

    def at(self, signal: float) -> float:
        """The chance at this value; beyond the ends, that of the end."""
        right = bisect_right(self.signal, signal)
        if right == 0:
            return self.chance[0]
        if right == len(self.signal):
            return self.chance[-1]
        low, high = self.signal[right - 1 : right + 1]
        below, above = self.chance[right - 1 : right + 1]
        # Held between its neighbours: rounding must not make it fall.
        return min(max(below + (above - below) * ((signal - low) / (high - low)), below), above)


class _Block(NamedTuple):
    total: float
    """Weight times signal, summed."""
    right: float
    weight: float

    def __or__(self, other: "_Block") -> "_Block":
        return _Block(self.total + other.total, self.right + other.right, self.weight + other.weight)


def fit(signals: Sequence[float], outcomes: Sequence[float], *, doubt: float = 1.0) -> Isotonic:
    """Fit the chance to what was seen.

    Args:
        signals: Of each answer; more is meant to be better.
        outcomes: 1 for a right answer, 0 for a wrong one.
        doubt: Answers that are added at each end and speak against it: a right one at the bottom, a wrong one on top.
    """
    if not signals or len(signals) != len(outcomes):
        raise ValueError(
            f"{len(signals)} signals and {len(outcomes)} outcomes: as many as each other, and at least one"
        )
    rows = [(signal, outcome, 1.0) for signal, outcome in zip(signals, outcomes, strict=True)]
    rows += [(min(signals), 1.0, doubt), (max(signals), 0.0, doubt)] if doubt else []
    points = [(block.total / block.weight, block.right / block.weight) for block in _pooled(_of_equal_signal(rows))]
    rising = [points[0], *(right for left, right in pairwise(points) if right[0] > left[0])]
    return Isotonic(
        signal=tuple(signal for signal, _ in rising),
        chance=tuple(min(max(chance, 0.0), 1.0) for _, chance in rising),
        rows=len(signals),
    )


def _of_equal_signal(rows: Iterable[tuple[float, float, float]]) -> list[_Block]:
    blocks: dict[float, _Block] = {}
    for signal, outcome, weight in sorted(rows):
        added = _Block(signal * weight, outcome * weight, weight)
        blocks[signal] = blocks[signal] | added if signal in blocks else added
    return list(blocks.values())


def _pooled(blocks: Iterable[_Block]) -> list[_Block]:
    """Pool each block with the one before it for as long as the chance would fall from one to the next."""
    pooled: list[_Block] = []
    for block in blocks:
        current = block
        while pooled and pooled[-1].right * current.weight >= current.right * pooled[-1].weight:
            current = pooled.pop() | current
        pooled.append(current)
    return pooled


class Line(Record):
    """What one signal says of one model's answers to one type of task."""

    task_type: str = ""
    """Empty: any."""
    model: str = ""
    """Catalog id; empty: any."""
    signal: str
    line: Isotonic


class Calibration(Record):
    """`tables/signals.json`."""

    about: Json
    """The command that made it, what it was made from, and what it reached on problems it was not fitted to."""
    lines: tuple[Line, ...]

    def chance(self, signals: Mapping[str, float], *, task_type: str = "", model: str = "") -> float | None:
        """The chance that an answer is right: the mean of what its signals say; None where none of them was measured.

        The closest line counts: of this type and model, of this type, of this model, of any.
        """
        said = [
            line.at(value)
            for name, value in sorted(signals.items())
            if (line := self._closest(name, task_type, model)) is not None
        ]
        return sum(said) / len(said) if said else None

    def _closest(self, signal: str, task_type: str, model: str) -> Isotonic | None:
        fitting = [
            line
            for line in self.lines
            if line.signal == signal and line.task_type in ("", task_type) and line.model in ("", model)
        ]
        best = max(fitting, key=lambda line: (bool(line.task_type), bool(line.model)), default=None)
        return best.line if best else None


@lru_cache(maxsize=1)
def load_calibration() -> Calibration:
    """Read the shipped table, the first time it is asked for."""
    return Calibration.model_validate_json(TABLE.read_bytes())
