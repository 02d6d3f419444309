"""Each `pointsman ...` of the compose file as a plain process on SQLite and its own Valkey, until it is healthy."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import AuthenticationError
from redis.retry import Retry

from services.cli.main import pointsman
from services.models import weights
from services.settings import Settings
from services.up import valkey
from services.up.ports import free_ports

REPOSITORY = Path(__file__).resolve().parents[2]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("pointsman:")}
PROCESSES = ("sandbox", "gateway", "upkeep", "scheduler", "worker", "dashboard")
MODELS = ("model", "model-small")
HEALTHY_SECONDS = 90
"""A slow machine with two cores starts them all at once."""

SECRETS = {
    "POINTSMAN_DASHBOARD_KEY": "compose-key-0123456789abcdef",
    "POINTSMAN_DASHBOARD_PASSWORD": "compose-password",
}


class Composed:
    """The services of the compose file as processes on this machine, each with the environment it has there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        ports = free_ports(("127.0.0.1",) * 4)
        self.gateway_port, self.dashboard_port, self.valkey_port, self.model_port = ports
        self._here = {
            "DATABASE_URL": f"sqlite:///{folder / 'pointsman.db'}",
            "REDIS_URL": f"redis://127.0.0.1:{self.valkey_port}/0",
            "POINTSMAN_HOST": "127.0.0.1",
            "POINTSMAN_PORT": str(self.gateway_port),
            "POINTSMAN_DASHBOARD_PORT": str(self.dashboard_port),
            "POINTSMAN_URL": f"http://127.0.0.1:{self.gateway_port}",
            "POINTSMAN_SANDBOX_SOCKET": str(folder / "sandbox.sock"),
        }
        """What is elsewhere than in a container; all else is as the file has it."""

    def environment(self, name: str) -> dict[str, str]:
        given: dict[str, str | None] = SERVICES[name].get("environment") or {}
        theirs = {key: interpolated(value) for key, value in given.items() if value is not None}
        here = {key: value for key, value in self._here.items() if key in theirs}
        home = self.folder / name
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return theirs | here | {"PATH": path, "HOME": str(home), "POINTSMAN_HOME": str(home)}

    def command(self, name: str) -> list[str]:
        return ["pointsman", *(self._local(word) for word in SERVICES[name]["command"])]

    def health(self, name: str) -> str:
        kind, command = SERVICES[name]["healthcheck"]["test"]
        assert kind == "CMD-SHELL"
        return self._local(command.replace("$$", "$"))

    def _local(self, word: str) -> str:
        return word.replace("8080", str(self.model_port)).replace("0.0.0.0", "127.0.0.1")

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def start(self, name: str, **environment: str) -> None:
        with self.log(name).open("wb") as log:
            self.running[name] = subprocess.Popen(
                self.command(name),
                env=self.environment(name) | environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def becomes_healthy(self, name: str) -> None:
        """Wait until its own health check passes; fail with its log if it ends or takes too long."""
        deadline = time.monotonic() + HEALTHY_SECONDS
        while (found := self.check(name)).returncode != 0:
            code = self.running[name].poll()
            assert code is None, f"{name} ended with {code}:\n{self.tail(name)}"
            if time.monotonic() > deadline:
                pytest.fail(f"{name} is not healthy after {HEALTHY_SECONDS} s: {found.stderr}\n{self.tail(name)}")
            time.sleep(0.5)

    def check(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run its own health check once."""
        command = ["sh", "-c", self.health(name)]
        environment = self.environment(name)
        return subprocess.run(command, env=environment, cwd=self.folder, capture_output=True, text=True, timeout=60)

    def stop(self, name: str) -> int:
        """Stop it as `docker stop` does; fail if it takes longer than its grace period."""
        process = self.running.pop(name)
        process.terminate()
        try:
            return process.wait(timeout=int(SERVICES[name]["stop_grace_period"].removesuffix("s")))
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def tail(self, name: str) -> str:
        return self.log(name).read_text(errors="replace")[-3000:]


def interpolated(value: str) -> str:
    """A value as compose gives it to the container, with our secrets and the defaults."""
    filled = re.sub(r"\$\{(\w+):\?[^}]*\}", lambda found: SECRETS.get(found[1], "x"), str(value))
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", filled).replace("$$", "$")


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Generator[Composed]:
    """Valkey and the migrated database, then every process that has no profile."""
    one = Composed(tmp_path_factory.mktemp("composed"))
    with ExitStack() as until_the_end:
        carrier = subprocess.Popen(
            valkey.command(valkey.find_server(), port=one.valkey_port, folder=one.folder),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until_the_end.callback(carrier.wait)
        until_the_end.callback(carrier.terminate)
        one.start("migrate")
        assert one.running.pop("migrate").wait(timeout=60) == 0, one.tail("migrate")
        for name in PROCESSES:
            one.start(name)
        yield one
        for name in list(one.running):
            one.stop(name)


def test_no_command_of_ours_is_left_out() -> None:
    assert set(OURS) == {"migrate", "model-fetch", *PROCESSES, *MODELS}


@pytest.mark.parametrize("name", OURS)
def test_the_words_of_a_command_are_ones_that_the_command_line_knows(name: str) -> None:
    context, words = click.Context(pointsman), list(OURS[name]["command"])
    command: click.Command = pointsman
    while isinstance(command, click.Group):
        command = command.get_command(context, words.pop(0)) or pytest.fail(f"{name}: unknown command")
    command.make_context(name, words)


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_starts_and_passes_its_own_health_check(composed: Composed, name: str) -> None:
    composed.becomes_healthy(name)


def test_the_first_key_opens_the_gateway_and_nothing_else_does(composed: Composed) -> None:
    composed.becomes_healthy("gateway")
    url = f"http://127.0.0.1:{composed.gateway_port}"
    listing = ["pointsman", "runs", "list", "--url", url, "--json"]
    plain = {"PATH": composed.environment("gateway")["PATH"], "POINTSMAN_HOME": str(composed.folder / "cli")}
    with_key = plain | {"POINTSMAN_API_KEY": SECRETS["POINTSMAN_DASHBOARD_KEY"]}
    refused = subprocess.run(listing, env=plain, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 1
    assert "an API key is required" in refused.stderr
    let_in = subprocess.run(listing, env=with_key, capture_output=True, text=True, timeout=60, check=False)
    assert (let_in.returncode, let_in.stdout) == (0, "[]\n")


def test_migrating_again_changes_nothing(composed: Composed) -> None:
    composed.start("migrate")
    assert composed.running.pop("migrate").wait(timeout=60) == 0, composed.tail("migrate")


def test_each_process_stops_within_its_grace_period(composed: Composed) -> None:
    for name in PROCESSES:
        if name in composed.running:
            composed.becomes_healthy(name)
    for name in reversed(PROCESSES):
        assert composed.stop(name) in (0, 143, -signal.SIGTERM), composed.tail(name)


def test_redis_starts_as_the_file_says_and_lets_nobody_in_without_the_password(tmp_path: Path) -> None:
    [port] = free_ports(("127.0.0.1",))
    (tmp_path / "valkey-server").symlink_to(valkey.find_server())
    *shell, line = SERVICES["redis"]["command"]
    # Its container has a network of its own; here it must neither meet another server nor be met from elsewhere.
    command = [*shell, f"{line.replace('$$', '$')} --port {port} --bind 127.0.0.1"]
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "REDIS_PASSWORD": "secret"}
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL) as server:
        try:
            stranger = Redis(port=port, retry=Retry(ConstantBackoff(0.1), 100))
            with pytest.raises(AuthenticationError):
                stranger.ping()  # pyright: ignore[reportUnknownMemberType]  # the library's types have holes
            friend = Redis(port=port, password="secret")
            kept = friend.config_get("appendonly")  # pyright: ignore[reportUnknownMemberType]
            assert kept == {"appendonly": "yes"}
            stranger.close()
            friend.close()
        finally:
            server.terminate()


@pytest.mark.model
@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_served_and_passes_its_own_health_check(tmp_path: Path, name: str) -> None:
    wanted: weights.Name = "large" if SERVICES[name]["command"][2] == "large" else "small"
    home = Settings().folder
    if not weights.path(wanted, home).is_file():
        pytest.skip(f"no weights at {weights.path(wanted, home)}: `pointsman models fetch {wanted}` gets them")
    one = Composed(tmp_path)
    (tmp_path / name).mkdir()
    (tmp_path / name / "models").symlink_to(weights.models_folder(home))
    one.start(name)
    try:
        one.becomes_healthy(name)
    finally:
        assert one.stop(name) in (0, 143, -signal.SIGTERM), shlex.join(one.command(name))
