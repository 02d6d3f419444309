"""What model servers send, recorded and cut at each class of place: an answer is whole, or an error by its remedy."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from decimal import Decimal
from typing import Any, cast

import httpx
import pytest

from agents.errors import InvalidTask, MalformedOutput, NotFound, PointsmanError, Unavailable
from agents.model import Completion, Delta, Model, ModelRequest
from agents.records import ChatMessage, Effort, Json, Sampling, ToolCall, ToolSpec
from services.models.catalog import Catalog, Kind, ModelEntry
from services.models.chat import Timeouts
from services.models.refusals import retry_after, said_in
from services.models.registry import Models
from services.models.retry import RetryingModel

# Frames as SGLang 0.5.23 and llama.cpp sent them, ids and times left out.
ROLE: Json = {
    "index": 0,
    "delta": {"reasoning_content": None, "role": "assistant", "content": ""},
    "finish_reason": None,
}
THOUGHT: Json = {"index": 0, "delta": {"reasoning_content": " man"}, "logprobs": None, "finish_reason": None}
WORDS: Json = {"index": 0, "delta": {"reasoning_content": None, "content": "/heads"}, "finish_reason": None}
MORE: Json = {"index": 0, "delta": {"reasoning_content": None, "content": " up\u2028now"}, "finish_reason": None}
LENGTH: Json = {"index": 0, "delta": {"reasoning_content": None}, "logprobs": None, "finish_reason": "length"}
STOP: Json = {"index": 0, "delta": {}, "finish_reason": "stop"}
ABORT: Json = {"index": 0, "delta": {}, "finish_reason": "abort"}
USAGE: Json = {
    "prompt_tokens": 13,
    "total_tokens": 18,
    "completion_tokens": 5,
    "prompt_tokens_details": {"cached_tokens": 12},
    "reasoning_tokens": 3,
    "completion_tokens_details": {"reasoning_tokens": 3},
}
DONE = b"data: [DONE]\n\n"


def frame(*choices: Json, **fields: object) -> bytes:
    body = {"object": "chat.completion.chunk", "model": "tiny", "choices": list(choices), **fields}
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


COUNTED = frame(usage=USAGE)
WHOLE = [frame(ROLE), frame(THOUGHT), frame(WORDS), frame(MORE), frame(LENGTH), COUNTED, DONE]


class Scripted(httpx.AsyncByteStream):
    """A reply's body: pieces, then its end, or an error in place of its end; it knows whether it was closed."""

    def __init__(self, pieces: Sequence[bytes], *, ends_with: Exception | None = None, hangs: bool = False) -> None:
        self._pieces = pieces
        self._ends_with = ends_with
        self._hangs = hangs
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        if self._hangs:
            await asyncio.Event().wait()
        if self._ends_with:
            raise self._ends_with

    async def aclose(self) -> None:
        self.closed = True


class Server:
    """A model server that gives one reply after the other, and keeps what it was asked."""

    def __init__(self, *replies: Scripted | httpx.Response | Exception, models: httpx.Response | None = None) -> None:
        self._replies = list(replies)
        self._models = models or httpx.Response(200, json={"data": [{"id": "tiny", "max_model_len": 16384}]})
        self.asked: list[Json] = []
        self.headers: list[httpx.Headers] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.headers.append(request.headers)
        if request.url.path == "/v1/models":
            return self._models
        self.asked.append(json.loads(request.content))
        reply = self._replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, httpx.Response):
            return reply
        return httpx.Response(200, headers={"content-type": "text/event-stream; charset=utf-8"}, stream=reply)


def an_entry(kind: Kind = "sglang", **fields: object) -> ModelEntry:
    return ModelEntry.model_validate(
        {
            "id": "small",
            "kind": kind,
            "url": "http://server/v1",
            "model": "tiny",
            "parameters_billion": 1,
            "context_tokens": 16384,
            **fields,
        }
    )


def a_model(server: Server, entry: ModelEntry | None = None, *, timeouts: Timeouts | None = None) -> Model:
    """The adapter without its retries, which have tests of their own."""
    client = httpx.AsyncClient(transport=httpx.MockTransport(server))
    models = Models(Catalog(entries=(entry or an_entry(),)), client, timeouts=timeouts)
    retrying = models.get("small")
    assert isinstance(retrying, RetryingModel)
    return retrying._model  # pyright: ignore[reportPrivateUsage]


def a_request(text: str = "hello", **fields: Any) -> ModelRequest:
    return ModelRequest(messages=(ChatMessage(role="user", content=text),), **fields)


async def ask(model: Model, request: ModelRequest | None = None) -> tuple[list[Delta], Completion]:
    deltas: list[Delta] = []
    completion: Completion | None = None
    async with aclosing(model.stream(request or a_request())) as events:
        async for event in events:
            if isinstance(event, Completion):
                assert completion is None, "the completion comes once"
                completion = event
            else:
                assert completion is None, "and last"
                deltas.append(event)
    assert completion is not None
    return deltas, completion


# --- whole answers ----------------------------------------------------------------------------------------------------


async def test_a_whole_stream_is_an_answer_with_its_count() -> None:
    deltas, completion = await ask(a_model(Server(Scripted(WHOLE))))
    choice = completion.choices[0]
    assert choice.text == "/heads up\u2028now" == "".join(delta.text for delta in deltas)
    assert choice.reasoning == " man" == "".join(delta.reasoning for delta in deltas)
    assert choice.finish_reason == "length"
    assert completion.model == "small"
    usage = completion.usage
    assert (usage.input_tokens, usage.output_tokens, usage.reasoning_tokens, usage.cached_tokens) == (13, 5, 3, 12)
    assert usage.model_calls == 1
    assert usage.gpu_seconds == completion.seconds > 0
    assert completion.first_token_seconds is not None


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
async def test_pieces_of_any_size_give_the_same_answer(size: int) -> None:
    body = b"".join(WHOLE).replace(b"\n", b"\r\n") if size == 7 else b"".join(WHOLE)
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    _, completion = await ask(a_model(Server(Scripted(pieces))))
    assert completion.choices[0].text == "/heads up\u2028now"


async def test_comments_that_keep_the_connection_alive_are_no_part_of_the_answer() -> None:
    pieces = [piece for whole in WHOLE for piece in (b": keepalive\n\n", b":\n\n", whole)]
    deltas, _ = await ask(a_model(Server(Scripted(pieces))))
    assert "".join(delta.text for delta in deltas) == "/heads up\u2028now"


async def test_thoughts_are_read_under_both_of_their_names() -> None:
    thought = {"index": 0, "delta": {"reasoning": " hm"}, "finish_reason": None}
    _, completion = await ask(a_model(Server(Scripted([frame(thought), frame(WORDS), frame(STOP), COUNTED, DONE]))))
    assert (completion.choices[0].reasoning, completion.choices[0].text) == (" hm", "/heads")


async def test_null_fields_are_nothing() -> None:
    nothing = {"index": 0, "delta": {"content": None, "reasoning_content": None, "tool_calls": None}, "logprobs": None}
    usage = {"prompt_tokens": 17, "completion_tokens": 9, "prompt_tokens_details": None, "reasoning_tokens": None}
    pieces = [
        frame(nothing, usage=None),
        frame({"index": 0, "delta": None}),
        frame(WORDS),
        frame(STOP),
        frame(usage={**usage, "completion_tokens_details": None}),
        DONE,
    ]
    _, completion = await ask(a_model(Server(Scripted(pieces))))
    assert completion.usage.cached_tokens == completion.usage.reasoning_tokens == 0
    assert completion.choices[0].text == "/heads"


async def test_an_end_without_done_is_an_end() -> None:
    _, completion = await ask(a_model(Server(Scripted(WHOLE[:-1]))))
    assert completion.choices[0].finish_reason == "length"


async def test_choices_are_told_apart_by_index_and_counted_once() -> None:
    other = {"index": 1, "delta": {"content": "tails"}, "finish_reason": None}
    pieces = [frame(WORDS), frame(other), frame(MORE), frame({**STOP, "index": 1}), frame(STOP), COUNTED, DONE]
    server = Server(Scripted(pieces))
    _, completion = await ask(a_model(server), a_request(sampling=Sampling(n=2)))
    assert [choice.text for choice in completion.choices] == ["/heads up\u2028now", "tails"]
    assert completion.usage.output_tokens == 5
    assert server.asked[0]["n"] == 2


async def test_the_embedded_server_counts_each_choice_in_a_frame_of_its_own() -> None:
    one = {"prompt_tokens": 31, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 0}}
    pieces = [
        frame(WORDS),
        frame({**WORDS, "index": 1}),
        frame({**STOP, "index": 1}),
        frame(usage=one),
        frame(STOP),
        frame(usage={**one, "completion_tokens": 6}),
        DONE,
    ]
    _, completion = await ask(
        a_model(Server(Scripted(pieces)), an_entry("embedded")), a_request(sampling=Sampling(n=2))
    )
    assert (completion.usage.input_tokens, completion.usage.output_tokens) == (31, 10)


async def test_a_tool_call_is_put_together_of_its_pieces() -> None:
    def piece(call: Json) -> bytes:
        return frame({"index": 0, "delta": {"content": None, "tool_calls": [call]}, "finish_reason": None})

    pieces = [
        piece({"id": "call_33f3", "index": 0, "type": "function", "function": {"name": "route", "arguments": ""}}),
        piece({"id": None, "index": 0, "function": {"name": None, "arguments": '{"tier": "'}}),
        piece({"id": None, "index": 0, "function": {"name": None, "arguments": 'small"}'}}),
        frame({"index": 0, "delta": {}, "finish_reason": "tool_calls"}),
        COUNTED,
        DONE,
    ]
    deltas, completion = await ask(a_model(Server(Scripted(pieces))))
    assert deltas == []
    expected = ToolCall(id="call_33f3", name="route", arguments='{"tier": "small"}')
    assert completion.choices[0].tool_calls == (expected,)
    assert completion.choices[0].finish_reason == "tool_calls"


async def test_the_logprobs_of_all_pieces_are_kept() -> None:
    def scored(token: str) -> bytes:
        content: list[Json] = [{"token": token, "logprob": -1.0, "top_logprobs": []}]
        return frame({"index": 0, "delta": {"content": token}, "logprobs": {"content": content}, "finish_reason": None})

    pieces = [scored("a"), scored("b"), frame(STOP), COUNTED, DONE]
    server = Server(Scripted(pieces))
    _, completion = await ask(a_model(server), a_request(sampling=Sampling(logprobs=True, top_logprobs=2)))
    logprobs = completion.choices[0].logprobs
    assert logprobs is not None
    assert [item["token"] for item in logprobs["content"]] == ["a", "b"]
    assert (server.asked[0]["logprobs"], server.asked[0]["top_logprobs"]) == (True, 2)


# --- broken answers ---------------------------------------------------------------------------------------------------

CLOSED = httpx.RemoteProtocolError("peer closed connection without sending complete message body")
FULL = {
    "error": {"object": "error", "message": "The request queue is full.", "type": "SERVICE_UNAVAILABLE", "code": 503}
}
SMG = {"error": {"message": "Stream error: unexpected EOF during chunk size line", "type": "stream_error"}}
BAD_GRAMMAR = {"error": {"object": "error", "message": "Failed to compile json grammar: anyOf", "code": 400}}


def error_frame(body: Json) -> bytes:
    return b"data: " + json.dumps(body).encode() + b"\n\n"


@pytest.mark.parametrize(
    ("pieces", "ends_with", "error", "words"),
    [
        ([error_frame(FULL), DONE], None, Unavailable, "queue is full"),
        ([error_frame(SMG), DONE], None, Unavailable, "Stream error"),
        ([error_frame(BAD_GRAMMAR), DONE], None, InvalidTask, "Failed to compile json grammar"),
        ([frame(WORDS), error_frame(SMG), DONE], None, MalformedOutput, "broke off.*Stream error"),
        (
            [frame(WORDS), error_frame({"object": "error", "message": "no", "code": 503}), DONE],
            None,
            MalformedOutput,
            "no",
        ),
        ([frame(WORDS), frame(ABORT), COUNTED, DONE], None, MalformedOutput, "gave it up"),
        ([], CLOSED, Unavailable, "closed the connection before it answered"),
        ([frame(WORDS)], CLOSED, MalformedOutput, "closed the connection"),
        ([frame(WORDS)[:20]], None, MalformedOutput, "no answer"),
        ([frame(WORDS), frame(MORE)[:-9]], None, MalformedOutput, "no answer"),
        ([frame(WORDS)], None, MalformedOutput, "ended in the middle"),
        ([frame(WORDS), DONE], None, MalformedOutput, "ended in the middle"),
        ([frame(WORDS), COUNTED, DONE], None, MalformedOutput, "ended in the middle"),
        ([DONE], None, MalformedOutput, "ended in the middle"),
        ([], None, MalformedOutput, "ended in the middle"),
        ([frame(WORDS), frame(STOP), DONE], None, MalformedOutput, "what it used"),
        ([b"data: {not json}\n\n"], None, MalformedOutput, "no answer"),
        ([b"data: [1, 2]\n\n"], None, MalformedOutput, "no answer"),
        ([b"data: \xff\xfe\n\n"], None, MalformedOutput, "no answer"),
        ([frame({**WORDS, "index": 3})], None, MalformedOutput, "choice 3 of 1"),
        ([frame(WORDS), frame({**STOP, "finish_reason": "odd"}), COUNTED], None, MalformedOutput, "'odd'"),
        ([b"x" * 9_000_000], None, MalformedOutput, "without end"),
    ],
)
async def test_a_broken_stream_is_an_error_and_never_an_answer(
    pieces: list[bytes], ends_with: Exception | None, error: type[PointsmanError], words: str
) -> None:
    body = Scripted(pieces, ends_with=ends_with)
    with pytest.raises(error, match=words):
        await ask(a_model(Server(body)))
    assert body.closed


async def test_one_unfinished_choice_of_two_spoils_the_answer() -> None:
    pieces = [frame(WORDS), frame({**WORDS, "index": 1}), frame(STOP), COUNTED, DONE]
    with pytest.raises(MalformedOutput, match="ended in the middle"):
        await ask(a_model(Server(Scripted(pieces))), a_request(sampling=Sampling(n=2)))


async def test_two_tool_calls_of_one_id_are_no_answer() -> None:
    calls = [{"id": "x", "index": index, "function": {"name": "route", "arguments": "{}"}} for index in range(2)]
    pieces = [
        frame({"index": 0, "delta": {"tool_calls": calls}, "finish_reason": None}),
        frame({**STOP, "finish_reason": "tool_calls"}),
        COUNTED,
        DONE,
    ]
    with pytest.raises(MalformedOutput, match="same id"):
        await ask(a_model(Server(Scripted(pieces))))


async def test_a_reply_that_is_no_stream_is_no_answer() -> None:
    with pytest.raises(MalformedOutput, match="application/json, not a stream"):
        await ask(a_model(Server(httpx.Response(200, json={"choices": []}))))


# --- refusals ---------------------------------------------------------------------------------------------------------

TOO_LONG = "The input (40011 tokens) is longer than the model's context length (16384 tokens)."
OVERFLOW = "request (3030 tokens) exceeds the available context size (2048 tokens), try increasing it"


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (
            400,
            {"object": "error", "message": "Failed to compile regex grammar", "code": 400},
            InvalidTask,
            "compile regex",
        ),
        (400, {"object": "error", "message": TOO_LONG}, InvalidTask, "do not fit into model small, which holds 16384"),
        (400, {"error": {"code": 400, "message": OVERFLOW}}, InvalidTask, "do not fit"),
        (413, None, InvalidTask, "does not say why"),
        (422, {"detail": "field required"}, InvalidTask, "field required"),
        (401, {"error": "Unauthorized"}, Unavailable, "check api_key of small"),
        (403, {"error": {"message": "key sk-secret is bad"}}, Unavailable, "check api_key of small"),
        (404, {"detail": "Not Found"}, Unavailable, "'tiny'.*check url and model of small"),
        (302, None, Unavailable, "HTTP 302.*check url of small"),
        (429, {"error": {"message": "slow down"}}, Unavailable, "slow down"),
        (500, None, Unavailable, "HTTP 500"),
        (503, {"object": "error", "message": "The request queue is full."}, Unavailable, "queue is full"),
    ],
)
async def test_a_refusal_is_an_error_by_its_remedy(
    status: int, body: Json | None, error: type[PointsmanError], words: str
) -> None:
    server = Server(httpx.Response(status, json=body) if body else httpx.Response(status, text="<html>"))
    with pytest.raises(error, match=words) as raised:
        await ask(a_model(server, an_entry(api_key="sk-secret")))
    assert "sk-secret" not in str(raised.value)
    assert server.headers[-1]["authorization"] == "Bearer sk-secret"


async def test_a_full_server_says_how_long_to_wait() -> None:
    with pytest.raises(Unavailable) as raised:
        await ask(a_model(Server(httpx.Response(503, headers={"Retry-After": "7"}))))
    assert raised.value.retry_after_seconds == 7


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 2.0),
        ({"retry-after": "12"}, 12.0),
        ({"retry-after-ms": "250", "retry-after": "12"}, 0.25),
        ({"retry-after": "Fri, 01 Jan 2100 00:00:00 GMT"}, 3600.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, 2.0),
        ({"retry-after": "nan"}, 2.0),
        ({"retry-after": " "}, 2.0),
        ({"retry-after": "-5"}, 0.0),
    ],
)
def test_the_time_to_wait_is_a_number_or_a_date_and_has_bounds(headers: dict[str, str], seconds: float) -> None:
    assert retry_after(headers) == seconds


def test_paths_of_the_server_are_not_passed_on() -> None:
    told = '1 validation error:\n  File "/root/.cache/x/site-packages/sglang/http_server.py", line 1870'
    assert said_in({"message": told}) == "1 validation error:"
    assert said_in({"message": "no file /srv/models/x.json here"}) == "no file (path) here"


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("refused"), httpx.ConnectTimeout("late"), httpx.ReadError("reset")]
)
async def test_a_server_that_is_not_there_is_unavailable(error: Exception) -> None:
    with pytest.raises(Unavailable, match=r"cannot be reached at server|closed the connection"):
        await ask(a_model(Server(error)))


async def test_a_model_without_a_url_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="its url in the catalog is empty"):
        await ask(a_model(Server(), an_entry(url="")))


# --- who answers ------------------------------------------------------------------------------------------------------


async def test_a_server_of_another_model_is_not_asked_and_both_are_named() -> None:
    server = Server(models=httpx.Response(200, json={"data": [{"id": "other"}]}))
    with pytest.raises(Unavailable, match="serves other, not tiny"):
        await ask(a_model(server))
    assert server.asked == []


async def test_the_server_is_asked_for_its_models_once() -> None:
    server = Server(Scripted(WHOLE), Scripted(WHOLE))
    model = a_model(server)
    await ask(model)
    await ask(model)
    assert len(server.headers) == 3


async def test_a_server_that_came_back_is_asked_again_who_it_is() -> None:
    server = Server(httpx.ConnectError("refused"), Scripted(WHOLE))
    model = a_model(server)
    with pytest.raises(Unavailable):
        await ask(model)
    await ask(model)
    assert len(server.headers) == 4


async def test_an_adapter_is_known_by_its_base() -> None:
    server = Server(Scripted(WHOLE))
    await ask(a_model(server, an_entry(model="tiny:legal")))
    assert server.asked[0]["model"] == "tiny:legal"


async def test_a_rented_server_may_keep_its_list_to_itself_and_our_own_may_not() -> None:
    hidden = httpx.Response(404, json={"detail": "Not Found"})
    await ask(a_model(Server(Scripted(WHOLE), models=hidden), an_entry("openai")))
    with pytest.raises(Unavailable, match="HTTP 404"):
        await ask(a_model(Server(Scripted(WHOLE), models=hidden), an_entry("sglang")))


# --- time -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pieces", "limits", "words"),
    [
        ([], {"first_byte_seconds": 0.05}, "to begin its answer"),
        ([b": keepalive\n\n"], {"first_byte_seconds": 0.05}, "to begin its answer"),
        ([frame(WORDS), b": keepalive\n\n"], {"idle_seconds": 0.05}, "to go on with its answer"),
        ([frame(WORDS)], {"total_seconds": 0.05}, "to go on with its answer"),
    ],
)
async def test_every_wait_has_an_end(pieces: list[bytes], limits: dict[str, float], words: str) -> None:
    body = Scripted(pieces, hangs=True)
    with pytest.raises(Unavailable, match=words):
        await ask(a_model(Server(body), timeouts=Timeouts.model_validate(limits)))
    assert body.closed


async def test_closing_the_stream_closes_the_connection_and_frees_the_place() -> None:
    bodies = [Scripted([frame(WORDS)], hangs=True), Scripted(WHOLE)]
    model = a_model(Server(*bodies), an_entry(max_parallel=1))
    stream = model.stream(a_request())
    assert isinstance(await anext(stream), Delta)
    await stream.aclose()
    assert bodies[0].closed
    _, completion = await ask(model)
    assert completion.choices[0].text


async def test_no_more_calls_are_open_than_the_model_may_have() -> None:
    bodies = [Scripted([frame(WORDS)], hangs=True), Scripted(WHOLE)]
    server = Server(*bodies)
    models = Models(
        Catalog(entries=(an_entry(max_parallel=1),)), httpx.AsyncClient(transport=httpx.MockTransport(server))
    )
    first = models.get("small").stream(a_request())
    await anext(first)
    second = asyncio.create_task(ask(models.get("small")))
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(server.asked) == 1
    assert models.cards()[0].queue == 1
    await first.aclose()
    await second
    assert models.cards()[0].queue == 0


# --- what is sent -----------------------------------------------------------------------------------------------------

HYBRID = {
    "none": {"reasoning_effort": "none"},
    "low": {"reasoning_effort": "low", "budget_tokens": 1000},
    "high": {"thinking": True, "budget_tokens": 4000},
}


async def sent(request: ModelRequest, entry: ModelEntry) -> tuple[Json, Completion]:
    server = Server(Scripted(WHOLE))
    _, completion = await ask(a_model(server, entry), request)
    return server.asked[0], completion


@pytest.mark.parametrize(
    ("asked", "ran", "fields"),
    [
        (Effort.NONE, Effort.NONE, {"reasoning_effort": "none", "max_tokens": 2048}),
        (Effort.LOW, Effort.LOW, {"custom_params": {"thinking_budget": 1000}, "max_tokens": 3048}),
        (Effort.MEDIUM, Effort.LOW, {"reasoning_effort": "low"}),
        (Effort.MAX, Effort.HIGH, {"chat_template_kwargs": {"enable_thinking": True, "thinking": True}}),
    ],
)
async def test_an_effort_is_mapped_down_and_the_answer_says_which_ran(asked: Effort, ran: Effort, fields: Json) -> None:
    body, completion = await sent(a_request(effort=asked), an_entry(efforts=HYBRID))
    assert {name: body.get(name) for name in fields} == fields
    assert completion.effort == ran


async def test_an_effort_below_all_is_the_lowest_there_is() -> None:
    _, completion = await sent(a_request(), an_entry(efforts={"low": {"reasoning_effort": "low"}}))
    assert completion.effort == Effort.LOW


async def test_a_thinking_budget_leaves_room_for_the_answer() -> None:
    request = a_request(effort=Effort.HIGH, sampling=Sampling(max_output_tokens=100))
    body, _ = await sent(request, an_entry(efforts=HYBRID))
    assert (body["max_tokens"], body["custom_params"]) == (100, {"thinking_budget": 75})


async def test_a_limit_is_always_sent_and_fits_into_the_context() -> None:
    body, _ = await sent(
        a_request("word " * 600), an_entry(context_tokens=1500, max_tokens_field="max_completion_tokens")
    )
    assert 256 <= body["max_completion_tokens"] < 600


async def test_usage_is_asked_for_and_only_what_was_said_is_sent() -> None:
    body, _ = await sent(a_request(), an_entry())
    assert body == {
        "model": "tiny",
        "messages": [{"role": "user", "content": "hello"}],
        "max_tokens": 2048,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


ROUTE = ToolSpec(name="route", description="Choose.", parameters={"type": "object", "properties": {"tier": {}}})


async def test_sglang_is_told_to_hold_tool_arguments_to_their_schema() -> None:
    body, _ = await sent(a_request(tools=(ROUTE,), tool_choice="route"), an_entry("sglang"))
    assert body["tools"][0]["function"]["strict"] is True
    assert body["tool_choice"] == {"type": "function", "function": {"name": "route"}}
    rented, _ = await sent(a_request(tools=(ROUTE,)), an_entry("openai"))
    assert "strict" not in rented["tools"][0]["function"]


async def test_a_tool_that_is_not_offered_cannot_be_chosen() -> None:
    with pytest.raises(InvalidTask, match="tool_choice is 'fly'; use auto, none, required or one of: route"):
        await sent(a_request(tools=(ROUTE,), tool_choice="fly"), an_entry())


async def test_a_conversation_with_tools_is_sent_as_it_was() -> None:
    call = ToolCall(id="c1", name="route", arguments='{"tier": 1}')
    messages = (
        ChatMessage(role="user", content="go"),
        ChatMessage(role="assistant", tool_calls=(call,)),
        ChatMessage(role="tool", content="done", tool_call_id="c1"),
    )
    body, _ = await sent(ModelRequest(messages=messages), an_entry())
    assert body["messages"][1]["tool_calls"][0]["function"] == {"name": "route", "arguments": '{"tier": 1}'}
    assert body["messages"][2] == {"role": "tool", "content": "done", "tool_call_id": "c1"}


# --- what it costs ----------------------------------------------------------------------------------------------------


async def test_tokens_and_machine_time_are_priced() -> None:
    entry = an_entry("openai", usd_per_million_input_tokens=1, usd_per_million_output_tokens=10)
    _, completion = await sent(a_request(), entry)
    assert completion.cost_usd == Decimal("0.000063")
    assert completion.usage.gpu_seconds == 0
    _, rented = await sent(a_request(), an_entry(usd_per_hour=3600))
    assert rented.cost_usd == pytest.approx(Decimal(str(rented.usage.gpu_seconds)), abs=Decimal("0.00001"))


def test_the_worst_cost_is_all_choices_written_to_their_limit() -> None:
    entry = an_entry("openai", usd_per_million_output_tokens=10, usd_per_million_input_tokens=10)
    tokens, usd = a_model(Server(), entry).worst_cost(
        a_request("word " * 60, sampling=Sampling(max_output_tokens=100, n=3))
    )
    assert 300 + 60 < tokens < 300 + 300
    assert usd == Decimal(tokens) / 100_000


# --- tools of the embedded model --------------------------------------------------------------------------------------


def written(text: str, finish_reason: str = "stop") -> Scripted:
    pieces = [frame({"index": 0, "delta": {"content": piece}, "finish_reason": None}) for piece in (text[:9], text[9:])]
    return Scripted([*pieces, frame({"index": 0, "delta": {}, "finish_reason": finish_reason}), COUNTED, DONE])


async def tools_of(body: Scripted, **fields: Any) -> tuple[Json, list[Delta], Completion]:
    server = Server(body)
    request = a_request(tools=(ROUTE,), **fields)
    deltas, completion = await ask(a_model(server, an_entry("embedded")), request)
    return server.asked[0], deltas, completion


async def test_the_embedded_model_calls_a_tool_by_schema_and_no_json_is_seen() -> None:
    body, deltas, completion = await tools_of(written('{"tool": "route", "arguments": {"tier": "small"}}'))
    choice = completion.choices[0]
    assert deltas == []
    assert (choice.text, choice.finish_reason) == ("", "tool_calls")
    assert (choice.tool_calls[0].name, choice.tool_calls[0].arguments) == ("route", '{"tier": "small"}')
    assert choice.tool_calls[0].id
    assert "tools" not in body
    assert "route" in body["messages"][0]["content"]


async def test_the_embedded_model_may_answer_in_words_instead() -> None:
    _, deltas, completion = await tools_of(written('{"tool": "none", "answer": "Good \\"day\\""}'))
    assert [delta.text for delta in deltas] == ['Good "day"'] == [completion.choices[0].text]
    assert completion.choices[0].finish_reason == "stop"


@pytest.mark.parametrize(
    ("choice", "shapes"),
    [("auto", ["route", "none"]), ("required", ["route"]), ("route", ["route"])],
)
async def test_the_schema_offers_what_the_choice_of_tools_allows(choice: str, shapes: list[str]) -> None:
    call = '{"tool": "route", "arguments": {}}'
    body, _, _ = await tools_of(written(call), tool_choice=choice)
    schema = cast("Json", body["response_format"]["json_schema"]["schema"])
    assert [shape["properties"]["tool"]["const"] for shape in schema["anyOf"]] == shapes


async def test_without_a_choice_of_tools_the_embedded_model_answers_freely_and_streams() -> None:
    body, deltas, _ = await tools_of(Scripted(WHOLE), tool_choice="none")
    assert "response_format" not in body
    assert "tools" not in body
    assert len(deltas) == 3


async def test_references_in_a_tools_schema_move_along_with_it() -> None:
    parameters = {"properties": {"city": {"$ref": "#/$defs/c"}}, "$defs": {"c": {"type": "string"}}}
    server = Server(written('{"tool": "go", "arguments": {}}'))
    request = a_request(tools=(ToolSpec(name="go", parameters=parameters),))
    await ask(a_model(server, an_entry("embedded")), request)
    schema = server.asked[0]["response_format"]["json_schema"]["schema"]
    assert schema["$defs"]["arguments0"]["properties"]["city"] == {"$ref": "#/$defs/arguments0/$defs/c"}


async def test_a_response_schema_holds_for_the_answer_beside_tools() -> None:
    wanted = {"type": "object", "properties": {"n": {"type": "integer"}}}
    body, _, completion = await tools_of(written('{"tool": "none", "answer": {"n": 4}}'), response_schema=wanted)
    assert json.loads(completion.choices[0].text) == {"n": 4}
    assert body["response_format"]["json_schema"]["schema"]["$defs"]["answer"] == wanted


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('{"tool": "none", "answer": "Once upon', "Once upon"),
        ('{"tool": "none", "answer": "a \\\\', "a \\"),
        ('{"tool": "none", "answer": "half \\', "half "),
        ('{"tool": "none", "answer": "half \\u00e', "half "),
        ('{"tool": "none", "answer": "emoji \\ud83d', "emoji \ufffd"),
    ],
)
async def test_an_answer_in_words_that_was_cut_is_still_an_answer(text: str, answer: str) -> None:
    _, _, completion = await tools_of(written(text, "length"))
    assert (completion.choices[0].text, completion.choices[0].finish_reason) == (answer, "length")


async def test_a_tool_call_that_was_cut_is_none() -> None:
    with pytest.raises(MalformedOutput, match="cut by its limit"):
        await tools_of(written('{"tool": "route", "arguments": {"ti', "length"))


async def test_json_of_another_shape_is_no_answer() -> None:
    with pytest.raises(MalformedOutput, match="neither a tool call nor an answer"):
        await tools_of(written('{"fly": true}'))


async def test_stop_words_end_the_answer_and_not_the_json() -> None:
    sampling = Sampling(stop=(",",))
    body, _, completion = await tools_of(written('{"tool": "none", "answer": "one, two"}'), sampling=sampling)
    assert completion.choices[0].text == "one"
    assert "stop" not in body


async def test_the_embedded_model_is_told_of_earlier_calls_in_its_own_form() -> None:
    call = ToolCall(id="c1", name="route", arguments='{"tier": 1}')
    messages = (
        ChatMessage(role="system", content="Be brief."),
        ChatMessage(role="user", content="go"),
        ChatMessage(role="assistant", tool_calls=(call,)),
        ChatMessage(role="tool", content="went", tool_call_id="c1"),
    )
    server = Server(written('{"tool": "none", "answer": "ok"}'))
    await ask(a_model(server, an_entry("embedded")), ModelRequest(messages=messages, tools=(ROUTE,)))
    told = server.asked[0]["messages"]
    assert [message["role"] for message in told] == ["system", "user", "assistant", "user"]
    assert told[0]["content"].startswith("Be brief.\n\nYou have these tools:")
    assert told[2]["content"] == '{"tool": "route", "arguments": {"tier": 1}}'
    assert told[3]["content"].startswith("Result of route:\nwent")


# --- again ------------------------------------------------------------------------------------------------------------


def retrying(server: Server, waits: list[float]) -> RetryingModel:
    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    return RetryingModel(a_model(server), sleep=sleep, jitter=lambda: 0.0)


def busy(seconds: str | None = None) -> httpx.Response:
    return httpx.Response(503, headers={"Retry-After": seconds} if seconds else {})


async def test_a_busy_server_is_asked_again_after_the_time_it_names() -> None:
    waits: list[float] = []
    _, completion = await ask(retrying(Server(busy("3"), httpx.ConnectError("x"), Scripted(WHOLE)), waits))
    assert completion.choices[0].text
    assert waits == [3.0, 2.0]


@pytest.mark.parametrize(
    ("replies", "asked"),
    [
        (lambda: [busy(), busy(), busy(), Scripted(WHOLE)], 3),
        (lambda: [busy("600"), Scripted(WHOLE)], 1),
        (lambda: [Scripted([frame(WORDS)], ends_with=CLOSED), Scripted(WHOLE)], 1),
        (lambda: [httpx.Response(400), Scripted(WHOLE)], 1),
    ],
)
async def test_asking_again_has_bounds(replies: Callable[[], list[Scripted | httpx.Response]], asked: int) -> None:
    server = Server(*replies())
    with pytest.raises(PointsmanError):
        await ask(retrying(server, []))
    assert len(server.asked) == asked


async def test_a_slow_server_is_not_asked_again() -> None:
    server = Server(Scripted([], hangs=True), Scripted(WHOLE))
    model = RetryingModel(a_model(server, timeouts=Timeouts(first_byte_seconds=0.05)))
    with pytest.raises(Unavailable, match="to begin its answer"):
        await ask(model)
    assert len(server.asked) == 1


# --- health, registry -------------------------------------------------------------------------------------------------


def test_an_unknown_model_names_those_there_are() -> None:
    models = Models(Catalog(entries=(an_entry(),)), httpx.AsyncClient())
    with pytest.raises(NotFound, match="no model 'huge'; there are: small") as raised:
        models.get("huge")
    assert raised.value.code == "model_not_found"


LOADS = {"loads": [{"num_running_reqs": 1, "num_waiting_reqs": 2}, {"num_running_reqs": 1, "num_waiting_reqs": 1}]}
METRICS = "# HELP x\nllamacpp:requests_processing 4\nllamacpp:requests_deferred 5\n"


@pytest.mark.parametrize(
    ("kind", "replies", "healthy", "queue"),
    [
        ("sglang", {"/ready": (200, ""), "/v1/loads": (200, json.dumps(LOADS))}, True, 3),
        ("sglang", {"/ready": (200, ""), "/v1/loads": (401, "")}, True, 0),
        ("sglang", {"/ready": (503, "")}, False, 0),
        ("sglang", {"/ready": (404, ""), "/v1/models": (200, "{}"), "/v1/loads": (404, "")}, True, 0),
        ("embedded", {"/health": (200, "{}"), "/metrics": (200, METRICS)}, True, 5),
        ("embedded", {"/health": (503, "{}")}, False, 0),
        ("openai", {"/v1/models": (404, "")}, True, 0),
        ("openai", {"/v1/models": (401, "")}, False, 0),
    ],
)
async def test_health_is_what_each_kind_of_server_says(
    kind: Kind, replies: dict[str, tuple[int, str]], healthy: bool, queue: int
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        status, text = replies[request.url.path]
        return httpx.Response(status, text=text)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        models = Models(Catalog(entries=(an_entry(kind),)), client)
        await models.start()
        await models.stop()
    card = models.cards()[0]
    assert (card.healthy, card.queue) == (healthy, queue)


async def test_a_late_answer_or_two_is_no_death_but_a_closed_port_is() -> None:
    errors = [*(httpx.ReadTimeout("late") for _ in range(3)), httpx.ConnectError("refused")]

    def answer(request: httpx.Request) -> httpx.Response:
        raise errors.pop(0)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        health = Models(Catalog(entries=(an_entry("openai"),)), client).health
        seen = [(await health.check("small")).healthy for _ in range(4)]
    assert seen == [True, True, False, False]
