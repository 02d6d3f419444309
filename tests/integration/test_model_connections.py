"""Calls of a model server one after another go over one connection: none is broken off after the answer."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx

from agents.model import Completion, ModelRequest
from agents.records import ChatMessage
from services.models.catalog import Catalog, ModelEntry
from services.models.registry import Models

LISTED = b'{"data": [{"id": "it"}]}'
FRAMES = (
    b'{"id": "x", "model": "it", "choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": null}]}',
    b'{"id": "x", "model": "it", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}',
    b'{"id": "x", "model": "it", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}',
    b"[DONE]",
)
ANSWER = b"".join(b"data: %s\n\n" % frame for frame in FRAMES)


class Server:
    """A model server that keeps its connections, counts them, and ends a reply a moment after its answer."""

    def __init__(self) -> None:
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await _head(reader):
                if head.startswith(b"GET"):
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(LISTED), LISTED))
                    continue
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                )
                writer.write(b"%x\r\n%s\r\n" % (len(ANSWER), ANSWER))
                await writer.drain()
                await asyncio.sleep(0.005)
                writer.write(b"0\r\n\r\n")
        finally:
            writer.close()


async def _head(reader: asyncio.StreamReader) -> bytes:
    """The head of the next request, its body read as well; empty when there is none."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    await reader.readexactly(int(lengths[0].split(b":")[1]) if lengths else 0)
    return head


@asynccontextmanager
async def a_server() -> AsyncGenerator[tuple[Server, Models]]:
    served = Server()
    listening = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    entry = {"id": "it", "kind": "openai", "url": f"http://127.0.0.1:{port}/v1", "model": "it"}
    entry |= {"parameters_billion": 8, "context_tokens": 4096}
    async with listening, httpx.AsyncClient(trust_env=False) as client:
        yield served, Models(Catalog(entries=(ModelEntry.model_validate(entry),)), client)


async def test_calls_one_after_another_share_a_connection() -> None:
    request = ModelRequest(messages=(ChatMessage(role="user", content="hello"),))
    async with a_server() as (served, models):
        for _ in range(3):
            *_, last = [event async for event in models.get("it").stream(request)]
            assert isinstance(last, Completion)
            assert last.choices[0].text == "hi"
    assert served.connections == 1
