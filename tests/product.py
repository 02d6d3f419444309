"""The whole product as a user starts it: `pointsman up` with the real small model, on free ports."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

READY_SECONDS = 300
COMMAND = (sys.executable, "-P", "-m", "services.cli.main")


@dataclass(frozen=True)
class Product:
    """A running `pointsman up`."""

    gateway: str
    dashboard: str
    home: Path
    pid: int

    def pointsman(self, *words: str, timeout: float = 180) -> subprocess.CompletedProcess[str]:
        """Call the command line as a user does."""
        environment = clean_environment() | {"POINTSMAN_HOME": str(self.home)}
        command = [*COMMAND, *words]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, env=environment, check=False, cwd=self.home
        )

    def pid_of(self, service: str) -> int:
        """The process of a service, as the supervisor has noted it."""
        found: int = json.loads((self.home / "run" / f"{service}.pid").read_text())["pid"]
        return found


def model_is_idle(product: Product) -> bool:
    """Whether the small model writes nothing now, by its server's own word."""
    words = Path(f"/proc/{product.pid_of('model-small')}/cmdline").read_text().split("\0")
    slots = httpx.get(f"http://127.0.0.1:{words[words.index('--port') + 1]}/slots", trust_env=False).json()
    return not any(slot["is_processing"] for slot in slots)


def clean_environment() -> dict[str, str]:
    """The environment without what a developer's shell may have set for the product."""
    ours = ("POINTSMAN_", "REDIS_URL", "DATABASE_URL", "OTEL_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def weights_home() -> Path:
    """Where the tests keep the models between runs."""
    return Path(os.environ.get("POINTSMAN_TEST_HOME", "~/.pointsman")).expanduser()


@contextmanager
def running_product(home: Path, *options: str, models: str = "small") -> Generator[Product]:
    """Start everything, wait until it is ready, and stop it at the end as Ctrl-C does."""
    fetched = subprocess.run(
        [*COMMAND, "models", "fetch", "small", "--home", str(weights_home())],
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment(),
    )
    if fetched.returncode != 0:
        pytest.fail(f"the small model could not be fetched: {fetched.stderr}")
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "models").exists():
        (home / "models").symlink_to(weights_home() / "models")
    log = home / "up.log"
    command = [
        *COMMAND,
        "up",
        "--home",
        str(home),
        "--port",
        "0",
        "--dashboard-port",
        "0",
        "--models",
        models,
        *options,
    ]
    with (
        log.open("w") as output,
        subprocess.Popen(command, stdout=output, stderr=output, env=clean_environment(), cwd=home) as supervisor,
    ):
        try:
            _wait_until_ready(supervisor, log)
            urls = json.loads((home / "run" / "up.json").read_text())
            yield Product(urls["gateway"], urls["dashboard"] or "", home, supervisor.pid)
        finally:
            supervisor.send_signal(signal.SIGINT)
            try:
                supervisor.wait(40)
            except subprocess.TimeoutExpired:
                supervisor.kill()
                raise


def _wait_until_ready(supervisor: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + READY_SECONDS
    while "Pointsman is ready" not in log.read_text():
        if supervisor.poll() is not None or time.monotonic() > end:
            pytest.fail(f"pointsman up did not become ready:\n{log.read_text()[-4000:]}")
        time.sleep(0.2)


def wait_for_end(product: Product, run_id: str, *, seconds: float = 180) -> dict[str, object]:
    """Wait for a run's end, through the API."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        run: dict[str, object] = httpx.get(f"{product.gateway}/api/runs/{run_id}", trust_env=False).json()
        if run["ended_at"]:
            return run
        time.sleep(0.3)
    pytest.fail(f"run {run_id} did not end within {seconds} s")
