"""What Pointsman adds to a model call: the same request to a stub server, straight and through the gateway, in turns.

    make bench                        # or: python -m bench.overhead --requests 300

The gateway is a process of its own, over a real SQLite file (flushed at every commit) and a real Valkey.
"""

import argparse
import contextlib
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path

import httpx

from agents.records import ChatMessage, Json, Task
from router.plan import plan
from router.records import ModelCard
from services.up import valkey
from services.up.ports import free_ports

CATALOG = """
models:
  stub: {{kind: openai, url: "{url}/v1", model: stub, parameters_billion: 8, context_tokens: 32768}}
"""
WARM = 10
QUESTION = "Explain in one sentence why the sky is blue"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--requests", type=int, default=200, help="of each kind")
    number: int = arguments.parse_args().requests
    machine = platform.processor() or platform.machine()
    print(f"{machine}, {os.cpu_count()} processors, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as folder, _product(Path(folder)) as (stub, gateway), httpx.Client() as client:

        def asking(url: str, model: str, prompt: str, *, stream: bool) -> Callable[[], None]:
            body: Json = {"model": model, "messages": [{"role": "user", "content": prompt}], "stream": stream}
            return lambda: _ask(client, f"{url}/v1/chat/completions", body)

        kinds = {
            "stub, straight (streamed)": asking(stub, "stub", QUESTION, stream=True),
            "gateway, streamed": asking(gateway, "stub", QUESTION, stream=True),
            "gateway, whole": asking(gateway, "stub", QUESTION, stream=False),
            "gateway, model auto": asking(gateway, "auto", QUESTION, stream=False),
            "gateway, a calculation": asking(gateway, "auto", "What is 17% of 3,482?", stream=False),
            "plan() alone": _planning(),
        }
        taken = _measured(kinds, number)
    straight = statistics.median(taken["stub, straight (streamed)"])
    print(f"{'n = ' + str(number):28} {'p50 ms':>8} {'p99 ms':>8} {'added, p50 ms':>14}")
    for name, seconds in taken.items():
        p50, p99 = statistics.median(seconds), statistics.quantiles(seconds, n=100)[98]
        added = f"{(p50 - straight) * 1000:14.2f}" if name.startswith("gateway, ") and "calc" not in name else ""
        print(f"{name:28} {p50 * 1000:8.2f} {p99 * 1000:8.2f} {added}")


def _measured(kinds: Mapping[str, Callable[[], None]], number: int) -> dict[str, list[float]]:
    """Seconds of each request: the kinds take turns, so that a busy moment of the machine meets them all."""
    taken: dict[str, list[float]] = {name: [] for name in kinds}
    for turn in range(WARM + number):
        for name, ask in kinds.items():
            began = time.perf_counter()
            ask()
            if turn >= WARM:
                taken[name].append(time.perf_counter() - began)
    return taken


def _ask(client: httpx.Client, url: str, body: Json) -> None:
    client.post(url, json=body).raise_for_status()


def _planning() -> Callable[[], None]:
    task = Task(messages=(ChatMessage(role="user", content=QUESTION),))
    cards = [ModelCard(id=name, parameters_billion=size, context_tokens=32768) for name, size in (("a", 8), ("b", 70))]

    def draw_up() -> None:
        plan(task, cards=cards)

    return draw_up


@contextlib.contextmanager
def _product(folder: Path) -> Generator[tuple[str, str]]:
    """A stub server, a Valkey and a gateway; gives the addresses of the first and the last."""
    stub_port, redis_port, gateway_port = free_ports(("127.0.0.1",) * 3)
    stub, gateway = f"http://127.0.0.1:{stub_port}", f"http://127.0.0.1:{gateway_port}"
    (folder / "models.yaml").write_text(CATALOG.format(url=stub))
    environment = os.environ | {"POINTSMAN_HOME": str(folder), "REDIS_URL": f"redis://127.0.0.1:{redis_port}/0"}
    environment.pop("DATABASE_URL", None)
    ours = [sys.executable, "-P", "-m", "services.cli.main"]
    subprocess.run([*ours, "migrate"], env=environment, check=True)
    commands = (
        [sys.executable, "-m", "bench.stub", str(stub_port)],
        valkey.command(valkey.find_server(), port=redis_port, folder=folder),
        [*ours, "gateway", "--port", str(gateway_port)],
    )
    with contextlib.ExitStack() as stack:
        for command in commands:
            process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.terminate)
        for url in (f"{stub}/health", f"{gateway}/health"):
            _wait_for(url)
        yield stub, gateway


def _wait_for(url: str) -> None:
    end = time.monotonic() + 60
    while True:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url).is_success:
                return
        if time.monotonic() > end:
            raise SystemExit(f"{url} does not answer")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
