"""The three reads that the browser's components make, passed on to the gateway byte by byte with the configured key."""

import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,128}")
_PASSED_ON = ("content-type", "retry-after")
_QUERY = frozenset({"since"})


class Proxy:
    """Forwards these GETs and nothing else, over one pool of connections."""

    def __init__(self, url: str, *, api_key: str | None, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            # The gateway breaks its own silence every 10 seconds.
            timeout=httpx.Timeout(30, connect=3, pool=3),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
            trust_env=False,
            transport=transport,
        )
        self.routes: list[BaseRoute] = [
            Route("/api/traces/{run_id}/spans", self._read, methods=["GET"]),
            Route("/api/traces/{run_id}/spans/{span_id}/io", self._read, methods=["GET"]),
            Route("/api/runs/{run_id}/events", self._events, methods=["GET"]),
            Route("/api/{rest:path}", _nothing, methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
        ]

    @asynccontextmanager
    async def lifespan(self, _app: object) -> AsyncGenerator[None]:
        async with self._http:
            yield

    async def _read(self, request: Request) -> Response:
        asked = self._request(request)
        if asked is None:
            return await _nothing(request)
        try:
            answer = await self._http.send(asked)
        except httpx.TransportError:
            return _unreachable()
        return Response(answer.content, answer.status_code, _headers(answer))

    async def _events(self, request: Request) -> Response:
        asked = self._request(request)
        if asked is None:
            return await _nothing(request)
        try:
            answer = await self._http.send(asked, stream=True)
        except httpx.TransportError:
            return _unreachable()
        headers = {**_headers(answer), "X-Accel-Buffering": "no", "Cache-Control": "no-store"}
        return StreamingResponse(_pieces(answer), answer.status_code, headers)

    def _request(self, request: Request) -> httpx.Request | None:
        """The request to the gateway; None when a part of the path is not an identifier."""
        if not all(_IDENTIFIER.fullmatch(str(part)) for part in request.path_params.values()):
            return None
        last = request.headers.get("last-event-id")
        return self._http.build_request(
            "GET",
            quote(request.url.path),
            params={name: value for name, value in request.query_params.items() if name in _QUERY},
            headers={"Accept-Encoding": "identity"} | ({"Last-Event-ID": last} if last else {}),
        )


async def _pieces(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in answer.aiter_raw():
            yield piece
    except httpx.TransportError:
        # The browser sees an end without the event `end`, and asks again from where it was.
        return
    finally:
        await answer.aclose()


def _headers(answer: httpx.Response) -> dict[str, str]:
    return {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}


async def _nothing(_request: Request) -> Response:
    return _error(404, "The dashboard passes on reads of traces and events only; ask the gateway itself.")


def _unreachable() -> Response:
    return _error(503, "The gateway does not answer.")


def _error(status: int, message: str) -> Response:
    kind = "not_found" if status == 404 else "unavailable"
    return JSONResponse({"error": {"message": message, "type": kind, "param": None, "code": None}}, status)
