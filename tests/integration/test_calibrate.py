"""`pointsman router calibrate` against a real gateway with scripted models: killed in the middle, it goes on."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn

from agents.model import ModelRequest
from services.calibration.results import read_results, results_file
from services.gateway.app import create_app
from services.store.database import Database
from tests.conftest import free_port
from tests.fakes import ScriptedModel
from tests.integration.house import a_house
from tests.integration.store_fixtures import one_database
from tests.product import COMMAND, clean_environment

__all__ = ["one_database"]

ROOT = Path(__file__).resolve().parents[2]
CAPITALS = {"France": "Paris", "Italy": "Rome", "Norway": "Oslo", "Spain": "Madrid", "Poland": "Warsaw"}


def knowing(name: str, *countries: str, when_asked: Callable[[], None] = lambda: None) -> ScriptedModel:
    """A model that knows some capitals."""

    def say(request: ModelRequest) -> str:
        when_asked()
        asked = next(country for country in CAPITALS if country in request.messages[-1].content)
        return CAPITALS[asked] if asked in countries else "I do not know."

    return ScriptedModel(name, says=say)


@asynccontextmanager
async def a_listening_gateway(database: Database, redis_url: str, *models: ScriptedModel) -> AsyncGenerator[str]:
    """A gateway on a port of its own."""
    async with a_house(database, redis_url, *models) as parts:
        app, port = create_app(parts, keys_required=False), free_port()
        server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
        serving = asyncio.create_task(server.serve())
        try:
            await started(server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            await serving


async def started(server: uvicorn.Server) -> None:
    async with asyncio.timeout(30):
        while True:
            if server.started:
                return
            await asyncio.sleep(0.02)


async def calibrating(url: str, home: Path, *options: str) -> asyncio.subprocess.Process:
    file = home / "prompts.jsonl"
    asked = [{"prompt": f"Name the capital of {country}.", "reference": city} for country, city in CAPITALS.items()]
    file.write_text("\n".join(map(json.dumps, asked)))
    environment = clean_environment() | {"POINTSMAN_HOME": str(home), "POINTSMAN_URL": url}
    words = ("router", "calibrate", "--prompts", str(file), "--parallel", "1", "--yes", "--json", *options)
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, *COMMAND[1:], *words, stdout=pipe, stderr=pipe, env=environment | {"PYTHONPATH": str(ROOT)}
    )


async def test_every_rung_is_asked_every_prompt_and_graded(
    one_database: Database, redis_url: str, tmp_path: Path
) -> None:
    small, large = knowing("small", "France", "Italy"), knowing("large", *CAPITALS)
    async with a_listening_gateway(one_database, redis_url, small, large) as url:
        process = await calibrating(url, tmp_path)
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    found = {line["model"]: (line["right"], line["prompts"]) for line in json.loads(out)["rungs"]}
    assert found == {"small": (2, 5), "large": (5, 5)}
    assert (len(small.requests), len(large.requests)) == (5, 5)


async def test_a_calibration_that_was_killed_goes_on_where_it_stopped(
    one_database: Database, redis_url: str, tmp_path: Path
) -> None:
    processes: list[asyncio.subprocess.Process] = []

    def kill_at_the_second_question() -> None:
        if len(large.requests) == 2 and len(processes) == 1:
            processes[0].send_signal(signal.SIGKILL)

    small = knowing("small", "France", "Italy")
    large = knowing("large", *CAPITALS, when_asked=kill_at_the_second_question)
    async with a_listening_gateway(one_database, redis_url, small, large) as url:
        processes.append(await calibrating(url, tmp_path))
        await processes[0].communicate()
        kept = read_results(results_file(tmp_path))
        processes.append(await calibrating(url, tmp_path))
        out, err = await processes[1].communicate()
    assert [process.returncode for process in processes] == [-signal.SIGKILL, 0], err.decode()
    assert [one.model for one in kept] == ["small", "large", "small"]
    assert "7 answers are missing" in err.decode()
    found = {line["model"]: (line["right"], line["prompts"]) for line in json.loads(out)["rungs"]}
    assert found == {"small": (2, 5), "large": (5, 5)}
    assert read_results(results_file(tmp_path))[:3] == kept
    assert (len(small.requests), len(large.requests)) == (5, 6), "only what was under way is asked again"
