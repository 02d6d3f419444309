"""How sure a model was while it wrote, from its log-probabilities: what a sample's vote may weigh.

DeepConf (Fu et al. 2025, arXiv 2508.15260): the confidence of a token is the mean of -log p over the likeliest tokens
at its place, and that of an answer the lowest mean over a window, its weakest passage. The window is shorter than the
paper's 1024, as answers without a long thought are; weights are kept within two to one.
"""

from collections.abc import Sequence
from typing import cast

from agents.records import Json

WINDOW_TOKENS = 128
CERTAIN = 10.0
"""Confidence that gives the full weight: the highest lowest passages of Qwen2.5-Coder-1.5B on GSM8K are about 9."""
LEAST_WEIGHT = 0.5
_FLOOR = -50.0
"""A token that is ruled out has no finite log-probability."""


def weight(logprobs: Json | None) -> float:
    """Weight of a vote, from `LEAST_WEIGHT` to 1; 1 where the server gave no log-probabilities."""
    tokens = _token_confidences(logprobs)
    return weight_of(tokens) if tokens else 1.0


def weight_of(tokens: Sequence[float]) -> float:
    """Weight of a vote by the confidence of each token, in order."""
    return LEAST_WEIGHT + (1 - LEAST_WEIGHT) * min(max(lowest_group(tokens), 0.0) / CERTAIN, 1.0)


def lowest_group(tokens: Sequence[float], window: int = WINDOW_TOKENS) -> float:
    """The lowest mean over any `window` neighbours; the mean of all where there are fewer."""
    width = min(window, len(tokens))
    total = lowest = sum(tokens[:width])
    for place in range(width, len(tokens)):
        total += tokens[place] - tokens[place - width]
        lowest = min(lowest, total)
    return lowest / width


def _token_confidences(logprobs: Json | None) -> list[float]:
    """By token: the mean of -log p over the likeliest ones; empty where they were not given for each."""
    found: list[float] = []
    for token in cast("list[Json]", (logprobs or {}).get("content") or []):
        likeliest = [max(float(other["logprob"]), _FLOOR) for other in token.get("top_logprobs") or ()]
        if not likeliest:
            return []
        found.append(-sum(likeliest) / len(likeliest))
    return found
