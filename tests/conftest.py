"""Servers that the tests start by themselves, on free ports: Valkey, PostgreSQL, and the whole product."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from services.up import valkey as valkey_server
from tests.product import Product, running_product
from tests.servers import postgres_programs


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """A real Valkey of the tests' own; each test that writes to it uses names of its own."""
    port = free_port()
    folder = tmp_path_factory.mktemp("valkey")
    command = valkey_server.command(valkey_server.find_server(), port=port, folder=folder)
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            _wait_for_redis(port)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()


@pytest.fixture(scope="session")
def postgres_url() -> Generator[str]:
    """A real PostgreSQL of the tests' own, or a skip that says what is missing."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server program (initdb, postgres) here: install the package postgresql")
    folder = Path(tempfile.mkdtemp(prefix="pointsman-postgres-"))
    user = None
    if os.geteuid() == 0:  # its server refuses to run as root
        user = "postgres"
        shutil.chown(folder, user)
    port = free_port()
    data = folder / "data"
    setup = [programs / "initdb", "-D", data, "-A", "trust", "-U", "pointsman", "--no-sync"]
    subprocess.run(setup, check=True, capture_output=True, user=user, cwd=folder)
    start = [programs / "postgres", "-D", data, "-p", str(port), "-k", folder, "-c", "listen_addresses=127.0.0.1"]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(start, stdout=log, stderr=log, user=user, cwd=folder) as server,
    ):
        try:
            ready = [programs / "pg_isready", "-h", "127.0.0.1", "-p", str(port)]
            _wait_until(lambda: subprocess.run(ready, capture_output=True, check=False).returncode == 0, "PostgreSQL")
            yield f"postgresql://pointsman@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGQUIT)  # at once: nothing in it is wanted
            server.wait()
            shutil.rmtree(folder)


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Generator[Product]:
    """The whole product with the real small model, one for all tests that need it."""
    with running_product(tmp_path_factory.mktemp("product")) as started:
        yield started


def _wait_for_redis(port: int) -> None:
    client: Any = Redis(port=port)  # redis-py's commands are not typed

    def answers() -> bool:
        try:
            return bool(client.ping())
        except RedisConnectionError:
            return False

    _wait_until(answers, "Valkey")
    client.close()


def _wait_until(holds: Callable[[], bool], what: str, *, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            pytest.fail(f"{what} was not ready within {seconds} s")
        time.sleep(0.05)
