"""How long a decision takes on a processor, and what it costs to start: the router's figures of speed."""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from pyarrow import parquet

from agents.records import ChatMessage, Effort, Task
from bench.router_rows import Row
from router.plan import plan
from router.records import ModelCard

CARDS = (
    ModelCard(id="tiny", parameters_billion=1.5, context_tokens=32_768, decode_tokens_per_second=120),
    ModelCard(
        id="small",
        parameters_billion=8,
        context_tokens=65_536,
        efforts=(Effort.NONE, Effort.LOW, Effort.HIGH),
        usd_per_hour=Decimal("0.8"),
    ),
    ModelCard(
        id="medium",
        parameters_billion=32,
        context_tokens=65_536,
        efforts=(Effort.NONE, Effort.LOW, Effort.HIGH),
        usd_per_million_input_tokens=Decimal("0.2"),
        usd_per_million_output_tokens=Decimal("0.6"),
    ),
    ModelCard(
        id="large",
        parameters_billion=400,
        context_tokens=131_072,
        efforts=(Effort.NONE, Effort.MEDIUM, Effort.HIGH),
        usd_per_million_input_tokens=Decimal("0.9"),
        usd_per_million_output_tokens=Decimal("3.6"),
    ),
)
"""Four models with ten rungs."""
PER_FILE = 250
LENGTHS = (5_000, 20_000, 50_000, 100_000)
LONG_EACH = 25
WARM = 50
STARTS = 9
_START = """
import time
began = time.process_time()
from router.plan import plan
from agents.records import ChatMessage, Task
from router.records import ModelCard
card = ModelCard(id="one", parameters_billion=8, context_tokens=8192)
plan(Task(messages=(ChatMessage(role="user", content="Why is the sky blue?"),)), cards=(card,))
took = (time.process_time() - began) * 1000
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(took, int(status["VmHWM"].split()[0]) / 1024)
"""
"""Import, load of every table, and a first plan, in processor time: other work of the machine is not the router's.
The memory is the most that the process itself ever held, in MB."""


def rows(data: Path) -> list[Row]:
    """Measure decisions on prompts of the test files, longer ones made of them, and starts of fresh processes.

    Args:
        data: The folder of router data, with `test/`.
    """
    taken = [_decision_ms(prompt) for prompt in _prompts(data)][WARM:]
    percentiles = statistics.quantiles(taken, n=100)
    started = [_started() for _ in range(STARTS)]
    took, held = (statistics.median(column) for column in zip(*started, strict=True))
    note = f"thread CPU; prompts of the test files and {LONG_EACH} each of {', '.join(map(str, LENGTHS))} characters"
    return [
        Row("decision, p50 ms", "<= 0.5", statistics.median(taken), None, None, len(taken), note),
        Row("decision, p99 ms", "<= 2", percentiles[98], None, None, len(taken), note),
        Row("import and load, ms", "<= 150", took, None, None, STARTS, "processor time, median of fresh processes"),
        Row("memory after a plan, MB", "<= 60", held, None, None, STARTS, "largest resident set, median"),
    ]


def _prompts(data: Path) -> Iterator[str]:
    kept: list[str] = []
    for file in sorted((data / "test").glob("*.parquet")):
        table: Any = cast("Any", parquet).read_table(file, columns=["prompt"])  # pyarrow has no types
        column: list[str] = table.column("prompt").to_pylist()
        kept += column[:: max(len(column) // PER_FILE, 1)]
    yield from kept[:WARM]
    yield from kept
    text = "\n\n".join(kept)
    for length in LENGTHS:
        for number in range(LONG_EACH):
            yield (text[number * 1000 :] + text)[:length]


def _decision_ms(prompt: str) -> float:
    task = Task(messages=(ChatMessage(role="user", content=prompt),))
    began = time.thread_time_ns()
    plan(task, cards=CARDS)
    return (time.thread_time_ns() - began) / 1e6


def _started() -> tuple[float, float]:
    run = subprocess.run([sys.executable, "-c", _START], capture_output=True, text=True, check=True)
    took, held = map(float, run.stdout.split())
    return took, held


if __name__ == "__main__":
    for row in rows(Path(sys.argv[1])):
        print(f"{row.what:26} {row.value:8.3f}   {row.line:8} n = {row.n}   {row.note}")
