"""Who may come in: API keys where they are required, and no stranger's web page anywhere."""

import time
from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from agents.errors import Unavailable
from services.gateway import errors
from services.store import keys
from services.store.database import Database

OPEN_PATHS = ("/health", "/healthz", "/ready", "/readyz")
REMEMBER_SECONDS = 5.0
"""A key that was found valid is not looked up again for so long; one that was revoked opens no longer after it."""


def is_loopback(host: str) -> bool:
    """Whether an address or name is this machine's own."""
    name = host.strip("[]")
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


class Guard:
    """Looks at each request before anything else does. Puts the id of the asker's key into the request's state."""

    def __init__(self, app: ASGIApp, *, database: Database, required: bool) -> None:
        self._app = app
        self._database = database
        self._required = required
        self._known: dict[str, tuple[float, str]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            await self._look(scope, receive, send)
        except Unavailable as error:  # of the look-up: what lies further in has answered for itself
            await errors.reply(error)(scope, receive, send)

    async def _look(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        refusal = _foreign(headers, hosts_checked=not self._required)
        owner = None
        if refusal is None and scope["path"] not in OPEN_PATHS:
            secret = _bearer(headers)
            owner = await self._owner(secret) if secret else None
            if owner is None and self._required:
                what = "this API key is not valid" if secret else "an API key is required: Authorization: Bearer KEY"
                refusal = (401, f"{what}; `pointsman keys create` makes one", "invalid_api_key")
        if refusal:
            status, message, code = refusal
            shown = errors.body(message, type_="authentication_error", code=code)
            await JSONResponse(shown, status)(scope, receive, send)
            return
        scope.setdefault("state", {})["owner"] = owner
        await self._app(scope, receive, send)

    async def _owner(self, secret: str) -> str | None:
        found = self._known.get(secret)
        if found and found[0] > time.monotonic():
            return found[1]
        async with self._database.read() as connection:
            key = await keys.known(connection, secret)
        if key is None:
            self._known.pop(secret, None)
            return None
        self._known[secret] = (time.monotonic() + REMEMBER_SECONDS, key.id)
        return key.id


def _bearer(headers: Headers) -> str | None:
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    return secret.strip() or None if scheme.lower() == "bearer" else None


def _foreign(headers: Headers, *, hosts_checked: bool) -> tuple[int, str, str] | None:
    """Refuse what a web page elsewhere makes a browser send: another Origin, or a name bent to this machine."""
    host = _name(headers.get("host", ""))
    if hosts_checked and host and not is_loopback(host):
        return 403, f"host '{host}' is not this machine's own; without API keys only loopback is served", "foreign_host"
    origin = headers.get("origin")
    if origin and origin != "null" and _name(urlsplit(origin).netloc) == host:
        return None
    return (403, f"origin '{origin}' may not use this API", "foreign_origin") if origin else None


def _name(netloc: str) -> str:
    """The host of `host:port`, with its brackets if it is an IPv6 address."""
    parts: Sequence[str] = netloc.rsplit(":", 1)
    return parts[0] if len(parts) == 2 and parts[1].isdigit() else netloc
