"""One number for a prompt: how much a large model is worth on it."""

from router.features import features
from router.residual import gain
from router.tasktype import task_type


def score(prompt: str) -> float:
    """Higher is harder: rank prompts by it, and send the highest to the large model."""
    seen = features(prompt)
    return gain(prompt, seen, task_type(prompt, seen)).score
