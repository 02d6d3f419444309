"""Bounds on what a request may weigh, and an id for each."""

import json
import re
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway import errors

SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
REQUEST_ID = re.compile(r"[\w.:-]{1,128}")


class BodyLimit:
    """Refuses a body that is too large, by what it says of itself and by what really comes."""

    def __init__(self, app: ASGIApp, *, max_bytes: int) -> None:
        self._app = app
        self._max = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said = Headers(scope=scope).get("content-length", "0")
        if said.isdigit() and int(said) > self._max:
            await self._refuse(scope, receive, send)
            return
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            if len(body) > self._max:
                await self._refuse(scope, receive, send)
                return
            more = message.get("more_body", False)
        if _has_half_a_pair(body):
            message = "the body holds half of a surrogate pair, which is no character: send whole characters"
            shown = errors.body(message, type_="invalid_request_error", code="invalid_text")
            await JSONResponse(shown, 400)(scope, receive, send)
            return
        whole: Message = {"type": "http.request", "body": bytes(body), "more_body": False}
        waiting = [whole]

        async def again() -> Message:
            return waiting.pop() if waiting else await receive()

        await self._app(scope, again, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = f"the body is larger than {self._max} bytes; send less, or raise POINTSMAN_MAX_BODY_BYTES"
        shown = errors.body(message, type_="invalid_request_error", code="body_too_large")
        await JSONResponse(shown, 413, {"Connection": "close"})(scope, receive, send)


def _has_half_a_pair(body: bytes | bytearray) -> bool:
    """Whether a string of the body could not be written down again. JSON can spell such strings, UTF-8 cannot."""
    if not SURROGATE.search(body):
        return False
    try:
        json.dumps(json.loads(body), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    except ValueError:
        return False  # no JSON: whoever reads it says so
    return False


class RequestId:
    """Gives each request an id, the client's own where it sent a plain one, and says it in the reply."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        await self._app(scope, receive, named)
