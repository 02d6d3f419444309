"""The fitted tables that the router ships with: read once, from the file beside it."""

import re
from functools import lru_cache
from pathlib import Path

from agents.records import Effort, Json, MethodName, Record
from router.tasktype import TaskType

QUALITY = Path(__file__).parent / "tables" / "quality.json"


class TypeRow(Record):
    """What is known of one task type. Quality is a straight line on the logit scale, over a model's ability.

    logit(quality) = level + slope * a + length * z + length_slope * a * z, with a = the model's ability, and
    z = ln((1 + words) / 60). Read off, what multiplies a is held above 0.
    """

    level: float
    slope: float
    """Logits for each decade of ability: the item slope of item response theory, shared by a type."""
    length: float
    length_slope: float
    spread: float
    """How far a model lies from its own ability in this type: standard deviation in logits."""
    rows: int
    """Graded answers behind it; 0: assumed."""
    models: int
    output_tokens: int
    """An answer's usual length without thinking."""
    output_rows: int
    """Answers whose length was measured; 0: assumed."""
    thinking: float
    """How much of the lift of an effort or a second look it gets, 0 to 1; assumed."""
    votes: float
    """Logits gained by each doubling of samples that vote, where the model is right more often than not; assumed."""
    picks: float
    """Logits gained by each doubling of drafts that the model itself picks from; assumed."""
    observed: tuple[tuple[float, float, int], ...]
    """Log10 of the size in billions, mean quality, graded answers: what the line was drawn through."""
    source: str


class SizeRow(Record):
    """The ability of a model of which nothing but the size is known: log10(billions) - 1, with a spread."""

    tiny: float
    """Ability for each log10(3 / billions) below 3 billion parameters: the smallest lose more by each halving."""
    spread: float
    """Standard deviation of the ability of models of one size, in decades."""
    models: int
    """Models of known size behind it."""


class ModelRow(Record):
    """A model that was in the data, under its name without maker and packing."""

    ability: float
    """In decades of size: 0 is as good as the usual model of 10 billion parameters, 1 as one of 100."""
    spread: float
    offsets: dict[TaskType, tuple[float, float]]
    """Logits by which it is better in a type than its ability says, shrunk towards 0, and their standard deviation."""
    rows: int
    """Graded answers behind it."""


class EffortRow(Record):
    """What thinking harder is taken to change."""

    lift: float
    """Logits of quality against no thinking, for a type that gains all of it."""
    tokens: int
    """Thinking tokens for a type that gains all of it."""
    rows: int = 0
    """Graded answers behind it; 0: assumed."""


class MethodRow(Record):
    """What a way of asking changes against asking once; all of it assumed, as long as `rows` is 0.

    It sends the prompt `prompts_once + prompts_each * samples` times, reads `rereads` answers back for each sample,
    and writes `answers_once + answers_each * samples` answers.
    """

    lift: float = 0.0
    """Logits of quality, for a type that gains all of the lift of thinking."""
    votes: float = 0.0
    """Share of a type's `votes` that each doubling of samples gains."""
    picks: float = 0.0
    """The same of its `picks`."""
    prompts_once: float = 0.0
    prompts_each: float = 1.0
    rereads: float = 0.0
    answers_once: float = 0.0
    answers_each: float = 1.0
    parallel: bool = False
    """The samples are written side by side."""
    rows: int = 0


class Tables(Record):
    """`tables/quality.json`."""

    about: Json
    """The command that made it, its sources and their licences, and what is assumed."""
    sizes: SizeRow
    types: dict[TaskType, TypeRow]
    efforts: dict[Effort, EffortRow]
    methods: dict[MethodName, MethodRow]
    models: dict[str, ModelRow]
    """By canonical name."""


@lru_cache(maxsize=1)
def load_tables() -> Tables:
    """Read the shipped tables, the first time they are asked for."""
    return Tables.model_validate_json(QUALITY.read_bytes())


_PACKING = re.compile(r"(?:q\d\w*|[bf]p?\d+|w\d+a\d+|int\d|[48]bit|awq|gptq|gguf|mlx|dynamic|instruct|inst|chat|it|hf)")
_NOISE = {"meta", "turbo", "c4ai", "k", "m", "s"}


@lru_cache(maxsize=1024)
def canonical(name: str) -> str:
    """Reduce a model's name to family, version and size: without maker, packing, and word for its tuning.

    `meta-llama/Llama-3.1-8B-Instruct-AWQ` and `Meta-Llama-3_1-8B-Instruct` are both `llama-3.1-8b`.
    """
    last = name.rsplit("/", 1)[-1].lower()
    dotted = re.sub(r"(?<=\d)_(?=\d)", ".", last).replace("_", "-").replace(":", "-")
    # Ollama writes `llama3.1:8b` where the maker writes `Llama-3.1-8B`.
    parts = re.sub(r"(?<=[a-z]{3})(?<!int)(?=\d)", "-", dotted).split("-")
    kept = [part for part in parts if part and part not in _NOISE and not _PACKING.fullmatch(part)]
    return "-".join(kept)
