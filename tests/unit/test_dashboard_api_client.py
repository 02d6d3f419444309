"""The gateway as the page scripts see it."""

import json
from collections.abc import Callable

import httpx
import pytest

from dashboard.api_client import Gateway, GatewayDown, Refused

Answering = Callable[[httpx.Request], httpx.Response]


def gateway(answering: Answering, *, api_key: str | None = "sk-1") -> Gateway:
    return Gateway("http://gateway:8000", api_key=api_key, transport=httpx.MockTransport(answering))


def test_only_filters_that_are_set_are_sent() -> None:
    asked: list[httpx.Request] = []

    def answering(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"runs": [], "next": None})

    gateway(answering).runs(filters={"status": "failed", "team": "", "q": "a&b"}, cursor="c1", limit=25)
    assert dict(asked[0].url.params) == {"status": "failed", "q": "a&b", "limit": "25", "cursor": "c1"}
    assert asked[0].headers["authorization"] == "Bearer sk-1"


def test_fields_of_a_newer_gateway_are_ignored() -> None:
    page = gateway(lambda _: httpx.Response(200, json={"runs": [{"id": "r1", "mood": "good"}], "next": "c2"})).runs(
        filters={}, cursor=None, limit=1
    )
    assert (page.runs[0].id, page.next) == ("r1", "c2")


def test_a_run_comes_with_the_text_it_was_read_from() -> None:
    text = '{"id": "r1",   "status": "unverified"}'
    run, raw = gateway(lambda _: httpx.Response(200, text=text)).run("r1")
    assert (run.ended, raw) == (True, text)


@pytest.mark.parametrize("name", ["../keys", "a/b", "a?b=c", "a#b", "é"])
def test_a_name_cannot_leave_its_place_in_the_address(name: str) -> None:
    asked: list[bytes] = []

    def answering(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path)
        return httpx.Response(200, json={"name": name})

    gateway(answering).team(name)
    assert asked[0].startswith(b"/api/teams/")
    assert asked[0].count(b"/") == 3
    assert b"?" not in asked[0]


def test_a_rating_is_sent_with_its_run() -> None:
    asked: list[httpx.Request] = []

    def answering(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(201, json={"id": "f1"})

    gateway(answering).rate("r1", score=0)
    assert (asked[0].method, asked[0].url.path) == ("POST", "/api/feedback")
    assert json.loads(asked[0].content) == {"run_id": "r1", "score": 0}


def test_no_answer_is_the_gateway_being_down() -> None:
    def answering(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(GatewayDown, match="http://gateway:8000"):
        gateway(answering).teams()
    assert not gateway(answering).alive()


def test_a_refusal_says_why() -> None:
    body = {"error": {"message": "There is no run r9", "type": "invalid_request_error", "param": None, "code": None}}
    with pytest.raises(Refused, match="There is no run r9") as refusal:
        gateway(lambda _: httpx.Response(404, json=body)).run("r9")
    assert refusal.value.status == 404


def test_a_refusal_without_a_body_still_says_something() -> None:
    with pytest.raises(Refused, match="502 Bad Gateway"):
        gateway(lambda _: httpx.Response(502, text="<html>")).teams()


def test_an_answer_that_is_not_understood_names_the_place() -> None:
    with pytest.raises(Refused, match=r"runs\.0\.id"):
        gateway(lambda _: httpx.Response(200, json={"runs": [{}]})).runs(filters={}, cursor=None, limit=1)


def test_problems_of_a_team_file_are_an_answer_and_no_failure() -> None:
    problem = {"line": 3, "column": 5, "path": "agents.writer", "message": "unknown key", "nearest": "tools"}
    body = {"error": {"message": "1 problem"}, "problems": [problem]}
    said = gateway(lambda _: httpx.Response(422, json=body)).validate_team("version: 1")
    assert not said.valid
    assert (said.problems[0].line, said.problems[0].nearest) == (3, "tools")


def test_a_refusal_without_places_is_one_problem() -> None:
    said = gateway(lambda _: httpx.Response(422, json={"error": {"message": "not YAML"}})).save_team("a: [")
    assert [problem.message for problem in said.problems] == ["not YAML"]


def test_other_refusals_of_a_team_file_are_failures() -> None:
    with pytest.raises(Refused, match="no rights"):
        gateway(lambda _: httpx.Response(403, json={"error": {"message": "no rights"}})).save_team("a: 1")


def test_pausing_sends_what_is_wanted() -> None:
    asked: list[httpx.Request] = []

    def answering(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={})

    gateway(answering).pause_schedule("s1", paused=True)
    assert (asked[0].method, asked[0].url.path, json.loads(asked[0].content)) == (
        "PATCH",
        "/api/schedules/s1",
        {"paused": True},
    )
