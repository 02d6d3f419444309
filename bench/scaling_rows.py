"""One line of the table of inference scaling, and the interval that stands beside a figure."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

SEED = 0
RESAMPLED = 10_000
COLUMNS = ("what", "at least", "measured", "95 %", "n", "model", "samples and seeds", "tokens")

Unit = TypeVar("Unit")


@dataclass(frozen=True, kw_only=True)
class Row:
    """A figure that was measured, beside the line it has to reach."""

    what: str
    line: str = ""
    """What it has to reach; empty where it only stands beside."""
    measured: str
    interval: str = ""
    """95 % by bootstrap over the problems, paired where two ways are compared."""
    n: str
    """Of what, and how many."""
    model: str = ""
    seeds: str = ""
    """How many samples, at which temperature, and the seeds."""
    tokens: str = ""
    """Read and written, for each problem."""
    listed: tuple[str, ...] = ()
    """What is counted in the figure, one by one; below the table."""


def interval(units: Sequence[Unit], statistic: Callable[[Sequence[Unit]], float]) -> tuple[float, float]:
    """The 95 % percentile bootstrap of a figure over problems: each is drawn with all that belongs to it."""
    draw = random.Random(SEED)
    found = sorted(statistic(draw.choices(units, k=len(units))) for _ in range(RESAMPLED))
    return found[int(RESAMPLED * 0.025)], found[int(RESAMPLED * 0.975)]


def points(value: float) -> str:
    """A difference of two shares."""
    return f"{100 * value:+.1f} points"


def span(ends: tuple[float, float], form: Callable[[float], str]) -> str:
    """An interval in words."""
    return " to ".join(form(end) for end in ends)


def percent(value: float) -> str:
    """A share."""
    return f"{100 * value:.1f} %"


HEAD = "".join(f"| {' | '.join(cells)} |\n" for cells in (COLUMNS, ("---",) * len(COLUMNS)))


def line(row: Row) -> str:
    """The row in the table."""
    cells = (row.what, row.line, row.measured, row.interval, row.n, row.model, row.seeds, row.tokens)
    return f"| {' | '.join(cells)} |\n"


def lists(rows: Sequence[Row]) -> str:
    """What is counted in the rows, below the table."""
    return "".join(f"\n{row.what}:\n\n" + "".join(f"- {one}\n" for one in row.listed) for row in rows if row.listed)


def markdown(rows: Sequence[Row]) -> str:
    """The table, and below it what is counted in it."""
    return HEAD + "".join(map(line, rows)) + lists(rows)
