"""The gate in front of the dashboard: hosts, origins, the cookie, the form."""

import re
from collections.abc import Callable
from urllib.parse import quote

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from dashboard.login import LOOPBACK, Gate

PASSWORD = "correct horse"
BASE = "http://127.0.0.1:8501"
STREAM = "ws://127.0.0.1:8501/_stcore/stream"


async def _inside(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("inside")


async def _socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("inside")
    await websocket.close()


def gated(
    *, password: str | None = PASSWORD, hosts: frozenset[str] = LOOPBACK, clock: Callable[[], float] = lambda: 1000.0
) -> TestClient:
    app = Starlette(
        routes=[
            Route("/_stcore/upload_file/x", _inside, methods=["PUT"]),
            WebSocketRoute("/_stcore/stream", _socket),
            Route("/{path:path}", _inside),
        ],
        middleware=[Middleware(Gate, password=password, hosts=hosts, clock=clock)],
    )
    return TestClient(app, base_url=BASE, follow_redirects=False)


def sign_in(client: TestClient, password: str = PASSWORD, *, goal: str = "/") -> int:
    form = client.get("/login").text
    token = re.findall(r'name="token" value="([^"]+)"', form)[0]
    answer = client.post(f"/login?next={quote(goal, safe='')}", data={"password": password, "token": token})
    return answer.status_code


def test_without_a_password_everybody_on_this_machine_is_let_in() -> None:
    assert gated(password=None).get("/").text == "inside"


def test_a_foreign_host_name_is_refused_against_rebinding() -> None:
    client = gated(password=None)
    assert client.get("/", headers={"host": "evil.example"}).status_code == 421
    assert client.get("/", headers={"host": "localhost:8501"}).status_code == 200
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(STREAM, headers={"host": "evil.example"}):
        pass


def test_a_page_without_a_cookie_leads_to_the_form_and_back() -> None:
    answer = gated().get("/run?id=r1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Frun%3Fid%3Dr1")


@pytest.mark.parametrize("path", ["/api/traces/r1/spans", "/_stcore/host-config", "/_stcore/agent/openapi.json"])
def test_data_without_a_cookie_is_refused(path: str) -> None:
    assert gated().get(path).status_code == 401


@pytest.mark.parametrize("path", ["/_stcore/health", "/static/js/index.js", "/favicon.png"])
def test_what_shows_nothing_stays_open(path: str) -> None:
    assert gated().get(path).status_code == 200


def test_the_websocket_needs_the_cookie() -> None:
    client = gated()
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(STREAM):
        pass
    sign_in(client)
    with client.websocket_connect(STREAM, headers={"origin": BASE}) as websocket:
        assert websocket.receive_text() == "inside"


@pytest.mark.parametrize("password", [None, PASSWORD])
def test_a_foreign_origin_is_refused_with_and_without_a_password(password: str | None) -> None:
    client = gated(password=password)
    if password:
        sign_in(client)
    for origin in ("https://evil.example", "http://localhost:3000", "null"):
        with pytest.raises(WebSocketDisconnect), client.websocket_connect(STREAM, headers={"origin": origin}):
            pass
        assert client.put("/_stcore/upload_file/x", headers={"origin": origin}).status_code == 403
    assert client.put("/_stcore/upload_file/x", headers={"origin": BASE}).status_code == 200


def test_the_right_password_opens_and_the_wrong_one_does_not() -> None:
    client = gated()
    assert sign_in(client, "wrong") == 403
    assert client.get("/").status_code == 303
    assert sign_in(client) == 303
    assert client.get("/").text == "inside"


def test_the_cookie_is_hidden_from_scripts_and_other_sites() -> None:
    client = gated()
    form = client.get("/login").text
    token = re.findall(r'name="token" value="([^"]+)"', form)[0]
    cookie = client.post("/login", data={"password": PASSWORD, "token": token}).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie


def test_a_form_without_its_token_is_refused() -> None:
    client = gated()
    client.get("/login")
    assert client.post("/login", data={"password": PASSWORD}).status_code == 403
    assert client.post("/login", data={"password": PASSWORD, "token": "0" * 64}).status_code == 403
    assert client.get("/").status_code == 303


def test_the_token_of_another_browser_is_refused() -> None:
    client, other = gated(), gated()
    token = re.findall(r'name="token" value="([^"]+)"', other.get("/login").text)[0]
    client.get("/login")
    assert client.post("/login", data={"password": PASSWORD, "token": token}).status_code == 403


@pytest.mark.parametrize(
    ("goal", "reached"),
    [
        ("/run?id=r1", "/run?id=r1"),
        ("https://evil.example", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/x\r\nset-cookie: a=b", "/"),
    ],
)
def test_signing_in_leads_to_pages_of_this_site_only(goal: str, reached: str) -> None:
    client = gated()
    token = re.findall(r'name="token" value="([^"]+)"', client.get("/login").text)[0]
    answer = client.post(f"/login?next={quote(goal, safe='')}", data={"password": PASSWORD, "token": token})
    assert answer.headers["location"] == reached


def test_a_cookie_ends_after_a_week() -> None:
    now = [1000.0]
    client = gated(clock=lambda: now[0])
    sign_in(client)
    now[0] += 6 * 86400
    assert client.get("/").status_code == 200
    now[0] += 86400 + 1
    assert client.get("/").status_code == 303


def test_a_cookie_that_was_changed_or_signed_with_another_password_is_refused() -> None:
    client = gated()
    sign_in(client)
    cookie = client.cookies["pointsman_session"]
    stranger = gated(password="another")
    assert stranger.get("/", headers={"cookie": f"pointsman_session={cookie}"}).status_code == 303
    later = re.sub(r"^\d+", "9999999999", cookie)
    assert gated().get("/", headers={"cookie": f"pointsman_session={later}"}).status_code == 303


def test_the_cookie_outlives_a_restart_of_the_dashboard() -> None:
    client = gated()
    sign_in(client)
    cookie = client.cookies["pointsman_session"]
    assert gated().get("/", headers={"cookie": f"pointsman_session={cookie}"}).status_code == 200


@pytest.mark.parametrize("cookie", ["", ".", "..", "x.y.z", "é.a.b", "99999999999999999999.a.b"])
def test_nonsense_in_the_cookie_is_no_cookie(cookie: str) -> None:
    assert gated().get("/", headers={b"cookie": f"pointsman_session={cookie}".encode()}).status_code == 303


def test_guessing_is_slowed_down_and_waiting_helps() -> None:
    now = [1000.0]
    client = gated(clock=lambda: now[0])
    assert [sign_in(client, "wrong") for _ in range(11)] == [403] * 10 + [429]
    assert sign_in(client) == 429
    now[0] += 61
    assert sign_in(client) == 303


def test_signing_out_takes_a_form_of_ours() -> None:
    client = gated()
    sign_in(client)
    assert client.post("/logout").status_code == 403
    token = re.findall(r'name="token" value="([^"]+)"', client.get("/logout").text)[0]
    assert client.post("/logout", data={"token": token}).status_code == 303
    assert client.get("/").status_code == 303


def test_what_was_typed_into_the_address_is_shown_harmless() -> None:
    page = gated().get('/login?next="><script>alert(1)</script>').text
    assert "<script>" not in page


def test_every_answer_forbids_the_browser_to_fetch_from_elsewhere() -> None:
    policy = gated(password=None).get("/").headers["content-security-policy"]
    assert "img-src 'self' data: blob:" in policy
    assert "connect-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
