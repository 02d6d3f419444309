"""The inboxes on Redis Streams. An entry only names a message in SQL, so it may be lost, or come twice."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from services.queue.connection import BLOCK_MILLISECONDS, reaching_redis

GROUP = "workers"
INBOXES = "pointsman:inboxes"
"""The set of all inboxes that were ever written to."""
CLAIM_IDLE_MILLISECONDS = 5000
"""Entries are acknowledged within milliseconds, so one that is pending for so long had a worker that died."""


@dataclass(frozen=True)
class Entry:
    """A message's name on its inbox's stream."""

    inbox: str
    entry_id: str
    message_id: str
    traceparent: str


class Streams:
    """Writes and reads the inboxes. Never trimmed by length: that would drop what nobody has read."""

    def __init__(self, redis: Redis) -> None:
        self._redis: Any = redis  # redis-py types some commands as sync or async at once, and leaves replies untyped
        self._known: set[str] = set()

    async def announce(self, messages: Sequence[tuple[str, str, str]]) -> None:
        """Write (message id, inbox, traceparent) onto the streams. Raises `Unavailable`."""
        with reaching_redis():
            async with self._redis.pipeline(transaction=False) as pipe:
                for message_id, inbox, traceparent in messages:
                    pipe.sadd(INBOXES, inbox)  # each time: Redis may have been emptied since the last
                    pipe.xadd(_key(inbox), {"message": message_id, "traceparent": traceparent})
                await pipe.execute()

    async def inboxes(self) -> set[str]:
        """All inboxes there are. Raises `Unavailable`."""
        with reaching_redis():
            return set(await self._redis.smembers(INBOXES))

    async def read(self, inboxes: Iterable[str], *, consumer: str, count: int) -> list[Entry]:
        """Wait about a second for new entries on any of the inboxes. Raises `Unavailable`."""
        names = list(inboxes)
        with reaching_redis():
            await self._make_groups(names)
            try:
                reply = await self._redis.xreadgroup(
                    GROUP, consumer, {_key(name): ">" for name in names}, count=count, block=BLOCK_MILLISECONDS
                )
            except ResponseError as error:
                if not str(error).startswith("NOGROUP"):
                    raise
                self._known.clear()  # Redis was emptied: the groups are made anew at the next read
                return []
        return [
            Entry(_inbox(key), entry_id, fields["message"], fields.get("traceparent", ""))
            for key, entries in reply or ()
            for entry_id, fields in entries
        ]

    async def adopt(self, inboxes: Iterable[str], *, consumer: str) -> list[Entry]:
        """Take over the entries of workers that died between reading and acknowledging. Raises `Unavailable`."""
        adopted: list[Entry] = []
        with reaching_redis():
            for name in inboxes:
                cursor = "0-0"
                while True:
                    try:
                        reply = await self._redis.xautoclaim(
                            _key(name), GROUP, consumer, CLAIM_IDLE_MILLISECONDS, cursor
                        )
                    except ResponseError as error:
                        if not str(error).startswith("NOGROUP"):
                            raise
                        break
                    cursor, entries, *_ = reply
                    adopted += [
                        Entry(name, entry_id, fields["message"], fields.get("traceparent", ""))
                        for entry_id, fields in entries
                        if fields
                    ]
                    if cursor == "0-0":
                        break
        return adopted

    async def acknowledge(self, entries: Sequence[Entry]) -> None:
        """Tell Redis that the entries are done with: SQL carries them from here. They are deleted from the stream.

        Raises `Unavailable`.
        """
        with reaching_redis():
            async with self._redis.pipeline(transaction=False) as pipe:
                for entry in entries:
                    pipe.xack(_key(entry.inbox), GROUP, entry.entry_id)
                    pipe.xdel(_key(entry.inbox), entry.entry_id)
                await pipe.execute()

    async def _make_groups(self, inboxes: Iterable[str]) -> None:
        for name in set(inboxes) - self._known:
            try:
                # From 0, not from the end: what was written before the first reader came is read too.
                await self._redis.xgroup_create(_key(name), GROUP, id="0", mkstream=True)
            except ResponseError as error:
                if not str(error).startswith("BUSYGROUP"):
                    raise
            self._known.add(name)


def _key(inbox: str) -> str:
    return f"pointsman:inbox:{inbox}"


def _inbox(key: str) -> str:
    return key.removeprefix("pointsman:inbox:")
