"""Measures what a model's efforts do, by real calls: a server that ignores effort says nothing of it."""

from collections.abc import Sequence
from contextlib import aclosing
from datetime import datetime

from agents.model import Completion, Model, ModelRequest
from agents.records import ChatMessage, Effort, Record, Sampling

_QUESTION = "A train leaves at 9:40 and arrives at 13:05. It stood still for 35 minutes. How long did it move?"
_CHANCE = 0.25
"""Share by which the lengths of two answers to the same question may differ though nothing was thought in either."""


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


class Measured(Record):
    """What a model's efforts did when they were measured."""

    settings: str
    """What was measured: the server, the model's name there, what each effort sends."""
    at: datetime
    rows: tuple[Probed, ...]
    """Weakest effort first."""

    @property
    def real(self) -> tuple[Effort, ...]:
        """The efforts that made a difference: of those that came to the same thinking, the weakest."""
        kept: list[Probed] = []
        for row in self.rows:
            if not kept or not _alike(kept[-1], row, counted=self._counted):
                kept.append(row)
        return tuple(row.effort for row in kept)

    @property
    def has_effect(self) -> bool:
        return len(self.real) > 1

    @property
    def says(self) -> str:
        """In a line."""
        return verdict(self.rows)

    @property
    def _counted(self) -> bool:
        return any(row.reasoning_tokens for row in self.rows)


def verdict(rows: Sequence[Probed]) -> str:
    """Say in a line whether effort makes a difference."""
    if len({row.sent for row in rows}) < 2:
        return "one effort only: there is nothing to compare"
    lowest, highest = rows[0], rows[-1]
    counted = any(row.reasoning_tokens for row in rows)
    kind = "reasoning" if counted else "output"
    first, last = (_tokens(row, counted=counted) for row in (lowest, highest))
    if all(_alike(lowest, row, counted=counted) for row in rows[1:]):
        return f"effort has no effect: {first} {kind} tokens at {lowest.sent} and {last} at {highest.sent}"
    return f"effort has an effect: {first} {kind} tokens at {lowest.sent}, {last} at {highest.sent}"


def _tokens(row: Probed, *, counted: bool) -> int:
    return row.reasoning_tokens if counted else row.output_tokens


def _alike(one: Probed, other: Probed, *, counted: bool) -> bool:
    """Whether two efforts come to the same: as much thinking, or as long an answer where no thinking is counted."""
    first, second = _tokens(one, counted=counted), _tokens(other, counted=counted)
    return first == second if counted else abs(first - second) <= _CHANCE * max(first, second)


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
