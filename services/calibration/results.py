"""What calibration found, one line of JSON each: appended as it comes, whole or not at all."""

import fcntl
import os
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from agents.errors import Unavailable
from agents.records import Effort, Outcome, Record, Usd
from router.evaluate.graded import Graded


class Result(Record):
    """One answer of one rung to one prompt."""

    key: str
    """Of the prompt."""
    id: str
    prompt: str
    task_type: str
    model: str
    effort: Effort
    outcome: Outcome
    """The worst that any of the prompt's checks found."""
    input_tokens: int
    output_tokens: int
    seconds: float
    usd: Usd
    run_id: str
    at: datetime

    @property
    def rung(self) -> tuple[str, Effort]:
        """What answered."""
        return self.model, self.effort


def results_file(folder: Path) -> Path:
    """Where a data folder keeps them."""
    return folder / "calibration" / "results.jsonl"


def read_results(file: Path) -> list[Result]:
    """Everything found so far, of what was done again the last; a line that was cut short by a crash does not count."""
    if not file.exists():
        return []
    found: dict[object, Result] = {}
    for line in file.read_bytes().split(b"\n"):
        try:
            result = Result.model_validate_json(line)
        except ValidationError:
            continue
        found[result.key, result.rung] = result
    return list(found.values())


class Writer:
    """Appends results, each on disk before the next."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def append(self, result: Result) -> None:
        """Write one result in one piece."""
        os.write(self._descriptor, result.model_dump_json().encode() + b"\n")
        os.fsync(self._descriptor)


@contextmanager
def writing(file: Path) -> Generator[Writer]:
    """Open the file to append to, for one process at a time.

    Raises:
        Unavailable: another calibration writes to it.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Unavailable(f"another calibration is at work on {file}: wait for it, or stop it") from None
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            os.write(descriptor, b"\n")  # a crash cut the last line short: the next one must not join it
        yield Writer(descriptor)
    finally:
        os.close(descriptor)


def graded(results: Iterable[Result]) -> list[Graded]:
    """The results by prompt; each rung is a model of its own, named with its effort where the model has several."""
    by_prompt: dict[str, list[Result]] = {}
    efforts: dict[str, set[Effort]] = {}
    for one in results:
        by_prompt.setdefault(one.key, []).append(one)
        efforts.setdefault(one.model, set()).add(one.effort)

    def name(one: Result) -> str:
        return f"{one.model} {one.effort}" if len(efforts[one.model]) > 1 else one.model

    return [
        Graded(
            prompt=ones[0].prompt,
            quality={name(one): float(one.outcome == "pass") for one in ones},
            usd={name(one): float(one.usd) for one in ones},
            seconds={name(one): one.seconds for one in ones},
            tokens={name(one): float(one.output_tokens) for one in ones},
        )
        for ones in by_prompt.values()
    ]
