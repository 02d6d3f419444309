"""Measures what a model's efforts do, by real calls: a server that ignores effort says nothing of it."""

from collections.abc import Sequence
from contextlib import aclosing

from agents.model import Completion, Model, ModelRequest
from agents.records import ChatMessage, Effort, Record, Sampling

_QUESTION = "A train leaves at 9:40 and arrives at 13:05. It stood still for 35 minutes. How long did it move?"


class Probed(Record):
    """One effort, as it was measured."""

    effort: Effort
    """What was asked for."""
    sent: Effort
    """What the catalog's map made of it."""
    reasoning_tokens: int
    output_tokens: int
    first_token_seconds: float | None
    seconds: float


async def probe_efforts(
    model: Model, *, efforts: Sequence[Effort], max_output_tokens: int | None = None
) -> tuple[Probed, ...]:
    """Ask the same question at each effort, one after the other."""
    return tuple([await _probe(model, effort, max_output_tokens) for effort in efforts])


def verdict(rows: Sequence[Probed]) -> str:
    """Say in a line whether effort makes a difference."""
    if len({row.sent for row in rows}) < 2:
        return "one effort only: there is nothing to compare"
    lowest, highest = rows[0], rows[-1]
    if lowest.reasoning_tokens == highest.reasoning_tokens:
        return (
            f"effort has no effect: {lowest.reasoning_tokens} reasoning tokens at {lowest.sent} and at {highest.sent}"
        )
    return (
        f"effort has an effect: {lowest.reasoning_tokens} reasoning tokens at {lowest.sent}, "
        f"{highest.reasoning_tokens} at {highest.sent}"
    )


async def _probe(model: Model, effort: Effort, max_output_tokens: int | None) -> Probed:
    request = ModelRequest(
        messages=(ChatMessage(role="user", content=_QUESTION),),
        effort=effort,
        sampling=Sampling(max_output_tokens=max_output_tokens, temperature=0),
    )
    async with aclosing(model.stream(request)) as events:
        async for event in events:
            if isinstance(event, Completion):
                return Probed(
                    effort=effort,
                    sent=event.effort,
                    reasoning_tokens=event.usage.reasoning_tokens,
                    output_tokens=event.usage.output_tokens,
                    first_token_seconds=event.first_token_seconds,
                    seconds=event.seconds,
                )
    raise AssertionError(f"{model.id} ended its stream without a completion")
