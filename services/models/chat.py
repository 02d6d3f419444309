"""The conversation with one model server: the turn to be asked, limits of time, the stream, its count and its price."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import aclosing, asynccontextmanager, suppress
from decimal import Decimal
from time import monotonic
from typing import Any, Literal, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from agents.errors import MalformedOutput, PointsmanError, Unavailable
from agents.model import Completion, Delta, ModelRequest
from agents.records import Effort, Json, Record, Usage
from services.models.assembly import Assembly, ErrorFrame, UsageRule
from services.models.catalog import ModelEntry
from services.models.refusals import TooSlow, frame_refusal, refusal
from services.models.sse import read_data
from services.models.wire import input_estimate, max_tokens

_OK = 200
_NO_SUCH_PATH = (404, 405, 501)
_MAX_BODY_BYTES = 5_000_000
_AFTER_SLOW_SECONDS = 30.0
_REST_SECONDS = 0.05
"""How long the end of a reply is waited for after the end of its answer: to connect anew takes no longer."""
_AFTER_WRONG_CATALOG_SECONDS = 60.0
_T = TypeVar("_T")

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
    async def _turn(self, began: float) -> AsyncGenerator[None]:
        self.waiting += 1
        try:
            await self._within(self._slots.acquire(), self._timeouts.total_seconds, began, what="to have a free place")
        finally:
            self.waiting -= 1
        try:
            yield
        finally:
            self._slots.release()

    async def _frames(self, body: Json, whole: Assembly, began: float) -> AsyncGenerator[bytes]:
        """The frames of the answer, each awaited within its limit: keep-alive comments are none, and win no time."""
        limit, what = self._timeouts.first_byte_seconds, "to begin its answer"
        try:
            await self._require_served(began)
            response = await self._open(body, began)
            try:
                received = response.aiter_bytes()
                async with aclosing(read_data(received)) as frames:
                    while (data := await self._within(anext(frames, None), limit, began, what=what)) is not None:
                        yield data
                        limit, what = self._timeouts.idle_seconds, "to go on with its answer"
                await _read_out(received)
            finally:
                await response.aclose()
        except httpx.TransportError as error:
            self._known = False
            raise self._lost(error, begun=whole.begun) from error

    async def _require_served(self, began: float) -> None:
        """Ask once whom we speak to: a server answers to any name, and the model named must be the one that answers."""
        if self._known:
            return
        entry = self.entry
        response = await self._send("GET", "/models", began)
        try:
            body = await self._within(_read(response), self._timeouts.idle_seconds, began, what="to list its models")
        finally:
            await response.aclose()
        if response.status_code == _OK:
            self._require_listed(body)
        elif entry.kind != "openai" or response.status_code not in _NO_SUCH_PATH:
            raise self._refusal(response, body)
        self._known = True

    def _require_listed(self, body: bytes) -> None:
        entry = self.entry
        try:
            served = [model.id for model in _ServedList.model_validate_json(body).data]
        except ValidationError:
            raise Unavailable(f"what answers for model {entry.id} is no model server: check its url") from None
        # SGLang lists a model by its own name, and takes `name:adapter`.
        wanted = entry.model.partition(":")[0] if entry.kind == "sglang" else entry.model
        if wanted not in served:
            raise Unavailable(
                f"the server of model {entry.id} serves {', '.join(served[:20]) or 'nothing'}, not {wanted}: "
                f"check url and model of {entry.id} in the catalog",
                retry_after_seconds=_AFTER_WRONG_CATALOG_SECONDS,
            )

    async def _open(self, body: Json, began: float) -> httpx.Response:
        """Send the chat request, and give the reply that streams its answer."""
        response = await self._send("POST", "/chat/completions", began, body=body)
        kind = response.headers.get("content-type", "")
        if response.status_code == _OK and kind.startswith("text/event-stream"):
            return response
        try:
            said = await self._within(_read(response), self._timeouts.idle_seconds, began, what="to refuse")
        finally:
            await response.aclose()
        if response.status_code == _OK:
            raise MalformedOutput(f"the server of model {self.entry.id} sends {kind or 'nothing named'}, not a stream")
        raise self._refusal(response, said)

    async def _send(
        self, method: Literal["GET", "POST"], path: str, began: float, *, body: Json | None = None
    ) -> httpx.Response:
        key = self.entry.api_key
        request = self._client.build_request(
            method,
            f"{self.entry.base_url}{path}",
            json=body,
            headers={"Authorization": f"Bearer {key.get_secret_value()}"} if key else {},
            timeout=httpx.Timeout(None, connect=self._timeouts.connect_seconds),
        )
        sent = self._client.send(request, stream=True)
        return await self._within(sent, self._timeouts.first_byte_seconds, began, what="to take the request")

    def _refusal(self, response: httpx.Response, said: bytes) -> PointsmanError:
        return refusal(
            self.entry.id,
            response.status_code,
            _json_of(said),
            headers=response.headers,
            server_name=self.entry.model,
            context_tokens=self.entry.context_tokens,
        )

    async def _within(self, awaitable: Awaitable[_T], seconds: float, began: float, *, what: str) -> _T:
        left = self._timeouts.total_seconds - (monotonic() - began)
        limit = max(min(seconds, left), 0)
        try:
            async with asyncio.timeout(limit):
                return await awaitable
        except TimeoutError:
            raise TooSlow(
                f"model {self.entry.id} took longer than {limit:.0f} s {what}", retry_after_seconds=_AFTER_SLOW_SECONDS
            ) from None

    def _lost(self, error: httpx.TransportError, *, begun: bool) -> PointsmanError:
        if begun:
            return MalformedOutput(f"the answer of model {self.entry.id} broke off: its server closed the connection")
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            words = f"model {self.entry.id} cannot be reached at {httpx.URL(self.entry.base_url).netloc.decode()}"
        else:
            words = f"the server of model {self.entry.id} closed the connection before it answered"
        return Unavailable(words, retry_after_seconds=2)


async def _read_out(received: AsyncIterator[bytes]) -> None:
    """Read the end of a reply whose answer is whole: its connection is then good for the next call."""
    with suppress(TimeoutError, httpx.TransportError):
        async with asyncio.timeout(_REST_SECONDS):
            async for _ in received:
                pass


async def _read(response: httpx.Response) -> bytes:
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            break
    return body


def _json_of(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
