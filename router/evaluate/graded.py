"""Prompts whose answers by several models were graded: what an evaluation is made on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Graded:
    """One prompt with the quality of each model's answer, and what is known of the answers' cost."""

    prompt: str
    quality: Mapping[str, float]
    """By model; usually 0 to 1, 1 is best."""
    usd: Mapping[str, float] = field(default_factory=dict[str, float])
    seconds: Mapping[str, float] = field(default_factory=dict[str, float])
    tokens: Mapping[str, float] = field(default_factory=dict[str, float])
    """Output tokens."""
    sub: str = ""
    """Its subject or task as the data has it; empty where it has none."""


def models_of(prompts: Iterable[Graded]) -> list[str]:
    """The models with at least one graded answer, in the order they appear."""
    return list(dict.fromkeys(model for one in prompts for model in one.quality))
