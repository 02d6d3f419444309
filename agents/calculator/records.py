"""What the calculator gives back."""

from typing import Literal

from agents.records import Record

Kind = Literal["arithmetic", "percent", "units", "dates"]


class Calculation(Record):
    """An exact answer, and how it came about."""

    text: str
    """The answer as the asker wants to read it; a rounded one shows its question and `≈`."""
    kind: Kind
    exact: str
    """The value without rounding or unit: a decimal, a fraction such as `10/3`, `sqrt(2)`, an ISO date, a weekday."""
    steps: str
    """The derivation in one line, which also tells how the prompt was read."""
