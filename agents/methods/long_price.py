"""What the long pass is expected to take, before it is begun."""

import math
from decimal import Decimal
from typing import Protocol

from agents.methods.sections import sections
from agents.records import Record, Task, Usd

CHARACTERS_PER_TOKEN = 3.5
"""A careful figure for English."""
SECTION_TOKENS = 1500
"""Of a section: a small model's context holds it with the question and what is written about it."""
FINDINGS_PER_SECTION = 2.0
"""Assumed, as is the length of what is written."""
NOTES_TOKENS = 250
"""Written on a section."""
LOOK_TOKENS = 80
"""Written by a second look at one finding."""
CRITIQUE_TOKENS = 350
INSTRUCTION_TOKENS = 200
"""Around what is read in each call."""
_MILLION = 1_000_000


class Prices(Protocol):
    """What is asked of a model's card."""

    @property
    def usd_per_million_input_tokens(self) -> Decimal: ...
    @property
    def usd_per_million_output_tokens(self) -> Decimal: ...
    @property
    def usd_per_hour(self) -> Decimal: ...
    @property
    def prefill_tokens_per_second(self) -> float: ...
    @property
    def decode_tokens_per_second(self) -> float: ...


class Estimate(Record):
    """What is expected of all the calls together."""

    calls: int
    input_tokens: int
    output_tokens: int
    usd: Usd
    seconds: float
    """One call after the other: with several side by side it is less."""

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


def is_long(task: Task, *, section_tokens: int = SECTION_TOKENS) -> bool:
    """Whether the task's documents are more than one section."""
    return sum(len(one.text) for one in task.attachments) > section_tokens * CHARACTERS_PER_TOKEN


def estimate(
    task: Task,
    prices: Prices,
    *,
    samples: int = 8,
    rounds: int = 2,
    answer_tokens: int = 1000,
    section_tokens: int = SECTION_TOKENS,
) -> Estimate:
    """Price the long pass of a task with one model.

    Args:
        task: What is asked.
        prices: The model's card.
        samples: Of the hard problem.
        rounds: Of its verification, and of its refinement, at most: all are counted.
        answer_tokens: Written in one answer, thinking included.
        section_tokens: Of a section of a long document.
    """
    asked = _tokens("".join(message.content for message in task.messages)) + INSTRUCTION_TOKENS
    if is_long(task, section_tokens=section_tokens):
        return _priced(*_document(task, asked, answer_tokens, section_tokens), prices)
    documents = sum(_tokens(one.text) for one in task.attachments)
    return _priced(*_problem(asked + documents, samples, rounds, answer_tokens), prices)


def _document(task: Task, asked: int, answer_tokens: int, section_tokens: int) -> tuple[int, int, int]:
    parts = sections(task.attachments, int(section_tokens * CHARACTERS_PER_TOKEN))
    read = sum(_tokens(part.text) + asked for part in parts)
    looks = math.ceil(FINDINGS_PER_SECTION * len(parts))
    looked_at = math.ceil(FINDINGS_PER_SECTION * read)
    reported = asked + looks * LOOK_TOKENS
    written = NOTES_TOKENS * len(parts) + LOOK_TOKENS * looks + answer_tokens
    return len(parts) + looks + 1, read + looked_at + reported, written


def _problem(asked: int, samples: int, rounds: int, answer_tokens: int) -> tuple[int, int, int]:
    read_over = asked + answer_tokens
    judged = 2 * (rounds + 1) + (rounds + 1)  # a verification and its meta-verification a candidate; then a critique
    rewritten = 2 * rounds
    return (
        samples + judged + rewritten,
        samples * asked + (judged + rewritten) * read_over,
        (samples + rewritten) * answer_tokens + judged * CRITIQUE_TOKENS,
    )


def _priced(calls: int, read: int, written: int, prices: Prices) -> Estimate:
    seconds = read / prices.prefill_tokens_per_second + written / prices.decode_tokens_per_second
    tokens = prices.usd_per_million_input_tokens * read + prices.usd_per_million_output_tokens * written
    machine = prices.usd_per_hour * Decimal(seconds) * _MILLION / 3600
    usd = Decimal(math.ceil(tokens + machine)).scaleb(-6)
    return Estimate(calls=calls, input_tokens=read, output_tokens=written, usd=usd, seconds=seconds)


def _tokens(text: str) -> int:
    return math.ceil(len(text.encode("utf-8", "surrogatepass")) / CHARACTERS_PER_TOKEN)
