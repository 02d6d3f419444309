"""The command line as a whole: its table of commands, how it finds the gateway, how it fails, `doctor`."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click
import pytest

from services.cli.client import Event, gateway_url, lines, read_events, read_settings
from services.cli.main import COMMANDS, pointsman
from services.cli.output import in_seconds, in_usd, one_line, printable
from tests.scripted_gateway import Reply
from tests.unit.cli.conftest import Run, Serve

# --- the table of commands ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_is_there_and_says_what_the_table_says_it_does(name: str) -> None:
    command = pointsman.get_command(click.Context(pointsman), name)
    assert isinstance(command, click.Command)
    assert command.help


PROCESSES = {"up", "gateway", "worker", "scheduler", "upkeep", "dashboard", "migrate", "sandbox"}
"""They run until they are stopped, or until they are done: they tell nothing but their log."""


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in PROCESSES])
def test_every_command_that_tells_something_can_tell_it_as_json(name: str) -> None:
    context = click.Context(pointsman)
    command = pointsman.get_command(context, name)
    parts = (
        [part for part in command.commands.values() if part.name != "serve"]
        if isinstance(command, click.Group)
        else [command]
    )
    for part in parts:
        assert "--json" in [option for parameter in part.params for option in parameter.opts], part.name


def test_an_unknown_command_is_one_line_with_the_nearest_one(run: Run) -> None:
    assert run("rusn") == (2, "", "pointsman: no command 'rusn', did you mean 'runs'? See pointsman --help.\n")


def test_the_help_shows_every_command(run: Run) -> None:
    shown = run("--help")
    assert shown.code == 0
    assert all(f"  {name} " in shown.out for name in COMMANDS)


# --- finding the gateway --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ("ask", "hello"),
        ("route", "hello"),
        ("runs", "list"),
        ("teams", "run", "review"),
        ("schedules", "list"),
        ("queue", "show"),
    ],
    ids=" ".join,
)
def test_without_a_gateway_every_command_says_how_to_get_one(
    arguments: tuple[str, ...], run: Run, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POINTSMAN_PORT", str(free_port))
    line = (
        f"pointsman: no gateway at http://127.0.0.1:{free_port}: start it with `pointsman up`, "
        "or name another with --url or POINTSMAN_URL\n"
    )
    assert run(*arguments) == (1, "", line)


@pytest.fixture
def free_port() -> int:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return server.server_address[1]


def test_the_gateway_is_the_one_that_was_named_then_the_one_set_then_the_one_started_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POINTSMAN_HOME", str(tmp_path))
    monkeypatch.setenv("POINTSMAN_PORT", "8123")
    assert gateway_url(None, read_settings()) == "http://127.0.0.1:8123"
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "up.json").write_text('{"gateway": "http://127.0.0.1:8124", "dashboard": null, "pid": 1}')
    assert gateway_url(None, read_settings()) == "http://127.0.0.1:8124"
    monkeypatch.setenv("POINTSMAN_URL", "http://127.0.0.1:8125/")
    assert gateway_url(None, read_settings()) == "http://127.0.0.1:8125"
    assert gateway_url("http://127.0.0.1:8126", read_settings()) == "http://127.0.0.1:8126"


def test_an_address_without_a_scheme_is_refused_with_the_right_form(run: Run) -> None:
    failed = run("runs", "list", "--url", "localhost:8000")
    assert failed == (1, "", "pointsman: localhost:8000 is no address of a gateway: give it as http://HOST:PORT\n")


def test_a_wrong_setting_is_one_line_that_names_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTSMAN_PORT", "many")
    failed = run("runs", "list")
    assert failed.code == 1
    assert failed.err.startswith("pointsman: POINTSMAN_PORT='many': ")
    assert failed.err.count("\n") == 1


def test_the_key_of_the_settings_is_shown_to_the_gateway(
    run: Run, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POINTSMAN_API_KEY", "pk-secret")
    server = serve({"GET /api/runs": Reply({"runs": [], "next": None})})
    run("runs", "list")
    assert server.asked[0].headers["authorization"] == "Bearer pk-secret"


def test_an_error_of_the_gateway_is_its_own_message_on_one_line(run: Run, serve: Serve) -> None:
    error = {"message": "there is no run 'x';\n GET /api/runs lists them", "type": "invalid_request_error"}
    serve({"GET /api/runs/x": Reply({"error": error}, 404)})
    assert run("runs", "show", "x") == (1, "", "pointsman: there is no run 'x'; GET /api/runs lists them\n")


def test_an_error_that_is_not_ours_still_says_what_was_asked(run: Run, serve: Serve) -> None:
    serve({"GET /api/runs": Reply(status=502, pieces=["<html>bad gateway</html>"])})
    failed = run("runs", "list")
    assert failed.err == "pointsman: the gateway answered 502 Bad Gateway to GET /api/runs\n"


# --- event streams --------------------------------------------------------------------------------------------------


def test_events_are_read_over_any_cut_of_the_bytes() -> None:
    text = ': hello\nid: 7\nevent: status\ndata: {"a":\r\ndata: "\u2028é"}\n\ndata: x\n\nid: 8\ndata: cut off'
    expected = [Event("7", "status", '{"a":\n"\u2028é"}'), Event(None, "message", "x")]
    stream = text.encode()
    for size in range(1, len(stream) + 1):
        chunks = [stream[start : start + size] for start in range(0, len(stream), size)]
        assert list(read_events(lines(chunks))) == expected


# --- doctor ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def no_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """The attempts to get out of it take seconds."""
    monkeypatch.setenv("POINTSMAN_SANDBOX", "off")


@pytest.mark.usefixtures("no_sandbox")
def test_doctor_fails_on_what_the_gateway_waits_for(run: Run, serve: Serve) -> None:
    serve({"GET /ready": Reply({"ready": False, "waiting_for": ["redis", "model:large"]}, 503)})
    told = run("doctor", "--json")
    results = {finding["check"]: finding["result"] for finding in json.loads(told.out)}
    assert results["gateway"] == "ok"
    assert results["redis"] == "failed"
    assert results["models"] == "failed"
    assert results["database"] == "ok"
    assert told.code == 1
    assert told.err.startswith("pointsman: failed: ")


@pytest.mark.usefixtures("no_sandbox")
def test_doctor_finds_nothing_wrong_where_only_the_gateway_has_not_been_started(
    run: Run, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POINTSMAN_PORT", str(free_port))
    findings = {finding["check"]: finding for finding in json.loads(run("doctor", "--json").out)}
    assert findings["gateway"]["result"] == "skipped"
    assert findings["python"]["result"] == findings["data folder"]["result"] == "ok"
    assert findings["sandbox"]["result"] == "skipped"
    assert "POINTSMAN_SANDBOX" in findings["sandbox"]["detail"]


@pytest.mark.usefixtures("no_sandbox")
def test_doctor_tells_what_was_measured_of_efforts(run: Run, serve: Serve) -> None:
    def model(name: str, *, measured: bool | None) -> dict[str, object]:
        found = {"at": "2026-01-01T12:00:00+00:00", "has_effect": measured, "says": f"it is {measured}"}
        return {"id": name, "efforts_listed": ["none", "high"], "measured": None if measured is None else found}

    models = [model("works", measured=True), model("ignores", measured=False), model("new", measured=None)]
    ready = Reply({"ready": True, "waiting_for": []})
    serve({"GET /ready": ready, "GET /api/models": Reply({"models": models})})
    told = run("doctor", "--json")
    results = {finding["check"]: finding["result"] for finding in json.loads(told.out)}
    assert {name: results[f"effort {name}"] for name in ("works", "ignores", "new")} == {
        "works": "ok",
        "ignores": "failed",
        "new": "skipped",
    }


def test_doctor_names_a_sandbox_that_was_asked_for_and_does_not_answer(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POINTSMAN_SANDBOX", "container")
    monkeypatch.setenv("POINTSMAN_SANDBOX_SOCKET", str(tmp_path / "none.sock"))
    found = {finding["check"]: finding for finding in json.loads(run("doctor", "--json").out)}["sandbox"]
    assert found["result"] == "failed"
    assert "none.sock does not answer" in found["detail"]


# --- words ----------------------------------------------------------------------------------------------------------


def test_money_and_time_are_written_as_people_read_them() -> None:
    assert [in_usd(amount) for amount in ("0", "0.0004", "0.25", "12", None)] == [
        "$0",
        "$0.0004",
        "$0.25",
        "$12.00",
        "$0",
    ]
    assert [in_seconds(value) for value in (0.0123, 2.51, 600, None)] == ["12 ms", "2.5 s", "10.0 min", ""]


def test_a_cell_is_one_line_of_bounded_length() -> None:
    assert one_line("a\nb\x1b[0m  c") == "a b[0m c"
    assert one_line("x" * 100, widest=10) == "x" * 9 + "…"
    assert printable("a\x00b\u009bc\td\n") == "abc\td\n"


def test_a_process_that_gives_no_sign_of_life_is_unhealthy(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'empty.db'}")
    [finding] = json.loads(run("doctor", "--process", "worker", "--json").out)
    assert finding["result"] == "failed"
