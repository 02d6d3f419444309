"""The gates that tell when a service does its work, each asked of the service itself."""

import asyncio
from contextlib import suppress

import httpx
from pydantic import BaseModel, ValidationError

from services.up.records import Gate


class _Readiness(BaseModel):
    """What the gateway says at /ready, of which we read one field."""

    waiting_for: tuple[str, ...]


def answers_ping(port: int) -> Gate:
    """Open once Valkey answers PONG: before that it takes connections, but is still loading its file."""

    async def gate() -> bool:
        try:
            async with asyncio.timeout(2.0):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                try:
                    writer.write(b"PING\r\n")
                    return await reader.readline() == b"+PONG\r\n"
                finally:
                    writer.close()
                    with suppress(ConnectionError):
                        await writer.wait_closed()
        except (OSError, TimeoutError):
            return False

    return gate


def answers_ok(client: httpx.AsyncClient, url: str) -> Gate:
    """Open once a GET is answered with success."""

    async def gate() -> bool:
        try:
            return (await client.get(url)).is_success
        except httpx.RequestError:
            return False

    return gate


def gateway_sees(client: httpx.AsyncClient, gateway: str, name: str) -> Gate:
    """Open once the gateway no longer waits for a process: it has seen its heartbeat."""

    async def gate() -> bool:
        try:
            answer = await client.get(f"{gateway}/ready")
            return name not in _Readiness.model_validate_json(answer.content).waiting_for
        except (httpx.RequestError, ValidationError):
            return False

    return gate
