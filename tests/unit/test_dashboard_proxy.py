"""The reads that the dashboard passes on for the browser."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dashboard.proxy import Proxy


class Upstream:
    """A gateway that remembers what it was asked."""

    def __init__(self, answer: httpx.Response | httpx.TransportError) -> None:
        self.answer = answer
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if isinstance(self.answer, httpx.TransportError):
            raise self.answer
        return self.answer


def proxied(upstream: Upstream, *, api_key: str | None = "sk-1") -> TestClient:
    proxy = Proxy("http://gateway:8000", api_key=api_key, transport=httpx.MockTransport(upstream))
    return TestClient(Starlette(routes=proxy.routes, lifespan=proxy.lifespan))


def test_spans_are_passed_on_byte_by_byte_with_the_key() -> None:
    upstream = Upstream(httpx.Response(200, content=b'{"spans": [ ]}', headers={"content-type": "application/json"}))
    answer = proxied(upstream).get("/api/traces/r-1/spans?since=7&limit=1")
    assert answer.content == b'{"spans": [ ]}'
    assert answer.headers["content-type"] == "application/json"
    [asked] = upstream.asked
    assert str(asked.url) == "http://gateway:8000/api/traces/r-1/spans?since=7"
    assert asked.headers["authorization"] == "Bearer sk-1"


def test_the_browsers_own_headers_are_not_passed_on() -> None:
    upstream = Upstream(httpx.Response(200))
    proxied(upstream).get("/api/traces/r1/spans", headers={"cookie": "a=b", "authorization": "Bearer stolen"})
    assert upstream.asked[0].headers["authorization"] == "Bearer sk-1"
    assert "cookie" not in upstream.asked[0].headers


def test_without_a_key_none_is_shown() -> None:
    upstream = Upstream(httpx.Response(200))
    proxied(upstream, api_key=None).get("/api/traces/r1/spans")
    assert "authorization" not in upstream.asked[0].headers


def test_events_go_on_where_the_browser_was_and_are_not_held_back() -> None:
    events = b"id: 8\nevent: end\ndata: {}\n\n"
    stream = httpx.ByteStream(events)
    upstream = Upstream(httpx.Response(200, stream=stream, headers={"content-type": "text/event-stream"}))
    answer = proxied(upstream).get("/api/runs/r1/events", headers={"last-event-id": "7"})
    assert answer.content == events
    assert answer.headers["x-accel-buffering"] == "no"
    assert answer.headers["cache-control"] == "no-store"
    assert upstream.asked[0].headers["last-event-id"] == "7"


def test_errors_of_the_gateway_are_passed_on_as_they_are() -> None:
    upstream = Upstream(httpx.Response(404, json={"error": {"message": "There is no run r1"}}))
    answer = proxied(upstream).get("/api/traces/r1/spans/s1/io")
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, "There is no run r1")


@pytest.mark.parametrize("path", ["/api/traces/r1/spans", "/api/runs/r1/events"])
def test_a_gateway_that_is_down_is_said_to_be_down(path: str) -> None:
    answer = proxied(Upstream(httpx.ConnectError("refused"))).get(path)
    assert (answer.status_code, answer.json()["error"]["type"]) == (503, "unavailable")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/runs"),
        ("GET", "/api/runs/r1"),
        ("POST", "/api/runs"),
        ("POST", "/api/runs/r1/cancel"),
        ("DELETE", "/api/schedules/s1"),
        ("POST", "/api/runs/r1/events"),
        ("GET", "/api/keys"),
        ("GET", "/api/traces/r1%2F..%2F..%2Fkeys/spans"),
        ("GET", "/api/traces/r1%3Fx=1/spans"),
        ("GET", "/api/traces/../spans"),
        ("GET", "/api/traces/r1/spans/a%20b/io"),
    ],
)
def test_nothing_else_is_passed_on(method: str, path: str) -> None:
    upstream = Upstream(httpx.Response(200))
    assert proxied(upstream).request(method, path).status_code in {404, 405}
    assert upstream.asked == []
