"""What a rung is expected to use, and what it may use at most: tokens, US dollars, seconds."""

import json
import math
from decimal import Decimal
from typing import NamedTuple

from agents.records import Effort, MethodName, Task
from router.quality import Outlook
from router.records import ModelCard
from router.tables import Tables

BYTES_PER_TOKEN = 3.5
"""Of the prompt's UTF-8: a careful figure for English; a Chinese or Japanese character counts as most of a token."""
_TOKENS_PER_MESSAGE = 4
_WORST = 4
"""An answer whose length nobody limited is taken to be at most so many times its usual length."""
_WAITING_TOKENS = 200
"""What each request that waits in front is taken to write."""
_MILLION, _MILLIONTH, _NO_USD = 1_000_000, Decimal("0.000001"), Decimal(0)
_ROUNDING = 1e-6
"""What sums of floats may be off by, in millionths: an exact price is not rounded up."""


class Cost(NamedTuple):
    """What one rung is expected to use."""

    input_tokens: int
    output_tokens: int
    usd: Decimal
    seconds: float
    """From sending the request to its last token, the wait in the model's queue included."""
    gpu_seconds: float
    """Of the machine that is paid by the hour; 0 where tokens are paid for."""
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


def answer_tokens(outlook: Outlook, task: Task, card: ModelCard, effort: Effort) -> int:
    """Estimate what one call writes, thinking included, in all the choices that are wanted."""
    usual, sampling = round(outlook.output_tokens(card, effort)), task.sampling
    return max(min(usual, sampling.max_output_tokens or usual), 1) * sampling.n


def cost(
    card: ModelCard,
    task: Task,
    *,
    input_tokens: int,
    output_tokens: int,
    tables: Tables,
    method: MethodName = "direct",
    samples: int = 1,
    slowness: float = 1.0,
) -> Cost:
    """Price one rung.

    Args:
        card: The model that is called.
        task: What is asked; its limits hold for each call.
        input_tokens: Of one call.
        output_tokens: Of one answer.
        tables: Hold what the method sends and writes.
        method: How the model is asked.
        samples: How often.
        slowness: Seconds seen here for each that the card's paces say.
    """
    way, sampling = tables.methods[method], task.sampling
    room = max(card.context_tokens - input_tokens, output_tokens)
    longest = min((sampling.max_output_tokens or 0) * sampling.n or _WORST * output_tokens, room)
    prompts = way.prompts_once + way.prompts_each * (1 if card.shared_prefix and way.parallel else samples)
    answers, rereads = way.answers_once + way.answers_each * samples, way.rereads * samples
    read, written = math.ceil(prompts * input_tokens + rereads * output_tokens), math.ceil(answers * output_tokens)
    worst_read, worst_written = math.ceil(prompts * input_tokens + rereads * longest), math.ceil(answers * longest)
    lanes, calls = (min(samples, card.parallel_answers), samples) if way.parallel else (1, 1)
    reading, writing = card.prefill_tokens_per_second, card.decode_tokens_per_second * lanes
    working = (read / reading + written / writing) * slowness
    worst_working = (worst_read / reading + worst_written / writing) * max(slowness, 1.0)
    occupied = calls * working  # each call is charged for its own time on the machine
    input_price, output_price = float(card.usd_per_million_input_tokens), float(card.usd_per_million_output_tokens)
    machine = float(card.usd_per_hour) * _MILLION / 3600
    return Cost(
        read,
        written,
        _usd(input_price * read + output_price * written + machine * occupied),
        card.queue * _WAITING_TOKENS / card.decode_tokens_per_second + working,
        occupied if machine else 0.0,
        worst_read + worst_written,
        _usd(input_price * worst_read + output_price * worst_written + machine * calls * worst_working),
    )


def _usd(millionths: float) -> Decimal:
    """In whole millionths, rounded up: a plan may not cost more than it says for want of a digit."""
    return math.ceil(millionths - _ROUNDING) * _MILLIONTH if millionths else _NO_USD
