"""Exact answers without a model, for prompts that are a calculation from the first word to the last.

A prompt is read whole or not at all: whatever does not parse, or can be read in two ways, is left to a model. So a
wrong answer needs a wrong rule, never an unlucky prompt.
"""

import datetime as dt
from collections.abc import Sequence

from agents.calculator.framing import one_line
from agents.calculator.records import Calculation
from agents.calculator.vocabulary import may_be_calculation, mentions_data
from agents.records import Attachment

__all__ = ["Calculation", "calculate"]


def calculate(prompt: str, *, today: dt.date | None = None, tables: Sequence[Attachment] = ()) -> Calculation | None:
    """Compute what the prompt asks, exactly; None where it is not wholly a calculation with one reading.

    Args:
        prompt: The user's words.
        today: The asker's date; without it, prompts that depend on it ("days until ...") are not taken.
        tables: The files that came with the prompt; with any, only a question about the one table is taken.
    """
    line = None
    if not tables and not mentions_data(prompt):
        line = one_line(prompt)
        if line is None or not may_be_calculation(line):
            return None
    # Every process imports this package, and few prompts come as far as here.
    from agents.calculator.readers import on_table, read, reshape

    if tables:
        return on_table(prompt, tables)
    return reshape(prompt) if line is None else read(line, today)
