"""Reads server-sent events off a stream of bytes: the data of each, until the server says that it is done."""

from collections.abc import AsyncGenerator, AsyncIterable

from agents.errors import MalformedOutput

MAX_LINE_BYTES = 8_000_000
MAX_STREAM_BYTES = 64_000_000
"""Far more than any answer has; a server that sends more is broken, and must not fill our memory."""


async def read_data(chunks: AsyncIterable[bytes]) -> AsyncGenerator[bytes]:
    """Yield what follows `data:` on each line, up to `[DONE]` or the end of the stream, whichever comes.

    Lines end with a line feed only: JSON may hold the other characters that Python's `splitlines` ends lines at.
    """
    rest, size = b"", 0
    async for chunk in chunks:
        size += len(chunk)
        *lines, rest = (rest + chunk).split(b"\n")
        if size > MAX_STREAM_BYTES or len(rest) > MAX_LINE_BYTES:
            raise MalformedOutput("the model's server sends without end")
        for line in lines:
            data = _data(line)
            if data == b"[DONE]":
                return
            if data:
                yield data
    if _data(rest) not in (b"", b"[DONE]"):
        yield _data(rest)


def _data(line: bytes) -> bytes:
    return line[5:].strip() if line.startswith(b"data:") else b""
