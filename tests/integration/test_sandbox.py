"""The sandbox, each kind that this machine has: what it holds in, and what it lets a program do."""

import asyncio
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from agents.errors import Unavailable
from agents.sandbox import Program, Ran
from services.sandbox.attempts import ATTEMPTS, CANARY, escapes
from services.sandbox.caged import Caged, Walls
from services.sandbox.choice import Chosen
from services.sandbox.monty import PureFirst
from services.sandbox.remote import Remote, serve


async def _working(walls: Walls) -> Caged:
    """The sandbox with these walls; where this machine has none of them, the test is skipped."""
    sandbox = Caged(walls, places=2)
    try:
        await sandbox.run(Program(code=""))
    except Unavailable as reason:
        pytest.skip(str(reason))
    return sandbox


@pytest.fixture(params=["landlock", "bwrap"])
async def caged(request: pytest.FixtureRequest) -> Caged:
    return await _working(request.param)


@pytest.fixture
async def landlocked() -> Caged:
    return await _working("landlock")


@pytest.fixture
async def pure_first() -> AsyncGenerator[PureFirst]:
    sandbox = PureFirst(Caged("landlock", places=2), places=2)
    yield sandbox
    await sandbox.close()


class NoWalls:
    """What a sandbox must not be: a plain process with limits."""

    async def run(self, program: Program) -> Ran:
        return await asyncio.to_thread(self._run, program)

    def _run(self, program: Program) -> Ran:
        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_AS, (512 * 2**20, 512 * 2**20))
            resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 2**20, 64 * 2**20))

        with tempfile.TemporaryDirectory() as folder:
            try:
                done = subprocess.run(
                    [sys.executable, "-c", program.code],
                    capture_output=True,
                    text=True,
                    cwd=folder,
                    timeout=program.seconds,
                    preexec_fn=limit,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                return Ran(how="time", seconds=program.seconds)
        return Ran(how="error" if done.returncode else "ok", stdout=done.stdout, stderr=done.stderr)


async def test_nothing_gets_out(caged: Caged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CANARY, "1")
    assert await escapes(caged) == {}


async def test_nothing_gets_out_of_the_fast_path(pure_first: PureFirst, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CANARY, "1")
    assert await escapes(pure_first) == {}


async def test_the_attempts_do_get_out_where_there_are_no_walls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CANARY, "1")
    held = {"take all memory", "loop without end", "fill the disk", "reach the kernel's rarer doors"}
    free = [attempt for attempt in ATTEMPTS if attempt.name not in held]
    # Nothing but walls may be in their way, so they have all the time that a busy machine takes.
    assert set(await escapes(NoWalls(), free, seconds=60)) == {attempt.name for attempt in free}


async def test_a_program_reads_its_files_and_its_input_and_prints(caged: Caged) -> None:
    code = "import sys\nprint(open('data/names.txt').read() + sys.stdin.read() + 'é')"
    ran = await caged.run(Program(code=code, files={"data/names.txt": "Ada "}, stdin="Grace "))
    assert (ran.how, ran.stdout, ran.backend) == ("ok", "Ada Grace é\n", caged.name)


@pytest.mark.parametrize(
    ("code", "how", "complaint"),
    [
        ("1 / 0", "error", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "error", ""),
        ("while True: pass", "time", "it took too long"),
        ("x = bytearray(10**10)", "memory", "MemoryError"),
        ("import os; os.kill(os.getpid(), 9)", "killed", ""),
        ("import mpmath", "error", "ModuleNotFoundError: No module named 'mpmath'"),
    ],
)
async def test_how_a_program_ended_is_told(landlocked: Caged, code: str, how: str, complaint: str) -> None:
    ran = await landlocked.run(Program(code=code, seconds=2))
    assert (ran.how, ran.complaint) == (how, complaint)


async def test_installed_packages_are_there_when_they_are_asked_for(landlocked: Caged) -> None:
    ran = await landlocked.run(Program(code="import mpmath\nprint(int(mpmath.mpf(2)))", libraries=True, seconds=60))
    assert ran.stdout == "2\n", ran.stderr


async def test_endless_output_is_cut(landlocked: Caged) -> None:
    ran = await landlocked.run(Program(code="while True: print('x' * 1000)", seconds=5))
    assert ran.how != "ok"
    assert len(ran.stdout) <= 200_000


async def test_a_file_outside_of_the_work_folder_is_refused(landlocked: Caged) -> None:
    with pytest.raises(ValueError, match="outside of the work folder"):
        await landlocked.run(Program(code="", files={"../../x": ""}))


async def test_a_program_whose_asker_has_gone_is_stopped(landlocked: Caged) -> None:
    working = asyncio.create_task(landlocked.run(Program(code="import time\ntime.sleep(60)", seconds=60)))
    await asyncio.sleep(0.5)
    working.cancel()
    async with asyncio.timeout(10):
        with pytest.raises(asyncio.CancelledError):
            await working


async def test_nothing_of_a_program_is_left_on_the_disk(landlocked: Caged) -> None:
    ran = await landlocked.run(Program(code="import os\nos.mkdir('d')\nprint(os.getcwd())"))
    assert "pointsman-sandbox-" in ran.stdout
    assert not os.access(ran.stdout.strip(), os.F_OK)


async def test_what_the_fast_path_does_not_know_goes_to_the_full_sandbox(pure_first: PureFirst) -> None:
    fast = await pure_first.run(Program(code="assert sum([1, 2]) == 3\nprint('yes')"))
    full = await pure_first.run(Program(code="import heapq\nprint(heapq.nsmallest(1, [3, 2]))"))
    assert (fast.backend, fast.stdout) == ("monty", "yes\n")
    assert (full.backend, full.stdout) == ("landlock", "[2]\n")


async def test_a_failed_assertion_and_a_time_limit_of_the_fast_path_stand(pure_first: PureFirst) -> None:
    wrong = await pure_first.run(Program(code="assert 1 == 2, 'no'"))
    slow = await pure_first.run(Program(code="while True: pass", seconds=1))
    assert (wrong.backend, wrong.how) == ("monty", "error")
    assert (slow.backend, slow.how) == ("monty", "time")


async def test_the_container_runs_what_is_sent_to_its_socket(landlocked: Caged, tmp_path: Path) -> None:
    path = tmp_path / "sandbox.sock"
    serving = asyncio.create_task(serve(landlocked, path))
    try:
        while not path.is_socket():  # noqa: ASYNC110  # there is nothing else to wait for
            await asyncio.sleep(0.01)
        ran = await Remote(path).run(Program(code="import os\nprint(sorted(os.listdir()))"))
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
    assert ran.stdout == "['main.py']\n"


async def test_without_a_sandbox_nothing_runs_and_the_reason_is_told(tmp_path: Path) -> None:
    for chosen, reason in (
        (Chosen("off", socket=None), "it is switched off"),
        (Chosen("container", socket=None), "no socket is set"),
        (Chosen("container", socket=tmp_path / "none"), "does not answer"),
    ):
        with pytest.raises(Unavailable, match=rf"sandbox unavailable: .*{reason}.*POINTSMAN_SANDBOX"):
            await chosen.run(Program(code=""))
