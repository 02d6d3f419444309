"""Starting the dashboard: what is refused, each with one line."""

import io
import socket

import pytest

from dashboard.__main__ import main
from dashboard.server import served_hosts


def test_more_than_loopback_needs_a_password(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--host", "0.0.0.0", "--port", "0"]) == 1
    assert capsys.readouterr().err == (
        "pointsman dashboard: a password is needed to listen on 0.0.0.0; without one, use --host 127.0.0.1\n"
    )


def test_a_port_in_use_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 1
    assert f"cannot listen on 127.0.0.1 port {port}: " in capsys.readouterr().err


@pytest.mark.parametrize("line", ["", "no json\n", '{"pasword": "x"}\n'])
def test_secrets_that_are_not_understood_are_refused_and_not_repeated(
    line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(line))
    assert main(["--secrets-stdin", "--port", "0"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("pointsman dashboard: --secrets-stdin wants one line of JSON")
    assert told.count("\n") == 1
    assert "no json" not in told


def test_on_loopback_only_its_own_names_are_answered() -> None:
    assert set(served_hosts("127.0.0.1", allowed=[])) == {"127.0.0.1", "localhost", "::1"}


def test_names_that_are_allowed_come_on_top() -> None:
    assert set(served_hosts("0.0.0.0", allowed=["pm.example"])) == {"127.0.0.1", "localhost", "::1", "pm.example"}


def test_behind_a_password_any_name_is_answered_unless_some_are_named() -> None:
    assert served_hosts("0.0.0.0", allowed=[]) == ()
