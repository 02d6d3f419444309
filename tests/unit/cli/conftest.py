"""What tests of the command line share: running it as a shell would, against a gateway that answers from a script."""

from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from services.cli.main import main
from tests.scripted_gateway import Script, ScriptedGateway, serving


class Outcome(NamedTuple):
    """What a command left in the terminal."""

    code: int
    out: str
    err: str


Serve = Callable[[Script], ScriptedGateway]
Run = Callable[..., Outcome]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Generator[Serve]:
    """Start a scripted gateway, and let the command line find it."""
    with ExitStack() as until_the_end:

        def start(script: Script) -> ScriptedGateway:
            server = until_the_end.enter_context(serving(script))
            monkeypatch.setenv("POINTSMAN_URL", server.url)
            return server

        yield start


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command line as a shell would."""
    monkeypatch.setenv("POINTSMAN_HOME", str(tmp_path))

    def call(*arguments: str) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        out, err = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Outcome(code, out, err)

    return call
