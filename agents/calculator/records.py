"""What the calculator is given and gives back."""

from dataclasses import dataclass
from typing import Literal

from agents.records import Record

Kind = Literal["arithmetic", "percent", "units", "dates", "bases", "statistics", "reshape", "lookup"]


class Calculation(Record):
    """An exact answer, and how it came about."""

    text: str
    """The answer as the asker wants to read it; a rounded one shows its question and `≈`."""
    kind: Kind
    exact: str
    """The value without rounding or unit: a decimal, a fraction such as `10/3`, `sqrt(2)`, an ISO date, a weekday,
    digits without a base's prefix; for data, the answer itself."""
    steps: str
    """The derivation in one line, which also tells how the prompt was read."""


@dataclass(frozen=True, slots=True)
class Framed:
    """The question itself, without the words around it."""

    text: str
    explicit: bool
    """The asker said that it is to be computed: `calculate`, `how much is`, `=`."""
