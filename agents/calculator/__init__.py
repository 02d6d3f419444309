"""Exact answers without a model, for prompts that are a calculation from the first word to the last.

A prompt is read whole or not at all: whatever does not parse, or can be read in two ways, is left to a model. So a
wrong answer needs a wrong rule, never an unlucky prompt.
"""

import datetime as dt
from collections.abc import Callable, Mapping

from agents.calculator.arithmetic import arithmetic
from agents.calculator.dates import dates
from agents.calculator.framing import Framed, unframe
from agents.calculator.percent import percent
from agents.calculator.records import Calculation, Kind
from agents.calculator.units import units

__all__ = ["READERS", "Calculation", "calculate"]

Reader = Callable[[Framed, dt.date | None], Calculation | None]

READERS: Mapping[Kind, Reader] = {
    "percent": lambda framed, _: percent(framed),
    "arithmetic": lambda framed, _: arithmetic(framed),
    "units": lambda framed, _: units(framed),
    "dates": dates,
}
"""Who reads a prompt, in order; no prompt is readable by two."""


def calculate(prompt: str, *, today: dt.date | None = None) -> Calculation | None:
    """Compute what the prompt asks, exactly; None where it is not wholly a calculation with one reading.

    Args:
        prompt: The user's words.
        today: The asker's date; without it, prompts that depend on it ("days until ...") are not taken.
    """
    framed = unframe(prompt)
    if framed is None:
        return None
    return next((found for read in READERS.values() if (found := read(framed, today))), None)
