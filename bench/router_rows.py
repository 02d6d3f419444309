"""One line of the router's table of figures."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A figure that was measured, beside the line it has to reach."""

    what: str
    line: str
    """What it has to reach, in words: `>= .72`."""
    value: float
    low: float | None
    """Lower end of the 95 % interval; None where there is none."""
    high: float | None
    n: int
    """Prompts, or repetitions, behind it."""
    note: str = ""
