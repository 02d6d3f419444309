"""What the product relies on of a model server, asked of real ones: the embedded one, and SGLang on the CPU."""

import asyncio
import json
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest

from agents.errors import InvalidTask, Unavailable
from agents.model import Completion, Delta, Model, ModelRequest
from agents.records import ChatMessage, Effort, Sampling, ToolSpec
from tests.integration.models_fixtures import (
    END_OF_TURN,
    SERVE_SMALL,
    ServerUnderTest,
    embedded_server,
    sglang_server,
    started,
)

__all__ = ["embedded_server", "sglang_server"]

WEATHER = ToolSpec(
    name="get_weather",
    description="Get the weather of a city.",
    parameters={
        "type": "object",
        "properties": {"city": {"enum": ["Bern", "Oslo"]}},
        "required": ["city"],
        "additionalProperties": False,
    },
)
TICKET = {
    "type": "object",
    "properties": {"priority": {"enum": ["low", "high"]}, "minutes": {"type": "integer"}},
    "required": ["priority", "minutes"],
    "additionalProperties": False,
}


@pytest.fixture(
    params=[
        pytest.param("embedded_server", marks=pytest.mark.model),
        pytest.param("sglang_server", marks=pytest.mark.sglang),
    ]
)
def server(request: pytest.FixtureRequest) -> ServerUnderTest:
    return request.getfixturevalue(request.param)


def a_request(
    text: str = "Count from 1 to 100, with commas.", *, effort: Effort = Effort.NONE, **fields: object
) -> ModelRequest:
    return ModelRequest.model_validate(
        {"messages": (ChatMessage(role="user", content=text),), "effort": effort, **fields}
    )


def at_most(tokens: int, **fields: object) -> Sampling:
    return Sampling.model_validate({"max_output_tokens": tokens, "temperature": 0, **fields})


async def ask(model: Model, request: ModelRequest) -> tuple[list[Delta], Completion]:
    deltas: list[Delta] = []
    async with aclosing(model.stream(request)) as events:
        async for event in events:
            if isinstance(event, Completion):
                return deltas, event
            deltas.append(event)
    raise AssertionError("no completion")


async def test_an_answer_comes_in_pieces_and_whole_with_its_exact_count(server: ServerUnderTest) -> None:
    async with server.model() as models:
        deltas, completion = await ask(models.get(server.entry.id), a_request(sampling=at_most(9)))
    choice = completion.choices[0]
    assert choice.text == "".join(delta.text for delta in deltas)
    assert len(deltas) > 1
    assert choice.finish_reason == "length"
    assert completion.model == server.entry.id
    assert completion.usage.output_tokens == 9
    assert completion.usage.input_tokens > 5
    assert completion.usage.model_calls == 1
    assert 0 < (completion.first_token_seconds or 0) <= completion.seconds


async def test_three_samples_are_counted_exactly(server: ServerUnderTest) -> None:
    async with server.model() as models:
        model = models.get(server.entry.id)
        _, one = await ask(model, a_request(sampling=at_most(6)))
        deltas, three = await ask(model, a_request(sampling=at_most(6, n=3)))
    assert len(three.choices) == 3
    for index, choice in enumerate(three.choices):
        assert choice.finish_reason == "length"
        assert choice.text == "".join(delta.text for delta in deltas if delta.index == index)
    assert three.usage.output_tokens == 18
    assert three.usage.input_tokens == one.usage.input_tokens


async def test_effort_does_what_the_catalog_says_and_the_answer_names_it(server: ServerUnderTest) -> None:
    listed = server.entry.efforts
    async with server.model() as models:
        for effort in (Effort.NONE, Effort.LOW, Effort.MEDIUM, Effort.HIGH, Effort.MAX):
            _, completion = await ask(models.get(server.entry.id), a_request(effort=effort, sampling=at_most(60)))
            assert completion.effort == server.entry.nearest(effort)
            budget = listed[completion.effort].budget_tokens or 0
            # The tag that ends the thought counts too.
            assert completion.usage.reasoning_tokens <= budget + (budget > 0)
            assert bool(completion.choices[0].reasoning) == (budget > 0) == (completion.usage.reasoning_tokens > 0)


async def test_a_json_schema_holds(server: ServerUnderTest) -> None:
    request = a_request("A ticket: the server is down.", response_schema=TICKET, sampling=at_most(200))
    async with server.model() as models:
        _, completion = await ask(models.get(server.entry.id), request)
    answer = json.loads(completion.choices[0].text)
    assert answer.keys() == {"priority", "minutes"}
    assert answer["priority"] in ("low", "high")
    assert isinstance(answer["minutes"], int)


async def test_a_schema_that_is_none_is_the_askers_mistake(server: ServerUnderTest) -> None:
    async with server.model() as models:
        with pytest.raises(InvalidTask):
            await ask(models.get(server.entry.id), a_request(response_schema={"anyOf": 3}, sampling=at_most(5)))


async def test_a_forced_tool_call_follows_its_schema_and_is_not_seen_as_text(server: ServerUnderTest) -> None:
    extra = {"logit_bias": END_OF_TURN} if server.entry.kind == "sglang" else {}
    request = a_request(
        "What is the weather in Bern?", tools=(WEATHER,), tool_choice="required", sampling=at_most(400, temperature=1)
    )
    async with server.model(extra=extra) as models:
        deltas, completion = await ask(models.get(server.entry.id), request)
    choice = completion.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert [call.name for call in choice.tool_calls] == ["get_weather"]
    assert json.loads(choice.tool_calls[0].arguments)["city"] in ("Bern", "Oslo")
    assert choice.tool_calls[0].id
    assert not any("get_weather" in delta.text for delta in deltas)


async def comes_to_run(server: ServerUnderTest, requests: int) -> bool:
    """Whether the server comes to work on so many requests soon; it tells of them with some delay."""
    for _ in range(100):
        if await server.running() == requests:
            return True
        await asyncio.sleep(0.1)
    return False


async def test_closing_the_stream_stops_the_server(server: ServerUnderTest) -> None:
    endless = a_request(sampling=at_most(server.entry.context_tokens - 500))
    async with server.model(extra={"ignore_eos": True}) as models:
        async with aclosing(models.get(server.entry.id).stream(endless)) as stream:
            await anext(stream)
            assert await comes_to_run(server, 1)
        assert await comes_to_run(server, 0)


async def test_a_prompt_that_does_not_fit_is_the_askers_to_shorten(server: ServerUnderTest) -> None:
    async with server.model() as models:
        with pytest.raises(InvalidTask) as raised:
            await ask(models.get(server.entry.id), a_request("word " * server.long_prompt_words, sampling=at_most(5)))
    assert raised.value.code == "context_length_exceeded"


async def test_a_model_that_the_server_does_not_serve_is_named_beside_the_one_it_does(server: ServerUnderTest) -> None:
    async with server.model(model="nope") as models:
        with pytest.raises(Unavailable, match=f"serves {server.entry.model}, not nope"):
            await ask(models.get(server.entry.id), a_request(sampling=at_most(5)))


async def test_the_server_is_seen_to_be_healthy_and_idle(server: ServerUnderTest) -> None:
    async with server.model() as models:
        status = await models.health.check(server.entry.id)
    assert (status.healthy, status.queue) == (True, 0)


async def test_a_server_that_is_gone_is_seen_to_be_gone(server: ServerUnderTest) -> None:
    async with server.model(url="http://127.0.0.1:9/v1") as models:
        status = await models.health.check(server.entry.id)
        assert not status.healthy
        assert not models.cards()[0].healthy


@pytest.mark.model
@pytest.mark.usefixtures("embedded_server")
def test_the_embedded_server_ends_at_once_though_it_is_in_the_middle_of_an_answer(tmp_path: Path) -> None:
    with started(SERVE_SMALL, tmp_path / "log") as (process, said):
        body = {"stream": True, "ignore_eos": True, "max_tokens": 3000, "messages": [{"role": "user", "content": "hi"}]}
        url = f"{said.split()[-1]}/v1/chat/completions"
        with (
            httpx.Client(trust_env=False, timeout=120) as client,
            client.stream("POST", url, json=body) as reply,
        ):
            next(reply.iter_lines())
            process.terminate()
            assert process.wait(timeout=10) == 0
