"""The conversation with one model server: its turn to be asked, its limits of time, its stream, its count and its price."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal
from time import monotonic
from typing import Any, Literal

import httpx
from pydantic import BaseModel, ValidationError

from agents.errors import MalformedOutput, PointsmanError, Unavailable
from agents.model import Completion, Delta, ModelRequest
from agents.records import Effort, Json, Record, Usage
from services.models.catalog import ModelEntry
from services.models.refusals import TooSlow, frame_refusal, refusal
from services.models.sse import read_data
from services.models.wire import Assembly, ErrorFrame, UsageRule, input_estimate, max_tokens

log = logging.getLogger(__name__)

_MAX_REFUSAL_BYTES = 100_000
_MILLION = Decimal(1_000_000)
_SECONDS_PER_HOUR = 3600


class Timeouts(Record):
    """How long a model server is waited for. The defaults let a busy processor do what a graphics card does at once."""

    connect_seconds: float = 10.0
    first_byte_seconds: float = 300.0
    """From the request to the first frame of the answer: the queue and the reading of the prompt."""
    idle_seconds: float = 120.0
    """Between two pieces of the answer."""
    total_seconds: float = 1800.0
    """From the call to the last byte, our own queue included."""


class _Served(BaseModel):
    id: str


class _ServedList(BaseModel):
    data: list[_Served]


class ChatServer:
    """A server of one model, asked within its limits. Three adapters speak through it, each in its own dialect."""

    def __init__(
        self, entry: ModelEntry, client: httpx.AsyncClient, *, usage_rule: UsageRule, timeouts: Timeouts | None = None
    ) -> None:
        self.entry = entry
        self._client = client
        self._usage_rule: UsageRule = usage_rule
        self._timeouts = timeouts or Timeouts()
        self._slots = asyncio.Semaphore(entry.max_parallel)
        self._known = False
        self.waiting = 0
        """Calls of this process that wait for their turn."""

    async def stream(self, body: Json, *, effort: Effort) -> AsyncGenerator[Delta | Completion]:
        """Send a chat body, yield the pieces of the answer and, last, the whole.

        Args:
            body: As `chat_body` makes it.
            effort: What the body asks for; it is named in the completion.

        Raises:
            InvalidTask: the server refuses the request as it stands.
            Unavailable: the server is down, full or too slow.
            MalformedOutput: the reply broke off, or is not what the protocol says.
        """
        if not self.entry.available:
            raise Unavailable(f"model {self.entry.id} has no server: its url in the catalog is empty")
        began = monotonic()
        first_token: float | None = None
        whole = Assembly(self.entry.id, n=int(body.get("n", 1)), usage_rule=self._usage_rule)
        async with self._turn(began), aclosing(self._frames(body, whole, began)) as frames:
            asked = monotonic()
            async for data in frames:
                for delta in self._add(whole, data):
                    yield delta
                if first_token is None and whole.begun:
                    first_token = monotonic() - asked
        choices, usage, seconds = whole.choices(), whole.usage(), monotonic() - asked
        if self._own_machine:
            usage = usage.model_copy(update={"gpu_seconds": seconds})
        yield Completion(
            choices=choices,
            model=self.entry.id,
            usage=usage,
            cost_usd=self._cost(usage, seconds),
            seconds=seconds,
            first_token_seconds=first_token,
            effort=effort,
        )

    def worst_cost(self, request: ModelRequest) -> tuple[int, Decimal]:
        """The most that a request can use: its estimated prompt, and every choice written to its limit."""
        entry = self.entry
        usage = Usage(
            input_tokens=input_estimate(request), output_tokens=max_tokens(request, entry) * request.sampling.n
        )
        seconds = usage.input_tokens / entry.prefill_tokens_per_second
        seconds += usage.output_tokens / entry.decode_tokens_per_second
        return usage.total_tokens, self._cost(usage, min(seconds, self._timeouts.total_seconds))

    @property
    def _own_machine(self) -> bool:
        return self.entry.kind != "openai"

    def _cost(self, usage: Usage, seconds: float) -> Decimal:
        entry = self.entry
        tokens = (
            usage.input_tokens * entry.usd_per_million_input_tokens
            + usage.output_tokens * entry.usd_per_million_output_tokens
        ) / _MILLION
        return tokens + entry.usd_per_hour * Decimal(str(round(seconds, 6))) / _SECONDS_PER_HOUR

    def _add(self, whole: Assembly, data: bytes) -> list[Delta]:
        try:
            return whole.add(data)
        except ErrorFrame as frame:
            raise frame_refusal(
                self.entry.id,
                frame.error,
                begun=whole.begun,
                server_name=self.entry.model,
                context_tokens=self.entry.context_tokens,
            ) from None

    @asynccontextmanager
    async def _turn(self, began: float) -> AsyncIterator[None]:
        self.waiting += 1
        try:
            await self._within(self._slots.acquire(), self._timeouts.total_seconds, began, what="a free place")
        finally:
            self.waiting -= 1
        try:
            yield
        finally:
            self._slots.release()

    async def _frames(self, body: Json, whole: Assembly, began: float) -> AsyncGenerator[bytes]:
        try:
            await self._require_served(began)
            response = await self._send("POST", "/chat/completions", began, json=body)
            try:
                self._require_stream(response)
                async with aclosing(read_data(self._chunks(response, began))) as frames:
                    async for data in frames:
                        yield data
            finally:
                await response.aclose()
        except httpx.TransportError as error:
            self._known = False
            raise self._lost(error, begun=whole.begun) from error

    async def _chunks(self, response: httpx.Response, began: float) -> AsyncGenerator[bytes]:
        limit, what = self._timeouts.first_byte_seconds, "the first byte of its answer"
        async with aclosing(response.aiter_bytes()) as chunks:
            while True:
                try:
                    chunk = await self._within(anext(chunks), limit, began, what=what)
                except StopAsyncIteration:
                    return
                yield chunk
                limit, what = self._timeouts.idle_seconds, "the next piece of its answer"
