"""The fitted tables that the router ships with: read once, from the file beside it."""

from functools import lru_cache
from pathlib import Path

from agents.records import Effort, Json, Record
from router.tasktype import TaskType

QUALITY = Path(__file__).parent / "tables" / "quality.json"


class TypeRow(Record):
    """What is known of one task type. Quality is a straight line on the logit scale.

    logit(quality) = level + size * x + tiny * y + length * z + length_size * x * z, with x = log10(billions of
    parameters) - 1, y = log10(3 / billions) below 3 billion, else 0, and z = ln((1 + words) / 60). Read off,
    what multiplies x is held at 0.1 or more.
    """

    level: float
    size: float
    tiny: float
    length: float
    length_size: float
    spread: float
    """How far models of one size lie apart: standard deviation of their logits."""
    rows: int
    """Graded answers behind it; 0: assumed."""
    models: int
    output_tokens: int
    """An answer's usual length without thinking."""
    thinking: float
    """How much of the lift of an effort it gets, 0 to 1."""
    samples: float
    """Logits gained by each doubling of samples that vote, where the model is right more often than not."""
    observed: tuple[tuple[float, float, int], ...]
    """Log10 of the size in billions, mean quality, graded answers: what the line was drawn through."""
    source: str


class EffortRow(Record):
    """What thinking harder is taken to change."""

    lift: float
    """Logits of quality against no thinking, for a type that gains all of it."""
    tokens: int
    """Thinking tokens for a type that gains all of it."""


class Tables(Record):
    """`tables/quality.json`."""

    about: Json
    """The command that made it, its sources and their licences, and what is assumed."""
    types: dict[TaskType, TypeRow]
    efforts: dict[Effort, EffortRow]


@lru_cache(maxsize=1)
def load_tables() -> Tables:
    """Read the shipped tables, the first time they are asked for."""
    return Tables.model_validate_json(QUALITY.read_bytes())
