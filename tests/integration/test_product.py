"""The whole product with the real small model: what the README promises, tried as a user tries it."""

import json
import time
from typing import Any

import httpx
import pytest
from openai import NotFoundError, OpenAI

from tests.product import Product, model_is_idle, wait_for_end

pytestmark = pytest.mark.model

SKY = "Explain in one sentence why the sky is blue"


def asking(prompt: str) -> str:
    return json.dumps({"model": "auto", "messages": [{"role": "user", "content": prompt}]})


@pytest.fixture
def api(product: Product):
    with httpx.Client(base_url=product.gateway, trust_env=False, timeout=180) as client:
        yield client


@pytest.fixture
def openai(product: Product):
    with OpenAI(base_url=f"{product.gateway}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_arithmetic_is_answered_without_a_model(product: Product) -> None:
    asked = product.pointsman("ask", "What is 17% of 3,482?")
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.strip() == "591.94"
    assert "no model was called" in asked.stderr


def test_a_question_is_answered_by_the_embedded_model(product: Product) -> None:
    asked = product.pointsman("ask", SKY)
    assert asked.returncode == 0, asked.stderr
    assert len(asked.stdout.strip()) > 20
    assert asked.stderr.startswith("small")


def test_a_route_is_shown_and_nothing_is_run(product: Product, api: httpx.Client) -> None:
    before = len(api.get("/api/runs", params={"limit": 200}).json()["runs"])
    routed = product.pointsman("route", "Prove that there are infinitely many primes", "--json")
    assert routed.returncode == 0, routed.stderr
    plan = json.loads(routed.stdout)
    assert plan["rungs"][0]["model"] == "small"
    assert plan["why"]
    assert len(api.get("/api/runs", params={"limit": 200}).json()["runs"]) == before


def test_the_official_client_gets_a_whole_answer(openai: OpenAI) -> None:
    raw = openai.chat.completions.with_raw_response.create(
        model="auto", messages=[{"role": "user", "content": SKY}], max_tokens=40
    )
    reply = raw.parse()
    extras: Any = reply.model_extra
    assert reply.model == "small"
    assert reply.usage is not None
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens > 0
    assert extras["pointsman"]["usage"]["model_calls"] == 1
    assert extras["pointsman"]["usage"]["output_tokens"] == reply.usage.completion_tokens
    assert extras["pointsman"]["run_id"] == raw.headers["x-pointsman-run-id"]
    assert raw.headers["x-pointsman-plan"] == "direct small none"
    assert raw.headers["x-pointsman-cost-usd"] == extras["pointsman"]["cost_usd"]
    assert raw.headers["x-request-id"]


def test_the_official_client_reads_a_stream(openai: OpenAI) -> None:
    stream = openai.chat.completions.create(
        model="auto",
        messages=[{"role": "user", "content": SKY}],
        max_tokens=40,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    finishes = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
    last: Any = chunks[-1]
    assert len(text) > 20
    assert [finish for finish in finishes if finish] in (["stop"], ["length"])
    assert len({chunk.id for chunk in chunks}) == 1
    assert last.usage.completion_tokens > 0
    assert last.model_extra["pointsman"]["status"] == "succeeded"
    assert {chunk.model for chunk in chunks} == {"small"}


def test_a_schema_is_followed_and_named_as_what_verified_the_answer(openai: OpenAI) -> None:
    schema: dict[str, object] = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "country": {"type": "string"}},
        "required": ["city", "country"],
        "additionalProperties": False,
    }
    reply = openai.chat.completions.create(
        model="small",
        messages=[{"role": "user", "content": "Which city is the Eiffel Tower in?"}],
        response_format={"type": "json_schema", "json_schema": {"name": "place", "schema": schema}},
    )
    extras: Any = reply.model_extra
    assert set(json.loads(reply.choices[0].message.content or "")) == {"city", "country"}
    assert extras["pointsman"]["verified_by"] == ["json_schema"]


def test_models_are_listed_and_an_unknown_one_is_named(openai: OpenAI) -> None:
    assert {"auto", "small", "large", "team/review"} <= {model.id for model in openai.models.list()}
    with pytest.raises(NotFoundError, match="'gpt-9'; there are: auto, large, small"):
        openai.chat.completions.create(model="gpt-9", messages=[{"role": "user", "content": "hi"}])


def test_a_run_is_accepted_worked_on_followed_and_traced(api: httpx.Client, product: Product) -> None:
    accepted = api.post("/api/runs", json={"messages": [{"role": "user", "content": SKY}]})
    assert accepted.status_code == 202
    run_id = accepted.json()["id"]
    events = _events(api, run_id)
    run: Any = wait_for_end(product, run_id)
    pieces = "".join(data["text"] for _, kind, data in events if kind == "delta")
    numbered = [number for number, _, _ in events if number is not None]
    kinds = [kind for _, kind, _ in events]
    assert run["status"] == "succeeded"
    assert pieces == run["answer"]["choices"][0]["text"]
    assert numbered == list(range(1, len(numbered) + 1))
    assert kinds[-1] == "end"
    assert kinds.count("end") == 1
    later = _events(api, run_id, last=numbered[-3])
    assert [number for number, _, _ in later if number is not None] == numbered[-2:]
    spans = api.get(f"/api/traces/{run_id}/spans", params={"since": 0}).json()
    by_kind = {span["kind"]: span for span in spans["spans"]}
    assert {"run", "route", "queue", "attempt", "model"} <= set(by_kind)
    assert by_kind["model"]["parent_id"] == by_kind["attempt"]["span_id"]
    assert by_kind["attempt"]["parent_id"] == by_kind["run"]["span_id"]
    assert by_kind["model"]["output_tokens"] == run["usage"]["output_tokens"] > 0
    assert api.get(f"/api/traces/{run_id}/spans", params={"since": spans["next_since"]}).json()["spans"] == []
    io = api.get(f"/api/traces/{run_id}/spans/{by_kind['model']['span_id']}/io").json()
    assert SKY in io["input"]
    assert run["answer"]["choices"][0]["text"] in json.loads(io["output"])["choices"][0]["text"]


def test_a_run_is_cancelled_and_calls_nothing_more(api: httpx.Client, product: Product) -> None:
    story = {"messages": [{"role": "user", "content": "Write a long story about a lighthouse, in ten chapters."}]}
    run_id = api.post("/api/runs", json=story).json()["id"]
    _until(lambda: any(span["kind"] == "model" for span in _spans(api, run_id)))
    assert api.post(f"/api/runs/{run_id}/cancel").status_code == 200
    run: Any = wait_for_end(product, run_id, seconds=15)
    assert run["status"] == "cancelled"
    assert api.post(f"/api/runs/{run_id}/cancel").json()["status"] == "cancelled"
    _until(lambda: model_is_idle(product), seconds=5)


def test_hanging_up_stops_the_model(api: httpx.Client, product: Product) -> None:
    story = json.loads(asking("Write a long story about a lighthouse, in ten chapters.")) | {"stream": True}
    with api.stream("POST", "/v1/chat/completions", json=story) as reply:
        run_id = reply.headers["x-pointsman-run-id"]
        lines = reply.iter_lines()
        next(line for line in lines if '"content":"' in line)
    _until(lambda: api.get(f"/api/runs/{run_id}").json()["status"] == "cancelled")
    _until(lambda: model_is_idle(product), seconds=5)


def test_the_example_team_talks_until_it_ends(product: Product) -> None:
    ran = product.pointsman("teams", "run", "review", "--input", "topic=why the sky is blue", "--json", timeout=400)
    assert ran.returncode == 0, ran.stderr
    run = json.loads(ran.stdout)
    assert run["status"] in ("succeeded", "truncated")
    assert run["model"] == "team/review"
    assert run["answer"]["choices"][0]["text"]
    told = [(message["sender"], message["recipient"]) for message in run["messages"]]
    assert told[:2] == [("user", "writer"), ("writer", "critic")]
    assert told[-1] == ("critic", "user")
    assert run["usage"]["model_calls"] >= 2


def test_a_schedule_fires_and_leaves_a_run_and_a_slot(product: Product, api: httpx.Client) -> None:
    added = product.pointsman("schedules", "add", "--every", "2", "--name", "twice two", "What is 2 + 2?", "--json")
    assert added.returncode == 0, added.stderr
    schedule = json.loads(added.stdout)["id"]
    try:
        _until(lambda: any(slot["outcome"] == "ran" for slot in _slots(api, schedule)), seconds=60)
    finally:
        api.patch(f"/api/schedules/{schedule}", json={"paused": True})
    slot = next(slot for slot in _slots(api, schedule) if slot["outcome"] == "ran")
    run = api.get(f"/api/runs/{slot['run_id']}").json()
    assert (run["status"], run["origin"], run["model"]) == ("succeeded", "schedule", "pointsman/calculate")
    assert run["answer"]["choices"][0]["text"] == "4"
    assert api.delete(f"/api/schedules/{schedule}").status_code == 204


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("{oops", 400, "not valid JSON"),
        ('{"model": "auto"}', 400, "'messages' is missing"),
        ('{"model": "auto", "messages": [{"role": "user", "content": "hi"}], "temperature": 9}', 400, "temperature=9"),
        (
            '{"model": "auto", "messages": [{"role": "user", "content": "hi"}], "pointsman": {"efort": "low"}}',
            400,
            "did you mean 'effort'",
        ),
        ('{"model": "auto", "messages": [{"role": "user", "content": "hi"}], "functions": [{}]}', 400, "'functions'"),
        ('{"model": "team/revue", "messages": [{"role": "user", "content": "hi"}]}', 404, "review"),
        (json.dumps({"model": "auto", "messages": [{"role": "user", "content": "x" * 5_000_000}]}), 413, "4000000"),
        (
            json.dumps({"model": "auto", "messages": [{"role": "user", "content": "word " * 300_000}]}),
            400,
            "do not fit",
        ),
    ],
    ids=["no JSON", "no messages", "a bad value", "a typo of ours", "not served", "no team", "5 MB", "too long"],
)
def test_bad_input_is_refused_with_the_value_and_the_remedy(
    api: httpx.Client, body: str, status: int, said: str
) -> None:
    reply = api.post("/v1/chat/completions", content=body, headers={"content-type": "application/json"}, timeout=20)
    assert reply.status_code == status
    assert said in reply.json()["error"]["message"]
    assert set(reply.json()["error"]) == {"message", "type", "param", "code"}


def test_a_wrong_key_in_a_team_file_is_named_with_its_place(api: httpx.Client) -> None:
    yaml = "version: 1\nname: x\nagents:\n  a: {instrctions: hello}\ntasks: [{id: t, description: d, agent: a}]\n"
    reply = api.post("/api/teams", json={"yaml": yaml})
    [problem] = reply.json()["problems"]
    assert reply.status_code == 422
    assert (problem["line"], problem["nearest"]) == (4, "instructions")


def test_what_is_ready_and_what_is_waited_for(api: httpx.Client) -> None:
    assert api.get("/health").json() == {"status": "ok"}
    assert api.get("/ready").json() == {"ready": True, "waiting_for": ["model:large"]}


def _events(api: httpx.Client, run_id: str, *, last: int = 0) -> list[tuple[int | None, str, Any]]:
    found: list[tuple[int | None, str, Any]] = []
    number, kind = None, ""
    with api.stream("GET", f"/api/runs/{run_id}/events", headers={"Last-Event-ID": str(last)}) as reply:
        for line in reply.iter_lines():
            name, _, value = line.partition(": ")
            if name == "id":
                number = int(value)
            elif name == "event":
                kind = value
            elif name == "data":
                found.append((number, kind, json.loads(value)))
                number = None
    return found


def _spans(api: httpx.Client, run_id: str) -> list[dict[str, Any]]:
    spans: list[dict[str, Any]] = api.get(f"/api/traces/{run_id}/spans").json()["spans"]
    return spans


def _slots(api: httpx.Client, schedule: str) -> list[dict[str, Any]]:
    slots: list[dict[str, Any]] = api.get(f"/api/schedules/{schedule}/slots").json()["slots"]
    return slots


def _until(holds: Any, *, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"it did not come true within {seconds} s"
        time.sleep(0.2)
