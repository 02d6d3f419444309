"""The product with its processes killed in the middle of real work: each task still ends, once."""

import os
import signal
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis import Redis

from tests.product import Product, running_product, wait_for_end

pytestmark = [pytest.mark.faults, pytest.mark.model]

SKY = {"messages": [{"role": "user", "content": "Explain in one sentence why the sky is blue"}]}
RECOVERY_SECONDS = 45


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Generator[Product]:
    """A product of these tests' own, as they break it."""
    with running_product(tmp_path_factory.mktemp("fragile"), "--no-dashboard") as started:
        yield started


@pytest.fixture
def api(fragile: Product) -> Generator[httpx.Client]:
    with httpx.Client(base_url=fragile.gateway, trust_env=False, timeout=60) as client:
        yield client


def test_a_task_whose_worker_is_killed_ends_with_one_answer(fragile: Product, api: httpx.Client) -> None:
    run_id = api.post("/api/runs", json=SKY).json()["id"]
    until(lambda: any(span["status"] == "running" for span in model_calls(api, run_id)))
    os.kill(fragile.pid_of("worker"), signal.SIGKILL)
    killed = time.monotonic()
    run: Any = wait_for_end(fragile, run_id, seconds=RECOVERY_SECONDS)
    print(f"ended {time.monotonic() - killed:.1f} s after the kill")
    assert run["status"] == "succeeded", run["error"]
    assert run["answer"]["choices"][0]["text"]
    assert run["usage"]["model_calls"] == 1
    assert [span["status"] for span in model_calls(api, run_id)] == ["ok"]
    assert ends(api, run_id) == 1


def test_a_chat_whose_gateway_is_killed_is_failed_and_not_left_open(fragile: Product) -> None:
    story = {"model": "small", "messages": [{"role": "user", "content": "Tell a long story."}], "stream": True}
    with httpx.Client(base_url=fragile.gateway, trust_env=False, timeout=60) as client:
        with client.stream("POST", "/v1/chat/completions", json=story) as reply:
            run_id = reply.headers["x-pointsman-run-id"]
            lines = reply.iter_lines()
            next(lines)
            os.kill(fragile.pid_of("gateway"), signal.SIGKILL)
            with pytest.raises(httpx.HTTPError):
                list(lines)
        until(lambda: answers(client, "/health"))
    run: Any = wait_for_end(fragile, run_id, seconds=RECOVERY_SECONDS)
    assert run["status"] == "failed"
    assert "ask again" in run["error"]["message"]


def test_nothing_is_lost_when_redis_is_killed_and_emptied(fragile: Product, api: httpx.Client) -> None:
    os.kill(fragile.pid_of("worker"), signal.SIGSTOP)
    ids = [api.post("/api/runs", json=SKY).json()["id"] for _ in range(3)]
    port = redis_port(fragile)
    client: Any = Redis(port=port)
    client.flushall()
    client.close()
    os.kill(fragile.pid_of("valkey"), signal.SIGKILL)
    ids.append(api.post("/api/runs", json=SKY).json()["id"])
    os.kill(fragile.pid_of("worker"), signal.SIGCONT)
    runs: list[Any] = [wait_for_end(fragile, run_id, seconds=180) for run_id in ids]
    assert [run["status"] for run in runs] == ["succeeded"] * 4
    assert [ends(api, run_id) for run_id in ids] == [1] * 4
    assert [run["usage"]["model_calls"] for run in runs] == [1] * 4


def test_a_worker_that_slept_too_long_writes_nothing(fragile: Product, api: httpx.Client) -> None:
    run_id = api.post("/api/runs", json=SKY).json()["id"]
    until(lambda: any(span["status"] == "running" for span in model_calls(api, run_id)))
    worker = fragile.pid_of("worker")
    os.kill(worker, signal.SIGSTOP)
    until(lambda: queue_states(api).get("outbox", 0) + queue_states(api).get("published", 0) >= 1, seconds=40)
    os.kill(worker, signal.SIGCONT)
    run: Any = wait_for_end(fragile, run_id, seconds=90)
    assert run["status"] == "succeeded", run["error"]
    assert run["usage"]["model_calls"] == 1
    assert ends(api, run_id) == 1


def model_calls(api: httpx.Client, run_id: str) -> list[dict[str, Any]]:
    spans: list[dict[str, Any]] = api.get(f"/api/traces/{run_id}/spans").json()["spans"]
    return [span for span in spans if span["kind"] == "model"]


def ends(api: httpx.Client, run_id: str) -> int:
    return api.get(f"/api/runs/{run_id}/events").text.count("event: end\n")


def queue_states(api: httpx.Client) -> dict[str, int]:
    return {row["state"]: row["messages"] for row in api.get("/api/queues").json()["inboxes"]}


def redis_port(product: Product) -> int:
    """The port, which Valkey writes into its title."""
    title = Path(f"/proc/{product.pid_of('valkey')}/cmdline").read_text(encoding="ascii").strip("\0 ")
    return int(title.rpartition(":")[2])


def answers(client: httpx.Client, path: str) -> bool:
    try:
        return client.get(path).status_code == 200
    except httpx.HTTPError:
        return False


def until(holds: Callable[[], bool], *, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"it did not come true within {seconds} s"
        time.sleep(0.1)
