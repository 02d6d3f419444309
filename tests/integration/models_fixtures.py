"""Real model servers for tests: the embedded one, with its real weights, and SGLang on the CPU with a random model."""

import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from agents.records import Json, Record
from services.models import weights
from services.models.catalog import Catalog, ModelEntry
from services.models.fetch import fetch
from services.models.progress import shown
from services.models.registry import Models
from tests.conftest import free_port

ROOT = Path(__file__).resolve().parents[2]
BESIDE = next(ROOT.parent.glob("*/sglang-cpu"), ROOT.parent / "sglang-cpu")
RIG = Path(os.environ.get("SGLANG_CPU_RIG", BESIDE))
"""Folder of `serve.sh` and `make_tiny_model.py`."""
VENV = Path(os.environ.get("SGLANG_CPU_VENV", Path.home() / ".cache" / "pointsman" / "sglang-cpu"))
HOME = Path(os.environ.get("POINTSMAN_TEST_HOME", Path.home() / ".pointsman"))
"""Where the weights lie; they are fetched into it once, and kept."""

SERVE_SMALL = [
    *(sys.executable, "-P", "-m", "services.cli.main", "models", "serve", "small"),
    *("--port", "0", "--home", str(HOME)),
]

END_OF_TURN = {"2": 100}
"""A logit bias for SGLang's random model, which would hardly ever end a tool call by itself."""


class ServerUnderTest(Record):
    """A model server that runs, by the entry of a catalog that names it."""

    entry: ModelEntry
    long_prompt_words: int
    """More than fit into its context."""

    @asynccontextmanager
    async def model(self, *, extra: Json | None = None, **fields: Any) -> AsyncGenerator[Models]:
        """The models of a catalog of this one entry.

        Args:
            extra: Fields added to each chat body on its way.
            fields: Changes of the entry.
        """
        entry = ModelEntry.model_validate({**self.entry.model_dump(), **fields})
        async with httpx.AsyncClient(transport=Adding(extra or {}), trust_env=False) as client:
            yield Models(Catalog(entries=(entry,)), client)

    async def running(self) -> int:
        """How many requests the server works on now, by its own account."""
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            if self.entry.kind == "embedded":
                slots: list[Json] = (await client.get(f"{self.entry.root_url}/slots")).json()
                return sum(slot["is_processing"] for slot in slots)
            loads: Json = (await client.get(f"{self.entry.root_url}/v1/loads?include=core")).json()
            return sum(load["num_running_reqs"] + load["num_waiting_reqs"] for load in loads["loads"])


class Adding(httpx.AsyncHTTPTransport):
    """A way to the server on which each chat body gets some more fields."""

    def __init__(self, extra: Json) -> None:
        super().__init__()
        self._extra = extra

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._extra and request.method == "POST":
            body = httpx.Response(200, content=request.content).json()
            headers = {name: value for name, value in request.headers.items() if name != "content-length"}
            request = httpx.Request(
                request.method,
                request.url,
                headers=headers,
                json={**body, **self._extra},
                extensions=request.extensions,
            )
        return await super().handle_async_request(request)


@pytest.fixture(scope="module")
def embedded_server(tmp_path_factory: pytest.TempPathFactory) -> Generator[ServerUnderTest]:
    """The small embedded model, served as the product serves it."""
    with shown() as progress:
        fetch(weights.EMBEDDED["small"], weights.models_folder(HOME), progress=progress)
    with started(SERVE_SMALL, tmp_path_factory.mktemp("embedded") / "log") as (_, said):
        yield ServerUnderTest(
            entry=ModelEntry.model_validate(
                {
                    "id": "small",
                    "kind": "embedded",
                    "url": said.split()[-1],
                    "parameters_billion": 0.5,
                    "context_tokens": 4096,
                }
            ),
            long_prompt_words=5000,
        )


@pytest.fixture(scope="module")
def sglang_server(tmp_path_factory: pytest.TempPathFactory) -> Generator[ServerUnderTest]:
    """SGLang's real server, with a random model that thinks when it is told to."""
    if not (VENV / ".installed").exists():
        pytest.skip(f"no SGLang for the CPU in {VENV} (SGLANG_CPU_VENV)")
    if not (RIG / "serve.sh").exists():
        pytest.skip(f"no serve.sh for SGLang in {RIG} (SGLANG_CPU_RIG)")
    folder, port = tmp_path_factory.mktemp("sglang"), free_port()
    subprocess.run(
        [VENV / "bin" / "python", RIG / "make_tiny_model.py", folder / "tiny"], check=True, capture_output=True
    )
    with started([str(RIG / "serve.sh"), str(folder / "tiny"), str(port)], folder / "log"):
        yield ServerUnderTest(
            entry=ModelEntry.model_validate(
                {
                    "id": "thinker",
                    "kind": "sglang",
                    "url": f"http://127.0.0.1:{port}/v1",
                    "model": "tiny",
                    "parameters_billion": 0.001,
                    "context_tokens": 16384,
                    "efforts": {
                        "none": {"reasoning_effort": "none"},
                        "low": {"reasoning_effort": "low", "budget_tokens": 6},
                        "high": {"reasoning_effort": "high", "budget_tokens": 20},
                    },
                }
            ),
            long_prompt_words=20_000,
        )


@contextmanager
def started(command: list[str], log: Path) -> Generator[tuple[subprocess.Popen[str], str]]:
    """Run a server for as long as it is needed; give its process, and the line with which it says that it is ready."""
    with (
        log.open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=ROOT) as server,
    ):
        assert server.stdout is not None
        try:
            said = server.stdout.readline()
            if not said:
                pytest.fail(f"{command} ended before it was ready: {log.read_text()[-3000:]}")
            yield server, said
        finally:
            server.terminate()
            server.wait(timeout=60)
