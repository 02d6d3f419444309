"""Who reads a question that may be a calculation; imported when the first such question is asked."""

import datetime as dt
from collections.abc import Callable, Sequence

from agents.calculator.arithmetic import arithmetic
from agents.calculator.bases import bases
from agents.calculator.clock import clock
from agents.calculator.dates import dates
from agents.calculator.framing import LONGEST, one_line, unframe
from agents.calculator.lookup import attached_table, lookup, separator_of
from agents.calculator.number_forms import number_forms
from agents.calculator.percent import percent
from agents.calculator.records import Calculation, Framed
from agents.calculator.reshape import reshape, reshaped
from agents.calculator.statistics import statistics
from agents.calculator.units import units
from agents.calculator.vocabulary import mentions_data
from agents.records import Attachment

__all__ = ["READERS", "on_table", "read", "reshape"]

Reader = Callable[[Framed, dt.date | None], Calculation | None]

READERS: Sequence[Reader] = (
    lambda framed, _: percent(framed),
    lambda framed, _: arithmetic(framed),
    lambda framed, _: number_forms(framed),
    lambda framed, _: units(framed),
    dates,
    lambda framed, _: clock(framed),
    lambda framed, _: bases(framed),
    lambda framed, _: statistics(framed),
)
"""In order; where two can read a question, they say the same."""


def read(line: str, today: dt.date | None) -> Calculation | None:
    """Compute what a question in one line asks."""
    framed = unframe(line)
    if framed is None:
        return None
    if len(line) > LONGEST:
        return statistics(framed)
    return next((found for reader in READERS if (found := reader(framed, today))), None)


def on_table(prompt: str, tables: Sequence[Attachment]) -> Calculation | None:
    """Do what the prompt says with the one table that came with it, or answer what it asks of it."""
    line = one_line(prompt)
    if line is None or len(tables) != 1:
        return None
    if mentions_data(line) and (done := reshaped(line, tables[0].text)):
        return done
    framed = unframe(line) if separator_of(tables[0]) else None
    table = attached_table(tables) if framed else None
    return lookup(framed, table) if framed and table else None
