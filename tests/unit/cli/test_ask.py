"""`pointsman ask` against a gateway that answers from a script: what it sends, prints, and takes for an error."""

import json
from pathlib import Path
from typing import Any

from tests.scripted_gateway import Reply, sse
from tests.unit.cli.conftest import Run, Serve

RUN_ID = "0199d0c3-1111-4222-8333-123456789abc"


def chunk(text: str | None = None, **fields: Any) -> dict[str, Any]:
    choices = [] if text is None else [{"index": 0, "delta": {"content": text}, "finish_reason": None}]
    return {"id": "c", "model": "small", "choices": choices, **fields}


def about(**fields: Any) -> dict[str, Any]:
    return {"run_id": RUN_ID, "status": "succeeded", "cost_usd": "0.0004", "verified_by": [], "plan": None, **fields}


def chat_stream(*pieces: str, model: str = "small", said: dict[str, Any] | None = None) -> Reply:
    last = {**chunk(), "model": model, "usage": {}, "pointsman": said or about()}
    events = [": keepalive\n\n", *sse(*[chunk(piece) for piece in pieces], last, "[DONE]")]
    return Reply(pieces=events, headers={"x-pointsman-plan": "direct small none"})


def test_ask_prints_the_answer_on_stdout_and_what_it_took_on_stderr(run: Run, serve: Serve) -> None:
    server = serve({"POST /v1/chat/completions": chat_stream("Because ", "of scattering.")})
    asked = run("ask", "Why is the sky blue?", "--effort", "low", "--max-usd", "0.5")
    assert asked.code == 0
    assert asked.out == "Because of scattering.\n"
    assert asked.err == f"small · plan direct small none · $0.0004 · not checked · run {RUN_ID}\n"
    assert server.asked[0].body == {
        "model": "auto",
        "messages": [{"role": "user", "content": "Why is the sky blue?"}],
        "pointsman": {"effort": "low", "max_usd": 0.5},
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_ask_says_when_no_model_was_called(run: Run, serve: Serve) -> None:
    said = about(cost_usd="0", plan={"rungs": [{"method": "calculate"}], "why": "it is a percentage"})
    reply = chat_stream("591.94", model="pointsman/calculate", said=said)._replace(headers={})
    serve({"POST /v1/chat/completions": reply})
    asked = run("ask", "What is 17% of 3,482?")
    assert asked.out == "591.94\n"
    assert asked.err == f"no model was called · plan calculate · $0 · computed exactly · run {RUN_ID}\n"


def test_ask_names_the_checks_that_passed_and_an_end_that_is_not_good(run: Run, serve: Serve) -> None:
    serve(
        {
            "POST /v1/chat/completions": [
                chat_stream("4", said=about(verified_by=["math", "regex"])),
                chat_stream("5", said=about(status="unverified")),
            ]
        }
    )
    assert "· verified by math, regex ·" in run("ask", "2+2").err
    assert "· not checked · unverified ·" in run("ask", "2+2").err


def test_ask_takes_a_stream_that_was_cut_for_an_error_and_never_for_an_answer(run: Run, serve: Serve) -> None:
    serve({"POST /v1/chat/completions": Reply(pieces=sse(chunk("half an ans")))})
    asked = run("ask", "hello")
    assert asked.code == 1
    assert asked.out == "half an ans"
    assert "the answer broke off" in asked.err


def test_ask_takes_an_error_inside_a_stream_for_an_error(run: Run, serve: Serve) -> None:
    failure = {"error": {"message": "model large is down", "type": "unavailable", "param": None, "code": None}}
    serve({"POST /v1/chat/completions": Reply(pieces=sse(chunk("half"), failure))})
    asked = run("ask", "hello")
    assert asked.code == 1
    assert asked.err.splitlines()[-1] == "pointsman: model large is down"


def test_ask_sends_files_along_under_their_names(run: Run, serve: Serve, tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("the moon is far")
    server = serve({"POST /v1/chat/completions": chat_stream("Yes.")})
    run("ask", "Is it?", "--file", str(notes))
    content = server.asked[0].body["messages"][0]["content"]
    assert content == 'Is it?\n\n<file name="notes.txt">\nthe moon is far\n</file>'


def test_ask_refuses_a_file_that_is_no_text(run: Run, tmp_path: Path) -> None:
    picture = tmp_path / "p.png"
    picture.write_bytes(b"\x89PNG\xff")
    assert run("ask", "What is this?", "--file", str(picture)) == (
        1,
        "",
        f"pointsman: {picture} is not a text file in UTF-8\n",
    )


def test_ask_prints_the_whole_reply_as_json(run: Run, serve: Serve) -> None:
    reply = {"model": "small", "choices": [{"message": {"content": "Hi"}}], "pointsman": about()}
    server = serve({"POST /v1/chat/completions": Reply(reply)})
    asked = run("ask", "hello", "--json", "--team", "review")
    assert json.loads(asked.out) == reply
    assert asked.err == ""
    assert server.asked[0].body["model"] == "team/review"
    assert "stream" not in server.asked[0].body


def test_ask_without_a_stream_prints_the_same(run: Run, serve: Serve) -> None:
    reply = {"model": "small", "choices": [{"message": {"content": "Hi"}}], "pointsman": about()}
    serve({"POST /v1/chat/completions": Reply(reply, headers={"x-pointsman-plan": "direct small none"})})
    asked = run("ask", "hello", "--no-stream")
    assert asked.out == "Hi\n"
    assert asked.err == f"small · plan direct small none · $0.0004 · not checked · run {RUN_ID}\n"


def test_an_answer_cannot_steer_the_terminal(run: Run, serve: Serve) -> None:
    serve({"POST /v1/chat/completions": chat_stream("red \x1b[31m", "title \x1b]0;x\x07", "tab\tend")})
    assert run("ask", "hello").out == "red [31mtitle ]0;xtab\tend\n"
