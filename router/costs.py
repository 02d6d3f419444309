"""What a rung is expected to use, and what it may use at most: tokens, US dollars, seconds."""

import json
from decimal import Decimal

from agents.records import Effort, Record, Task
from router.records import ModelCard
from router.tables import Tables
from router.tasktype import Posterior

BYTES_PER_TOKEN = 3.5
"""Of the prompt's UTF-8: a careful figure for English; a Chinese or Japanese character counts as most of a token."""
_TOKENS_PER_MESSAGE = 4
_WORST = 4
"""An answer whose length nobody limited is taken to be at most so many times its usual length."""
_WAITING_TOKENS = 200
"""What each request that waits in front is taken to write."""
_MILLION = 1_000_000


class Cost(Record):
    """What one call is expected to use."""

    input_tokens: int
    output_tokens: int
    usd: Decimal
    seconds: float
    """From sending the request to its last token, the wait in the model's queue included."""
    worst_tokens: int
    worst_usd: Decimal


def prompt_tokens(task: Task) -> int:
    """Estimate the tokens of everything that is sent: messages, attachments, tools, schema."""
    texts = [message.content for message in task.messages]
    texts += [call.arguments for message in task.messages for call in message.tool_calls]
    texts += [attachment.text for attachment in task.attachments]
    texts += [json.dumps(tool.model_dump()) for tool in task.tools]
    texts += [json.dumps(task.response_schema)] if task.response_schema else []
    size = sum(len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass")) for text in texts)
    return int(size / BYTES_PER_TOKEN) + _TOKENS_PER_MESSAGE * len(task.messages) + 1


def answer_tokens(tables: Tables, posterior: Posterior, task: Task, effort: Effort) -> int:
    """Estimate what is written, thinking included, in all the choices that are wanted."""
    thinking = tables.efforts[effort].tokens
    usual = sum(
        probability * (tables.types[kind].output_tokens + thinking * tables.types[kind].thinking)
        for kind, probability in posterior.items()
    )
    return max(min(round(usual), task.sampling.max_output_tokens or round(usual)), 1) * task.sampling.n


def cost(card: ModelCard, task: Task, *, input_tokens: int, output_tokens: int) -> Cost:
    """Price one call of a model."""
    room = max(card.context_tokens - input_tokens, output_tokens)
    longest = min((task.sampling.max_output_tokens or 0) * task.sampling.n or _WORST * output_tokens, room)
    working = _working(card, input_tokens, output_tokens)
    waiting = card.queue * _WAITING_TOKENS / card.decode_tokens_per_second
    return Cost(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        usd=_usd(card, input_tokens, output_tokens, working),
        seconds=waiting + working,
        worst_tokens=input_tokens + longest,
        worst_usd=_usd(card, input_tokens, longest, _working(card, input_tokens, longest)),
    )


def _working(card: ModelCard, input_tokens: int, output_tokens: int) -> float:
    return input_tokens / card.prefill_tokens_per_second + output_tokens / card.decode_tokens_per_second


def _usd(card: ModelCard, input_tokens: int, output_tokens: int, seconds: float) -> Decimal:
    tokens = card.usd_per_million_input_tokens * input_tokens + card.usd_per_million_output_tokens * output_tokens
    usd = tokens / _MILLION + card.usd_per_hour * Decimal(round(seconds, 3)) / 3600
    return usd.quantize(Decimal("0.000001")) if usd else Decimal(0)
