"""A run's feed on Redis: a bell for each change, and the answer's text as it grows. SQL can rebuild all that lasts."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from agents.errors import Unavailable
from services.queue.connection import BLOCK_MILLISECONDS, reaching_redis

MAX_ENTRIES = 2000
"""Of one feed. Trimming is harmless here: a reader that missed pieces takes the whole answer from the last event."""
KEEP_SECONDS = 3600
FLUSH_SECONDS = 0.05
"""Pieces of text that arrive within this time travel together."""


@dataclass(frozen=True)
class Piece:
    """A piece of a growing answer."""

    text: str
    offset: int
    """Characters before it."""


class Feed:
    """Rings, writes and reads the feeds. What fails here costs promptness, never truth, so it is not an error."""

    def __init__(self, redis: Redis) -> None:
        self._redis: Any = redis  # redis-py types some commands as sync or async at once, and leaves replies untyped
        self._news: set[str] = set()
        self._ringing: dict[str, asyncio.Task[None]] = {}

    def ring(self, run_id: str) -> None:
        """Say, without waiting for it, that the run has news in SQL."""
        self._news.add(run_id)
        if run_id not in self._ringing:
            self._ringing[run_id] = asyncio.create_task(self._ring(run_id))

    async def close(self) -> None:
        """Let the last bells ring."""
        await asyncio.gather(*self._ringing.values())

    async def piece(self, run_id: str, piece: Piece) -> None:
        """Pass on a piece of the answer."""
        await self._add(run_id, {"text": piece.text, "offset": str(piece.offset)})

    async def wait(self, run_id: str, cursor: str) -> tuple[str, list[Piece]]:
        """Wait about a second for news after the cursor (`0-0`: from the start); gives the next cursor and new pieces.

        When Redis does not answer it waits as long and gives nothing: the caller then looks into SQL as well.
        """
        began = time.monotonic()
        try:
            with reaching_redis():
                reply = await self._redis.xread({_key(run_id): cursor}, count=500, block=BLOCK_MILLISECONDS)
        except Unavailable:
            await asyncio.sleep(max(0.0, BLOCK_MILLISECONDS / 1000 - (time.monotonic() - began)))
            return cursor, []
        pieces: list[Piece] = []
        for _, entries in reply or ():
            for entry_id, fields in entries:
                cursor = entry_id
                if "text" in fields:
                    pieces.append(Piece(fields["text"], int(fields["offset"])))
        return cursor, pieces

    async def _ring(self, run_id: str) -> None:
        try:
            while run_id in self._news:  # again, if more was committed while the bell was on its way
                self._news.discard(run_id)
                await self._add(run_id, {"bell": "1"})
        finally:
            del self._ringing[run_id]

    async def _add(self, run_id: str, fields: dict[str, str]) -> None:
        try:
            with reaching_redis():
                async with self._redis.pipeline(transaction=False) as pipe:
                    pipe.xadd(_key(run_id), dict(fields), maxlen=MAX_ENTRIES, approximate=True)
                    pipe.expire(_key(run_id), KEEP_SECONDS)
                    await pipe.execute()
        except Unavailable:
            return


class FeedWriter:
    """Collects the pieces of one answer and passes them on a few times a second."""

    def __init__(self, feed: Feed, run_id: str) -> None:
        self._feed = feed
        self._run_id = run_id
        self._pending: list[str] = []
        self._offset = 0
        self._flushing: asyncio.Task[None] | None = None

    async def write(self, text: str) -> None:
        self._pending.append(text)
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush_soon())

    async def close(self) -> None:
        """Pass on what is left."""
        if self._flushing:
            await self._flushing
        await self._flush()

    async def _flush_soon(self) -> None:
        await asyncio.sleep(FLUSH_SECONDS)
        await self._flush()

    async def _flush(self) -> None:
        if self._pending:
            text = "".join(self._pending)
            self._pending.clear()
            piece = Piece(text, self._offset)
            self._offset += len(text)
            await self._feed.piece(self._run_id, piece)


def _key(run_id: str) -> str:
    return f"pointsman:feed:{run_id}"
