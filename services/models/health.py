"""Watches the model servers: which of them answer, and how many requests wait in front of each."""

import asyncio
import logging
import re
from collections.abc import Sequence
from typing import Any

import httpx

from agents.records import Record
from services.models.catalog import Kind, ModelEntry

log = logging.getLogger(__name__)

_EVERY_SECONDS: dict[Kind, float] = {"embedded": 3.0, "sglang": 5.0, "openai": 60.0}
"""One's own servers are asked often; a rented one counts what it is asked."""

_TIMEOUT = httpx.Timeout(10.0)
_SLOW_ANSWERS = 3
"""A server that answers late so often in a row counts as gone; on a busy machine one late answer says nothing."""

_OK = 200
_NOT_FOUND = 404
_DEFERRED = re.compile(rb"^llamacpp:requests_deferred (\d+)", re.MULTILINE)


class Status(Record):
    """How one model's server was when it was last asked."""

    healthy: bool
    queue: int = 0
    """Requests that wait at the server."""
    reason: str = ""
    """Why it is not healthy."""


class Health:
    """Asks every server in the background, each at its own pace, and remembers what it said."""

    def __init__(self, entries: Sequence[ModelEntry], client: httpx.AsyncClient) -> None:
        self._entries = {entry.id: entry for entry in entries}
        self._client = client
        self._late: dict[str, int] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._seen = {
            entry.id: Status(
                healthy=entry.available, reason="" if entry.available else "its url in the catalog is empty"
            )
            for entry in entries
        }

    def status(self, model_id: str) -> Status:
        """What is known of a model now. Before it was asked, one that has a url counts as healthy."""
        return self._seen[model_id]

    async def check(self, model_id: str) -> Status:
        """Ask a model's server now."""
        entry = self._entries[model_id]
        if not entry.available:
            return self._seen[model_id]
        try:
            status = await self._ask(entry)
            self._late[model_id] = 0
        except httpx.TimeoutException:
            self._late[model_id] = self._late.get(model_id, 0) + 1
            gone = self._late[model_id] >= _SLOW_ANSWERS
            status = Status(healthy=False, reason="it does not answer in time") if gone else self._seen[model_id]
        except httpx.HTTPError as error:
            status = Status(healthy=False, reason=f"{type(error).__name__} {error}".strip())
        if status.healthy != self._seen[model_id].healthy:
            log.log(
                logging.INFO if status.healthy else logging.WARNING,
                "model %s %s",
                model_id,
                "answers" if status.healthy else f"does not answer: {status.reason}",
            )
        self._seen[model_id] = status
        return status

    async def start(self) -> None:
        """Ask every server once, then go on asking in the background."""
        await asyncio.gather(*(self.check(model_id) for model_id in self._entries))
        self._tasks = [
            asyncio.create_task(self._watch(entry), name=f"health of model {entry.id}")
            for entry in self._entries.values()
            if entry.available
        ]

    async def stop(self) -> None:
        """Stop asking."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def _watch(self, entry: ModelEntry) -> None:
        while True:
            await asyncio.sleep(_EVERY_SECONDS[entry.kind])
            await self.check(entry.id)

    async def _ask(self, entry: ModelEntry) -> Status:
        match entry.kind:
            case "embedded":
                return await self._embedded(entry)
            case "sglang":
                return await self._sglang(entry)
            case "openai":
                return _of(await self._get(f"{entry.base_url}/models", entry), none_is_well=True)

    async def _embedded(self, entry: ModelEntry) -> Status:
        status = _of(await self._get(f"{entry.root_url}/health", entry))
        if not status.healthy:
            return status
        metrics = await self._get(f"{entry.root_url}/metrics", entry)
        deferred = _DEFERRED.search(metrics.content) if metrics.status_code == _OK else None
        return status.model_copy(update={"queue": int(deferred[1]) if deferred else 0})

    async def _sglang(self, entry: ModelEntry) -> Status:
        # /health makes a token and takes its time; /ready is instant, and missing where a gateway stands in front.
        reply = await self._get(f"{entry.root_url}/ready", entry)
        if reply.status_code == _NOT_FOUND:
            reply = await self._get(f"{entry.base_url}/models", entry)
        status = _of(reply)
        if not status.healthy:
            return status
        loads = await self._get(f"{entry.root_url}/v1/loads?include=core", entry)
        return status.model_copy(update={"queue": _waiting(loads)})

    async def _get(self, url: str, entry: ModelEntry) -> httpx.Response:
        headers = {"Authorization": f"Bearer {entry.api_key.get_secret_value()}"} if entry.api_key else {}
        return await self._client.get(url, headers=headers, timeout=_TIMEOUT)


def _of(reply: httpx.Response, *, none_is_well: bool = False) -> Status:
    if reply.status_code == _OK or (none_is_well and reply.status_code == _NOT_FOUND):
        return Status(healthy=True)
    return Status(healthy=False, reason=f"it answers HTTP {reply.status_code}")


def _waiting(reply: httpx.Response) -> int:
    """The requests that wait, over all parts of the server; 0 where it does not say."""
    try:
        loads: list[dict[str, Any]] = reply.json()["loads"] if reply.status_code == _OK else []
        return sum(int(load["num_waiting_reqs"]) for load in loads)
    except (ValueError, KeyError, TypeError):
        return 0
