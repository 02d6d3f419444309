"""The supervisor with real processes: small Python scripts, and a real Valkey."""

import asyncio
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from services.up import gates, pidfiles, valkey
from services.up.errors import CannotStart, ServiceFailed
from services.up.home import Home, Whereabouts
from services.up.identity import seconds_since_start, started_at
from services.up.logs import Console
from services.up.ports import free_ports, require_free
from services.up.records import Limits, Service
from services.up.site import Site
from services.up.supervisor import Supervisor
from services.up.welcome import greet

QUICK = Limits(
    first_pause_seconds=0.05,
    longest_pause_seconds=0.2,
    settled_seconds=30,
    crashes=4,
    crash_window_seconds=30,
    grace_seconds=5,
    poll_seconds=0.02,
)

LIVES = """
import os, pathlib, signal, sys, time
name, folder = sys.argv[1], pathlib.Path(sys.argv[2])
def note(word):
    with (folder / "events").open("a") as events:
        events.write(f"{name} {word}\\n")
def end(*_):
    note("stopped")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
note("started")
draft = folder / f"{name}.draft"
draft.write_text(str(os.getpid()))
draft.replace(folder / f"{name}.alive")
print(f"{name} says hello", flush=True)
while True:
    time.sleep(60)
"""
"""A well-behaved service: notes its start and its end, and lives until SIGTERM."""

DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("hears nothing", flush=True)
time.sleep(60)
"""
FALLS = "import sys; print('about to fall'); sys.exit(3)"


class Stage:
    """A data folder in which services run, and what is known of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = Home(folder / "home")
        self.home.make()
        self.terminal = io.StringIO()

    def lives(self, name: str, *, after: tuple[str, ...] = (), gate: bool = True, **fields: object) -> Service:
        opened = self.file(f"{name}.alive") if gate else None
        return a_service(name, LIVES, name, str(self.folder), after=after, gate=opened, **fields)

    def file(self, name: str) -> Callable[[], Awaitable[bool]]:
        """A gate that is open while the file is there."""

        async def gate() -> bool:
            return (self.folder / name).exists()

        return gate

    def events(self) -> list[str]:
        path = self.folder / "events"
        return path.read_text().splitlines() if path.exists() else []

    def pid(self, name: str) -> int:
        return int((self.folder / f"{name}.alive").read_text())

    def noted_pid(self, name: str) -> int:
        return json.loads((self.home.run / f"{name}.pid").read_text())["pid"]

    def supervisor(self, *services: Service, limits: Limits = QUICK) -> Supervisor:
        console = Console(self.terminal, names=tuple(service.name for service in services), colour=False)
        return Supervisor(services, environment={"PATH": os.defpath}, home=self.home, console=console, limits=limits)

    @asynccontextmanager
    async def running(self, *services: Service, limits: Limits = QUICK) -> AsyncGenerator[Supervisor]:
        """Services that are ready; stopped at the end."""
        supervisor = self.supervisor(*services, limits=limits)
        ready = asyncio.Event()
        run = asyncio.create_task(supervisor.run(announcing(ready)))
        try:
            await first_of(ready.wait(), run)
            yield supervisor
        finally:
            supervisor.stop()
            await run


@pytest.fixture
def stage(tmp_path: Path) -> Generator[Stage]:
    """A folder, of which nothing lives on even when a test fails."""
    made = Stage(tmp_path)
    yield made
    pidfiles.sweep(made.home.run, mark=f"POINTSMAN_HOME={made.home.folder}", grace_seconds=1)


def a_service(name: str, script: str, *arguments: str, **fields: object) -> Service:
    return Service.model_validate({"name": name, "command": (sys.executable, "-c", script, *arguments), **fields})


def announcing(ready: asyncio.Event) -> Callable[[], Awaitable[None]]:
    async def announce() -> None:
        ready.set()

    return announce


async def first_of(wanted: Awaitable[object], run: asyncio.Task[None]) -> None:
    waiting = asyncio.ensure_future(wanted)
    await asyncio.wait({waiting, run}, return_when=asyncio.FIRST_COMPLETED)
    if run.done():
        waiting.cancel()
        await run


async def eventually(holds: Callable[[], bool], *, seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - other processes set no event of ours
            await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    return started_at(pid) is not None


# --- start ------------------------------------------------------------------------------------------------------------


async def test_a_service_starts_only_once_the_gate_of_the_one_before_it_is_open(stage: Stage) -> None:
    door = stage.lives("door", gate=False).model_copy(update={"gate": stage.file("open")})
    supervisor = stage.supervisor(door, stage.lives("guest", after=("door",)))
    ready = asyncio.Event()
    run = asyncio.create_task(supervisor.run(announcing(ready)))
    await eventually(lambda: "door started" in stage.events())
    await asyncio.sleep(0.3)
    assert stage.events() == ["door started"]
    assert not ready.is_set()
    (stage.folder / "open").touch()
    await first_of(ready.wait(), run)
    assert stage.events() == ["door started", "guest started"]
    supervisor.stop()
    await run


async def test_services_that_need_nothing_of_each_other_start_together(stage: Stage) -> None:
    first = stage.lives("first", gate=False).model_copy(update={"gate": stage.file("second.alive")})
    second = stage.lives("second", gate=False).model_copy(update={"gate": stage.file("first.alive")})
    async with stage.running(first, second):
        assert sorted(stage.events()) == ["first started", "second started"]


async def test_a_job_runs_to_its_end_before_what_comes_after_it(stage: Stage) -> None:
    job = a_service("job", f"open({str(stage.folder / 'events')!r}, 'a').write('job done\\n')", once=True)
    async with stage.running(job, stage.lives("server", after=("job",))):
        assert stage.events() == ["job done", "server started"]
    assert stage.events()[-1] == "server stopped"


async def test_a_job_that_fails_stops_everything_and_is_named(stage: Stage) -> None:
    server = stage.lives("server")
    job = a_service("migrate", FALLS, after=("server",), once=True)
    with pytest.raises(ServiceFailed, match=r"^migrate failed \(exit code 3\)$") as failure:
        async with stage.running(server, job, stage.lives("late", after=("migrate",))):
            pytest.fail("it was called ready")
    assert failure.value.last_lines == ("about to fall",)
    assert stage.events() == ["server started", "server stopped"]


async def test_a_gate_that_stays_shut_names_the_service_and_its_last_lines(stage: Stage) -> None:
    stuck = stage.lives("stuck", gate=False).model_copy(update={"gate": stage.file("never"), "gate_seconds": 1.0})
    with pytest.raises(ServiceFailed, match=r"^stuck was not ready after 1 s$") as failure:
        async with stage.running(stuck):
            pytest.fail("it was called ready")
    assert failure.value.last_lines == ("stuck says hello",)
    assert not alive(stage.pid("stuck"))


async def test_a_program_that_is_not_there_is_named_in_its_last_lines(stage: Stage) -> None:
    missing = Service(name="missing", command=("/no/such/program",), once=True)
    with pytest.raises(ServiceFailed) as failure:
        await stage.supervisor(missing).run(announcing(asyncio.Event()))
    assert failure.value.last_lines == ("cannot run /no/such/program: No such file or directory",)


async def test_what_is_optional_may_fail_and_the_rest_goes_on(stage: Stage) -> None:
    job = a_service("fetch large", FALLS, once=True, optional=True, background=True)
    behind = stage.lives("large", after=("fetch large",), optional=True, background=True)
    async with stage.running(stage.lives("server"), job, behind):
        await eventually(lambda: "going on without it" in stage.terminal.getvalue())
        assert stage.events() == ["server started"]
    assert "fetch large failed (exit code 3); going on without it\n" in stage.terminal.getvalue()


async def test_what_runs_in_the_background_does_not_hold_up_the_rest(stage: Stage) -> None:
    slow = stage.lives("slow", gate=False, background=True).model_copy(update={"gate": stage.file("later")})
    async with stage.running(stage.lives("server"), slow):
        assert "server ready" in stage.terminal.getvalue()
        assert "slow ready" not in stage.terminal.getvalue()
        (stage.folder / "later").touch()
        await eventually(lambda: "slow ready" in stage.terminal.getvalue())


def test_a_table_that_can_never_start_is_refused(stage: Stage) -> None:
    with pytest.raises(ValueError, match="no such service: nobody"):
        stage.supervisor(stage.lives("a", after=("nobody",)))
    with pytest.raises(ValueError, match="cycle"):
        stage.supervisor(stage.lives("a", after=("b",)), stage.lives("b", after=("a",)))


# --- restart ----------------------------------------------------------------------------------------------------------


async def test_a_killed_service_is_started_again_and_the_others_are_left_alone(stage: Stage) -> None:
    async with stage.running(stage.lives("server"), stage.lives("other")):
        first, other = stage.pid("server"), stage.pid("other")
        os.kill(first, signal.SIGKILL)
        await eventually(lambda: stage.events().count("server started") == 2)
        assert stage.pid("server") != first
        assert alive(stage.pid("server"))
        assert stage.pid("other") == other
    assert "server ended with SIGKILL; starting it again in 0.05 s" in stage.terminal.getvalue()


async def test_a_crash_loop_stops_everything_and_says_which_and_why(stage: Stage) -> None:
    started = time.monotonic()
    supervisor = stage.supervisor(stage.lives("good"), a_service("bad", FALLS, after=("good",)))
    why = r"^bad ended 4 times within 30 s, the last time with exit code 3$"
    with pytest.raises(ServiceFailed, match=why) as failure:
        await supervisor.run(announcing(asyncio.Event()))
    assert time.monotonic() - started >= 0.05 + 0.1 + 0.2
    assert failure.value.last_lines == ("about to fall",) * 4
    assert stage.events() == ["good started", "good stopped"]
    pauses = [line.rpartition(" in ")[2] for line in stage.terminal.getvalue().splitlines() if "again" in line]
    assert pauses == ["0.05 s", "0.1 s", "0.2 s"]


async def test_what_a_dead_service_left_running_is_ended_before_it_starts_again(stage: Stage) -> None:
    script = f"""
import pathlib, subprocess, sys, time
folder = pathlib.Path({str(stage.folder)!r})
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
with (folder / "children").open("a") as children:
    children.write(f"{{child.pid}}\\n")
(folder / "written").touch()
time.sleep(60)
"""
    children = stage.folder / "children"
    parent = a_service("parent", script, gate=stage.file("written"))
    async with stage.running(parent):
        first = int(children.read_text())
        os.kill(stage.noted_pid("parent"), signal.SIGKILL)
        await eventually(lambda: len(children.read_text().split()) == 2)
        assert not alive(first)
    await eventually(lambda: not any(alive(int(pid)) for pid in children.read_text().split()), seconds=2)


# --- stop -------------------------------------------------------------------------------------------------------------


async def test_services_stop_in_reverse(stage: Stage) -> None:
    chain = (stage.lives("store"), stage.lives("gateway", after=("store",)), stage.lives("worker", after=("gateway",)))
    async with stage.running(*chain):
        pass
    assert stage.events()[3:] == ["worker stopped", "gateway stopped", "store stopped"]
    assert list(stage.home.run.glob("*.pid")) == []


async def test_a_service_outlives_those_who_use_it_though_they_did_not_wait_for_it(stage: Stage) -> None:
    model, gateway = stage.lives("model"), stage.lives("gateway", uses=("model",))
    async with stage.running(model, gateway):
        pass
    assert stage.events()[2:] == ["gateway stopped", "model stopped"]


async def test_a_service_that_ignores_sigterm_is_killed_after_its_grace(stage: Stage) -> None:
    async with stage.running(a_service("deaf", DEAF), limits=QUICK.model_copy(update={"grace_seconds": 0.5})):
        await eventually(lambda: "hears nothing" in stage.terminal.getvalue())
        asked = time.monotonic()
    assert 0.5 <= time.monotonic() - asked < 5


async def test_a_second_stop_kills_at_once(stage: Stage) -> None:
    limits = QUICK.model_copy(update={"grace_seconds": 60.0})
    supervisor = stage.supervisor(a_service("deaf", DEAF), stage.lives("polite"), limits=limits)
    ready = asyncio.Event()
    run = asyncio.create_task(supervisor.run(announcing(ready)))
    await ready.wait()
    await eventually(lambda: "hears nothing" in stage.terminal.getvalue())
    supervisor.stop()
    await eventually(lambda: "polite stopped" in stage.events())
    assert not run.done()
    supervisor.stop()
    async with asyncio.timeout(5):
        await run


# --- the end of the supervisor itself ---------------------------------------------------------------------------------

SUPERVISOR = """
import asyncio, signal, sys
from pathlib import Path
from services.up.home import Home
from services.up.logs import Console
from services.up.records import Limits, Service
from services.up.supervisor import Supervisor

home = Home(Path(sys.argv[1]))
services = tuple(
    Service(name=name, command=(sys.executable, "-c", script, name, sys.argv[2]))
    for name, script in zip(sys.argv[3::2], sys.argv[4::2], strict=True)
)

async def main():
    console = Console(sys.stdout, names=tuple(service.name for service in services), colour=False)
    environment = {"POINTSMAN_HOME": str(home.folder)}
    limits = Limits(grace_seconds=5)
    supervisor = Supervisor(services, environment=environment, home=home, console=console, limits=limits)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, supervisor.stop)
    async def ready(): print("all ready", flush=True)
    with home.locked():
        await supervisor.run(ready)

asyncio.run(main())
"""

HAS_A_CHILD = """
import pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
(pathlib.Path(sys.argv[2]) / "grandchild").write_text(str(child.pid))
time.sleep(60)
"""


def start_supervisor(stage: Stage, *scripts: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SUPERVISOR, str(stage.home.folder), str(stage.folder), *scripts]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


async def test_sigterm_of_the_supervisor_is_a_clean_end(stage: Stage) -> None:
    with start_supervisor(stage, "one", LIVES, "two", LIVES) as supervisor:
        await eventually(lambda: len(stage.events()) == 2)
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(10) == 0
    assert sorted(stage.events()[2:]) == ["one stopped", "two stopped"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
async def test_kill_9_of_the_supervisor_leaves_no_child_alive(stage: Stage) -> None:
    with start_supervisor(stage, "one", LIVES, "two", LIVES) as supervisor:
        await eventually(lambda: len(stage.events()) == 2)
        pids = [stage.pid("one"), stage.pid("two")]
        assert all(alive(pid) for pid in pids)
        supervisor.kill()
        await eventually(lambda: not any(alive(pid) for pid in pids), seconds=3)
    assert sorted(stage.events()[2:]) == ["one stopped", "two stopped"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the members of a session")
async def test_the_next_start_sweeps_up_what_the_kernel_did_not_end(stage: Stage) -> None:
    grandchild = stage.folder / "grandchild"
    with start_supervisor(stage, "parent", HAS_A_CHILD, "deaf", DEAF) as supervisor:
        await eventually(lambda: grandchild.exists() and grandchild.read_text() != "")
        await eventually(lambda: len(list(stage.home.run.glob("*.pid"))) == 2)
        await asyncio.sleep(0.5)
        supervisor.kill()
    orphan = int(grandchild.read_text())
    assert alive(orphan)
    mark = f"POINTSMAN_HOME={stage.home.folder}"
    assert pidfiles.sweep(stage.home.run, mark=mark, grace_seconds=0.2) == ["deaf", "parent"]
    assert not alive(orphan)
    assert list(stage.home.run.glob("*.pid")) == []


def test_a_process_that_only_has_the_number_of_an_old_one_is_left_alone(stage: Stage) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    try:
        path = stage.home.run / "gateway.pid"
        pidfiles.write(path, stranger.pid)
        path.write_text(path.read_text().replace('"started":"', '"started":"another '))
        (stage.home.run / "broken.pid").write_text("not json")
        assert pidfiles.sweep(stage.home.run, mark="POINTSMAN_HOME=/x", grace_seconds=5) == []
        assert alive(stranger.pid)
        pidfiles.write(path, stranger.pid)
        assert pidfiles.sweep(stage.home.run, mark="POINTSMAN_HOME=/x", grace_seconds=5) == ["gateway"]
        assert stranger.wait(5) == -signal.SIGTERM
    finally:
        stranger.kill()
        stranger.wait()


# --- the data folder, the ports ---------------------------------------------------------------------------------------


def pointsman_up(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "services.cli.main", "up", "--models", "none", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_second_instance_on_the_same_folder_is_refused_with_the_number_of_the_first(stage: Stage) -> None:
    with stage.home.locked():
        second = pointsman_up("--home", str(stage.home.folder), "--port", "0", "--dashboard-port", "0")
    assert second.returncode == 1
    assert f"{stage.home.folder} is in use by another `pointsman up` (pid {os.getpid()})" in second.stderr
    assert len(second.stderr.splitlines()) == 1
    assert second.stdout == ""


@pytest.mark.parametrize("option", ["--port", "--dashboard-port"])
def test_a_taken_port_is_named_with_its_option_before_anything_starts(stage: Stage, option: str) -> None:
    other = "--dashboard-port" if option == "--port" else "--port"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = pointsman_up("--home", str(stage.home.folder), option, str(port), other, "0")
    assert refused.returncode == 1
    assert refused.stderr == f"pointsman: port {port} is in use; choose another with {option} (0 takes a free one)\n"
    assert refused.stdout == ""
    assert list(stage.home.logs.iterdir()) == []


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    refused = pointsman_up("--home", str(tmp_path / "file" / "home"))
    assert refused.returncode == 1
    assert refused.stderr.startswith(
        f"pointsman: cannot use {tmp_path / 'file' / 'home'}: Not a directory; choose another"
    )
    assert len(refused.stderr.splitlines()) == 1


def test_the_lock_is_free_again_after_its_holder(stage: Stage) -> None:
    with stage.home.locked(), pytest.raises(CannotStart, match="in use"), stage.home.locked():
        pass
    with stage.home.locked():
        pass


def test_where_it_runs_is_told_while_it_runs(stage: Stage) -> None:
    told = stage.home.run / "up.json"
    with stage.home.announced(Whereabouts(gateway="http://127.0.0.1:1", dashboard=None, pid=7)):
        assert told.read_text() == '{"gateway":"http://127.0.0.1:1","dashboard":null,"pid":7}'
    assert not told.exists()


def test_chosen_ports_are_different_and_free() -> None:
    ports = free_ports(("127.0.0.1",) * 20)
    assert len(set(ports)) == 20
    for port in ports:
        require_free("127.0.0.1", port, "--port")


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(CannotStart, match=r"cannot listen on 192\.0\.2\.7 port 8000: .*; choose another with --port"):
        require_free("192.0.2.7", 8000, "--port")


# --- lines ------------------------------------------------------------------------------------------------------------


async def test_every_line_is_on_the_terminal_behind_its_name_and_in_the_file_of_its_service(stage: Stage) -> None:
    (stage.home.logs / "model-small.log").write_text("earlier\n")
    async with stage.running(stage.lives("worker"), stage.lives("model small")):
        await eventually(lambda: stage.terminal.getvalue().count("says hello") == 2)
    assert "worker      | worker says hello\n" in stage.terminal.getvalue()
    assert "model small | model small says hello\n" in stage.terminal.getvalue()
    assert (stage.home.logs / "model-small.log").read_text() == "model small says hello\n"
    assert (stage.home.logs / "model-small.log.1").read_text() == "earlier\n"
    assert (stage.home.logs / "worker.log").read_text() == "worker says hello\n"


async def test_both_streams_are_kept_and_the_last_line_needs_no_end(stage: Stage) -> None:
    script = "import sys; print('out', flush=True); sys.stderr.write('err'); sys.stderr.flush()"
    job = a_service("job", script, once=True)
    async with stage.running(job):
        pass
    assert (stage.home.logs / "job.log").read_text() == "out\nerr\n"


# --- gates ------------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def a_server(*answers: bytes) -> AsyncGenerator[int]:
    """Gives these answers, one a connection, then the last one again and again."""
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65_536)
        writer.write(left.pop(0) if len(left) > 1 else left[0])
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


def http_answer(status: int, body: str = "") -> bytes:
    return f"HTTP/1.1 {status} .\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()


async def test_a_server_that_still_loads_is_not_ready() -> None:
    async with a_server(b"-LOADING loading the dataset in memory\r\n", b"+PONG\r\n") as port:
        gate = gates.answers_ping(port)
        assert [await gate(), await gate()] == [False, True]
    assert await gates.answers_ping(port)() is False


async def test_a_process_is_ready_once_the_gateway_does_not_wait_for_it() -> None:
    waiting = http_answer(503, '{"ready": false, "waiting_for": ["worker", "model:large"]}')
    others = http_answer(503, '{"ready": false, "waiting_for": ["model:large"]}')
    async with httpx.AsyncClient(trust_env=False) as client:
        async with a_server(http_answer(500, "oops"), waiting, others) as port:
            gate = gates.gateway_sees(client, f"http://127.0.0.1:{port}", "worker")
            assert [await gate(), await gate(), await gate()] == [False, False, True]
        assert await gate() is False


async def test_a_web_server_is_ready_once_it_answers_with_success() -> None:
    async with httpx.AsyncClient(trust_env=False) as client, a_server(http_answer(503), http_answer(200)) as port:
        gate = gates.answers_ok(client, f"http://127.0.0.1:{port}/health")
        assert [await gate(), await gate()] == [False, True]


# --- the first answer -------------------------------------------------------------------------------------------------


async def greeted(port: int) -> str:
    site = Site(
        gateway_port=port,
        gateway_url=f"http://127.0.0.1:{port}",
        dashboard_port=1,
        dashboard_url=None,
        valkey_server=None,
        valkey_port=2,
        valkey_folder=Path("/nowhere"),
        model_ports={"small": 3},
        to_fetch=(),
    )
    terminal = io.StringIO()
    await greet(site, api_key=None, key_needed=False, console=Console(terminal, names=(), colour=False))
    return terminal.getvalue().splitlines()[-1]


async def test_the_first_answer_is_timed_from_the_start_of_the_process() -> None:
    async with a_server(http_answer(200, '{"choices": []}')) as port:
        line = await greeted(port)
    told = re.fullmatch(r"pointsman \| first model answer after (\d+\.\d) s", line)
    assert told, line
    assert seconds_since_start() - 5 < float(told[1]) <= seconds_since_start() + 0.1


async def test_a_first_answer_that_did_not_come_is_told_and_is_no_end() -> None:
    async with a_server(http_answer(503, '{"error": {"message": "no model"}}')) as port:
        assert await greeted(port) == (
            'pointsman | no first model answer: HTTP 503: {"error": {"message": "no model"}}'
        )
    assert (await greeted(port)).startswith("pointsman | no first model answer: ConnectError")


# --- Valkey -----------------------------------------------------------------------------------------------------------


async def reply(port: int, command: str) -> str:
    """The first line that the server says to a command."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{command}\r\n".encode())
    line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return line.decode().strip()


async def test_a_real_valkey_keeps_what_it_was_told_through_kill_9(stage: Stage) -> None:
    (port,) = free_ports(("127.0.0.1",))
    command = valkey.command(valkey.find_server(), port=port, folder=stage.home.valkey)
    service = Service(name="valkey", command=command, gate=gates.answers_ping(port))
    async with stage.running(service):
        assert await reply(port, "XADD inbox 1-1 message kept") == "$3"
        pid = stage.noted_pid("valkey")
        os.kill(pid, signal.SIGKILL)
        await eventually(lambda: stage.terminal.getvalue().count("valkey ready") == 2)
        assert await reply(port, "PING") == "+PONG"
        assert await reply(port, "XLEN inbox") == ":1"
        assert stage.noted_pid("valkey") != pid


def a_program(folder: Path, name: str, says: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)


def test_the_servers_of_the_system_are_asked_for_their_version(tmp_path: Path) -> None:
    a_program(tmp_path, "valkey-server", "Redis server v=6.0.16 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64")
    a_program(tmp_path, "redis-server", "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64")
    assert valkey.first_new_enough(valkey.on_path(str(tmp_path))) == tmp_path / "redis-server"


def test_no_usable_server_is_told_with_what_was_found(tmp_path: Path) -> None:
    a_program(tmp_path, "redis-server", "Redis server v=6.0.16 sha=00000000:0")
    with pytest.raises(CannotStart, match=r"redis-server is 6\.0.*set REDIS_URL"):
        valkey.first_new_enough(valkey.on_path(str(tmp_path)))
