"""The connection to Redis, or to Valkey: one for commands, one for reads that wait."""

from collections.abc import Generator
from contextlib import contextmanager

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from agents.errors import Unavailable

BLOCK_MILLISECONDS = 1000
"""How long a waiting read waits; well under the client's own socket timeout, which does not spare blocking commands."""
SOCKET_TIMEOUT_SECONDS = 5.0


def connect(url: str) -> Redis:
    """A client without retries: a command whose reply was lost would otherwise be sent, and take effect, again."""
    return Redis.from_url(  # pyright: ignore[reportUnknownMemberType]  # redis-py leaves its keyword arguments untyped
        url,
        decode_responses=True,
        socket_timeout=SOCKET_TIMEOUT_SECONDS,
        socket_connect_timeout=SOCKET_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=15,
    )


@contextmanager
def reaching_redis() -> Generator[None]:
    """Turn the client's errors into ours.

    Raises:
        Unavailable: Redis cannot be reached, or does not take the command.
    """
    try:
        yield
    except (RedisError, OSError) as error:
        raise Unavailable(f"Redis does not answer: {error}", retry_after_seconds=2) from error
