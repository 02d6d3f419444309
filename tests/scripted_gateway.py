"""A gateway that answers from a script, for tests of what talks to one."""

import json
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any, NamedTuple, cast
from urllib.parse import parse_qs, urlsplit


class Reply(NamedTuple):
    """What the scripted gateway answers: a JSON body, or the pieces of a stream."""

    body: Any = None
    status: int = 200
    pieces: Sequence[str] | None = None
    headers: Mapping[str, str] = MappingProxyType({})


class Asked(NamedTuple):
    """What came in."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any


Script = dict[str, Reply | list[Reply]]
"""Method and path, and what they are answered."""


class ScriptedGateway(ThreadingHTTPServer):
    """A gateway on a free port; each path gives its replies one after the other, the last one again and again."""

    daemon_threads = True

    def __init__(self, script: Script) -> None:
        self.script = {key: list(reply) if isinstance(reply, list) else [reply] for key, reply in script.items()}
        self.asked: list[Asked] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        replies = self.script.get(f"{asked.method} {asked.path}")
        if replies is None:
            return Reply({"error": {"message": f"no such path {asked.path}", "type": "not_found", "code": None}}, 404)
        return replies.pop(0) if len(replies) > 1 else replies[0]


class Handler(BaseHTTPRequestHandler):
    """Hands requests to the script."""

    def do_GET(self) -> None:
        split = urlsplit(self.path)
        length = int(self.headers.get("content-length", 0))
        body = json.loads(self.rfile.read(length)) if length else None
        asked = Asked(
            self.command, split.path, parse_qs(split.query), {k.lower(): v for k, v in self.headers.items()}, body
        )
        reply = cast("ScriptedGateway", self.server).answer(asked)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        content = "".join(reply.pieces) if reply.pieces is not None else json.dumps(reply.body)
        self.send_header("content-length", str(len(content.encode())))
        self.end_headers()
        self.wfile.write(content.encode())

    do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - names that the library looks for

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@contextmanager
def serving(script: Script) -> Generator[ScriptedGateway]:
    server = ScriptedGateway(script)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def sse(*events: dict[str, Any] | str) -> list[str]:
    return [f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n" for event in events]
