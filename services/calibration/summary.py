"""What calibration found of each rung: how often it was right, and what its answers took."""

import math
from collections.abc import Iterable
from decimal import Decimal

from agents.records import Effort, Record, Usd
from services.calibration.results import Result

_Z95 = 1.96


class Line(Record):
    """One rung over all its prompts."""

    model: str
    effort: Effort
    prompts: int
    right: int
    unsure: int
    """Answers that a check could not judge; they count as not right."""
    low: float
    """Lower end of the 95 % interval of the share that is right (Wilson 1927)."""
    high: float
    output_tokens: float
    """Of an answer, on average."""
    seconds: float
    usd: Usd
    """Of all answers together."""


def summary(results: Iterable[Result]) -> list[Line]:
    """One line for each rung, in the order they came."""
    by_rung: dict[tuple[str, Effort], list[Result]] = {}
    for one in results:
        by_rung.setdefault(one.rung, []).append(one)
    return [_line(model, effort, ones) for (model, effort), ones in by_rung.items()]


def _line(model: str, effort: Effort, results: list[Result]) -> Line:
    right, count = sum(one.outcome == "pass" for one in results), len(results)
    low, high = wilson(right, count)
    return Line(
        model=model,
        effort=effort,
        prompts=count,
        right=right,
        unsure=sum(one.outcome == "unsure" for one in results),
        low=low,
        high=high,
        output_tokens=sum(one.output_tokens for one in results) / count,
        seconds=sum(one.seconds for one in results) / count,
        usd=sum((one.usd for one in results), Decimal(0)),
    )


def wilson(right: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share."""
    share, spread = right / count, _Z95**2 / count
    middle = (share + spread / 2) / (1 + spread)
    half = math.sqrt(share * (1 - share) * spread + spread**2 / 4) / (1 + spread)
    return max(middle - half, 0.0), min(middle + half, 1.0)
