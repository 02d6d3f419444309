"""The gate in front of everything the dashboard serves: host, origin and, when there is a password, a signed cookie."""

import hashlib
import hmac
import html
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

_SESSION, _FORM = "pointsman_session", "pointsman_form"
_SESSION_SECONDS = 7 * 86400
_FORM_SECONDS = 3600
_OPEN_PATHS = ("/static/", "/_stcore/health", "/favicon.png")
_TRIES, _TRIES_SECONDS = 10, 60.0
_MAX_FORM_BYTES = 4096
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_PROTECTION = {
    # A model's text may hold addresses: whatever a page draws, the browser may fetch from here only.
    "Content-Security-Policy": (
        "img-src 'self' data: blob:; media-src 'self' data: blob:; connect-src 'self'; font-src 'self' data:; "
        "frame-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}

Clock = Callable[[], float]
"""Seconds since the epoch."""


class Signer:
    """Signs and reads values that expire. Who knows the password could sign; nobody else can."""

    def __init__(self, password: str, *, clock: Clock) -> None:
        # Out of the password, so that a restart ends no session, a changed password ends all, and replicas agree.
        self._key = hashlib.scrypt(password.encode(), salt=b"pointsman dashboard session", n=2**14, r=8, p=1)
        self._clock = clock

    def sign(self, purpose: str, *, seconds: int) -> str:
        body = f"{int(self._clock()) + seconds}.{secrets.token_urlsafe(12)}"
        return f"{body}.{self.mac(purpose, body)}"

    def accepts(self, purpose: str, value: str) -> bool:
        body, _, signature = value.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self.mac(purpose, body).encode()):
            return False
        return int(body.partition(".")[0]) > self._clock()

    def mac(self, purpose: str, body: str) -> str:
        return hmac.new(self._key, f"{purpose}:{body}".encode(), hashlib.sha256).hexdigest()


class Gate:
    """ASGI middleware. Without a password everybody who reaches this host by an allowed name is let in."""

    def __init__(self, app: ASGIApp, *, password: str | None, hosts: Iterable[str], clock: Clock = time.time) -> None:
        self._app = app
        self._password = password
        self._hosts = frozenset(host.lower() for host in hosts)
        self._signer = Signer(password, clock=clock) if password else None
        self._clock = clock
        self._failures: dict[str, deque[float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        answer = await self._decide(scope, receive)
        if answer is None:
            await self._app(scope, receive, send if scope["type"] == "websocket" else _protecting(send))
        elif scope["type"] == "websocket":
            # Closing before accepting makes the server answer 403.
            await send({"type": "websocket.close", "code": 1008})
        else:
            await answer(scope, receive, _protecting(send))

    async def _decide(self, scope: Scope, receive: Receive) -> Response | None:
        """None lets the request through."""
        headers = Headers(scope=scope)
        if not self._host_allowed(headers.get("host", "")):
            return PlainTextResponse("This host name is not served here; see --allowed-host.", status_code=421)
        method: str = scope.get("method", "GET")
        needs_origin = scope["type"] == "websocket" or method not in _SAFE_METHODS
        if needs_origin and not _same_origin(headers):
            return PlainTextResponse("Requests from other sites are refused.", status_code=403)
        if self._signer is None:
            return None
        path: str = scope["path"]
        if path in {"/login", "/logout"} and scope["type"] == "http":
            return await self._form(self._signer, Request(scope, receive))
        if path.startswith(_OPEN_PATHS) or self._signer.accepts("session", _cookie(headers, _SESSION)):
            return None
        if path.startswith(("/api/", "/_stcore/")):
            return JSONResponse(
                {"error": {"message": "Sign in first", "type": "unauthorized", "param": None, "code": None}}, 401
            )
        query = scope.get("query_string", b"").decode("latin-1")
        wanted = quote(path + (f"?{query}" if query else ""), safe="")
        return RedirectResponse(f"/login?next={wanted}", status_code=303)

    def _host_allowed(self, host: str) -> bool:
        return not self._hosts or (urlsplit(f"//{host}").hostname or "") in self._hosts

    async def _form(self, signer: Signer, request: Request) -> Response:
        if request.method == "GET":
            return _page(signer, request, leaving=request.url.path == "/logout")
        if request.method != "POST":
            return PlainTextResponse("GET or POST", status_code=405, headers={"Allow": "GET, POST"})
        fields = await _fields(request)
        form = _cookie(request.headers, _FORM)
        token = signer.mac("csrf", form)
        if not signer.accepts("form", form) or not hmac.compare_digest(
            fields.get("token", "").encode(), token.encode()
        ):
            return _page(signer, request, problem="This form is too old. Please try again.", status=403)
        if request.url.path == "/logout":
            gone = RedirectResponse("/login", status_code=303)
            gone.delete_cookie(_SESSION)
            return gone
        return self._sign_in(signer, request, fields.get("password", ""))

    def _sign_in(self, signer: Signer, request: Request, password: str) -> Response:
        failures = self._recent_failures(request.client.host if request.client else "")
        if len(failures) >= _TRIES:
            return _page(signer, request, problem="Too many tries. Wait a minute.", status=429)
        if not hmac.compare_digest(password.encode(), (self._password or "").encode()):
            failures.append(self._clock())
            return _page(signer, request, problem="That is not the password.", status=403)
        response = RedirectResponse(_inside(request.query_params.get("next", "/")), status_code=303)
        _set(response, request, _SESSION, signer.sign("session", seconds=_SESSION_SECONDS), seconds=_SESSION_SECONDS)
        return response

    def _recent_failures(self, client: str) -> deque[float]:
        since = self._clock() - _TRIES_SECONDS
        self._failures = {who: tries for who, tries in self._failures.items() if tries and tries[-1] > since}
        failures = self._failures.setdefault(client, deque(maxlen=_TRIES))
        while failures and failures[0] <= since:
            failures.popleft()
        return failures


def _protecting(send: Send) -> Send:
    async def protected(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _PROTECTION.items():
                headers[name] = value
        await send(message)

    return protected


def _same_origin(headers: Headers) -> bool:
    """Whether no other site's page sent this. Browsers name the origin; other programs need not."""
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def _cookie(headers: Headers, name: str) -> str:
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def _set(response: Response, request: Request, name: str, value: str, *, seconds: int) -> None:
    secure = request.url.scheme == "https"
    response.set_cookie(name, value, max_age=seconds, httponly=True, samesite="lax", secure=secure)


def _inside(path: str) -> str:
    """The path if it stays on this site, else the start page."""
    outside = not path.startswith("/") or path.startswith(("//", "/\\")) or any(ord(sign) < 32 for sign in path)
    return "/" if outside else path


async def _fields(request: Request) -> dict[str, str]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_FORM_BYTES:
            return {}
    return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


def _page(
    signer: Signer, request: Request, *, leaving: bool = False, problem: str = "", status: int = 200
) -> HTMLResponse:
    form = signer.sign("form", seconds=_FORM_SECONDS)
    field = (
        ""
        if leaving
        else '<label for="password">Password</label>'
        '<input id="password" name="password" type="password" autocomplete="current-password" required autofocus>'
    )
    text = _PAGE.format(
        action=html.escape(request.url.path + (f"?{request.url.query}" if request.url.query else "")),
        token=signer.mac("csrf", form),
        field=field,
        problem=f'<p role="alert">{html.escape(problem)}</p>' if problem else "",
        button="Sign out" if leaving else "Sign in",
    )
    response = HTMLResponse(text, status, headers={"Cache-Control": "no-store"})
    _set(response, request, _FORM, form, seconds=_FORM_SECONDS)
    return response


_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pointsman</title><link rel="icon" href="/favicon.png">
<style>
:root {{ color-scheme: light dark; --accent: light-dark(#3b5bdb, #7c93ff); }}
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; font: 14px/1.5 system-ui, sans-serif;
  background: light-dark(#f4f6f9, #10131a); color: light-dark(#1a1f29, #e6e9ef); }}
form {{ width: 300px; padding: 28px; border-radius: 8px; display: grid; gap: 10px;
  background: light-dark(#fff, #191e28); border: 1px solid light-dark(#dfe3ea, #2c3340); }}
h1 {{ margin: 0 0 6px; font-size: 20px; display: flex; gap: 10px; align-items: center; }}
input, button {{ font: inherit; padding: 8px 10px; border-radius: 6px; box-sizing: border-box; width: 100%; }}
input {{ border: 1px solid light-dark(#b9c0cc, #4a5464); background: light-dark(#fff, #10131a); color: inherit; }}
button {{ border: 0; background: var(--accent); color: light-dark(#fff, #10131a); font-weight: 600; cursor: pointer; }}
:focus-visible {{ outline: 2px solid var(--accent); outline-offset: 2px; }}
p {{ margin: 0; color: light-dark(#c02626, #ff8a80); }}
</style></head><body><main><form method="post" action="{action}">
<h1><img src="/favicon.png" width="28" height="28" alt=""> Pointsman</h1>
{field}{problem}<input type="hidden" name="token" value="{token}"><button>{button}</button>
</form></main></body></html>
"""
