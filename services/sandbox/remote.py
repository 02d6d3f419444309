"""The sandbox of another container: programs go over a unix socket on a shared volume, one connection each."""

import asyncio
import contextlib
import logging
import socket
from pathlib import Path

from pydantic import BaseModel

from agents.errors import Unavailable
from agents.sandbox import Program, Ran, Sandbox

MOST_BYTES = 4_000_000
_GRACE_SECONDS = 30.0
"""Waiting for a place included."""

log = logging.getLogger("pointsman.sandbox")


class _Reply(BaseModel):
    ran: Ran | None = None
    unavailable: str = ""


class Remote:
    """The client's end."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def run(self, program: Program) -> Ran:
        """Have a program run. Raises `Unavailable` where nobody answers."""
        try:
            async with asyncio.timeout(program.seconds + _GRACE_SECONDS):
                reader, writer = await asyncio.open_unix_connection(self._path, limit=MOST_BYTES)
                try:
                    writer.write(program.model_dump_json().encode() + b"\n")
                    await writer.drain()
                    reply = _Reply.model_validate_json(await reader.readline())
                finally:
                    writer.close()
        except (OSError, ValueError, TimeoutError) as error:
            raise Unavailable(
                f"sandbox unavailable: the sandbox container at {self._path} does not answer: {error}"
            ) from error
        if reply.ran is None:
            raise Unavailable(reply.unavailable)
        return reply.ran


async def serve(sandbox: Sandbox, path: Path) -> None:
    """The container's end: run what comes, until the task is cancelled. Whoever can open the socket may ask."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            try:
                program = Program.model_validate_json(await reader.readline())
                reply = _Reply(ran=await sandbox.run(program))
            except Unavailable as error:
                reply = _Reply(unavailable=str(error))
            except (OSError, ValueError) as error:
                log.warning("not a program: %s", error)
                return
            with contextlib.suppress(OSError):
                writer.write(reply.model_dump_json().encode() + b"\n")
                await writer.drain()

    server = await asyncio.start_unix_server(answer, sock=_listening(path), limit=MOST_BYTES)
    async with server:
        await server.serve_forever()


def _listening(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    path.chmod(0o660)
    return listening
