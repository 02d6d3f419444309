"""Graded prompts out of files: JSONL or Parquet with a column for each model, or what calibration wrote."""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from agents.errors import InvalidTask
from agents.records import Json
from router.evaluate.graded import Graded
from services.calibration.results import graded, read_results

KINDS = (".jsonl", ".parquet")


def read_graded(path: Path) -> dict[str, list[Graded]]:
    """The graded prompts of a file, or of every file of a folder, by the file's name.

    Raises:
        InvalidTask: there are none, or a file is not of that form.
    """
    if not path.exists():
        raise InvalidTask(f"{path} is not there")
    files = sorted(file for file in path.iterdir() if file.suffix in KINDS) if path.is_dir() else [path]
    if not files:
        raise InvalidTask(f"{path} has no files that end in {' or '.join(KINDS)}")
    return {file.stem: read_file(file) for file in files}


def read_file(file: Path) -> list[Graded]:
    """The graded prompts of one file. Raises `InvalidTask`."""
    match file.suffix:
        case ".parquet":
            return _prompts(_parquet(file), file)
        case ".jsonl":
            rows = list(_jsonl(file))
            is_calibration = bool(rows) and {"key", "outcome", "run_id"} <= rows[0].keys()
            return graded(read_results(file)) if is_calibration else _prompts(rows, file)
        case _:
            raise InvalidTask(f"{file} ends neither in {' nor in '.join(KINDS)}")


def _jsonl(file: Path) -> Iterable[Json]:
    for number, line in enumerate(file.read_bytes().split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            row: object = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InvalidTask(f"{file} line {number} is not JSON: {error}") from None
        if not isinstance(row, dict):
            raise InvalidTask(f"{file} line {number} is not a JSON object")
        yield cast("Json", row)


def _parquet(file: Path) -> list[Json]:
    import pyarrow  # takes a fifth of a second
    import pyarrow.parquet

    library, parquet = cast("Any", pyarrow), cast("Any", pyarrow.parquet)  # they have no types
    try:
        return parquet.read_table(file).to_pylist()
    except library.ArrowInvalid as error:
        raise InvalidTask(f"{file} is not Parquet: {error}") from None


def _prompts(rows: Iterable[Json], file: Path) -> list[Graded]:
    found: list[Graded] = []
    for number, row in enumerate(rows, 1):
        prompt = row.get("prompt")
        if not isinstance(prompt, str):
            raise InvalidTask(f"{file} row {number} has no text 'prompt'")
        found.append(
            Graded(
                prompt=prompt,
                quality=_by_model(row, "s:", file, number),
                usd=_by_model(row, "usd:", file, number),
                seconds=_by_model(row, "seconds:", file, number),
                tokens=_by_model(row, "t:", file, number),
                sub="" if row.get("sub") is None else str(row["sub"]),
            )
        )
    return found


def _by_model(row: Mapping[str, Any], prefix: str, file: Path, number: int) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in row.items():
        if not name.startswith(prefix) or value is None:
            continue
        if not isinstance(value, (int, float)):
            raise InvalidTask(f"{file} row {number}: '{name}' is {value!r}, and has to be a number")
        if not math.isnan(value):
            found[name.removeprefix(prefix)] = float(value)
    return found
