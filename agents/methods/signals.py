"""What an answer shows of its own chance of being right, before anybody looks it over."""

from collections.abc import Mapping, Sequence
from typing import cast

from agents.records import Answer, Json, Task
from agents.voting.confidence import lowest_group
from agents.voting.extract import Extracted, final_answer, kind_of, options_of

WINDOW_TOKENS = 32
"""An answer is as sure as its least sure passage of this length (after DeepConf, arXiv 2508.15260, with 1024)."""
_FLOOR = -50.0
"""A token that was ruled out has no finite log-probability."""


def read(answer: Answer, task: Task) -> Extracted:
    """What the answer comes to."""
    cut = answer.choices[0].finish_reason == "length"
    return final_answer(answer.text, kind_of(task), options=options_of(task.prompt), cut=cut)


def signals_of(
    answer: Answer, found: Extracted, earlier: Sequence[Extracted], *, confidence: str = "vote"
) -> dict[str, float]:
    """The signals by name; more is better in each, and one that there is none of is not there.

    Args:
        answer: What is looked at.
        found: What it comes to.
        earlier: What other models' answers to the same task came to.
        confidence: The name of what its method gives as its confidence: `vote` is the share of the samples.
    """
    signals = logprob_signals(_logprobs(answer.choices[0].logprobs))
    if answer.confidence is not None:
        signals[confidence] = answer.confidence
    others = [one.form for one in earlier if one.form is not None]
    if found.form is not None and others:
        signals["agrees"] = float(found.form in others)
    return signals


def logprob_signals(logprobs: Sequence[float]) -> dict[str, float]:
    """Those of the log-probabilities of the tokens that were chosen: their sum, and the mean of the weakest passage.

    The sum is that of the whole answer, and falls with its length: what takes more steps goes wrong more often. Here it
    tells more than the mean does (Gupta et al. 2024, arXiv 2404.10136, compare the two for cascades).
    """
    if not logprobs:
        return {}
    return {"logprob_sum": sum(logprobs), "logprob_low": lowest_group(logprobs, WINDOW_TOKENS)}


def _logprobs(given: Json | None) -> list[float]:
    tokens = cast("list[Mapping[str, float]]", (given or {}).get("content") or [])
    return [max(float(token["logprob"]), _FLOOR) for token in tokens]
