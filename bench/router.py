"""All figures of the router beside the lines they have to reach: what `make bench-router` prints.

python -m bench.router --data DIR [--only text,onboarding,choice,latency] [--json FILE]
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from bench import router_choice, router_latency, router_onboarding, router_text
from bench.router_rows import Row

PARTS: Mapping[str, Callable[[Path], list[Row]]] = {
    "latency": router_latency.rows,
    "text": router_text.rows,
    "onboarding": router_onboarding.rows,
    "choice": router_choice.rows,
}


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="the folder with train/ and test/")
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of: {', '.join(PARTS)}")
    parser.add_argument("--json", type=Path, help="where to write the rows besides")
    given = parser.parse_args()
    if not (given.data / "test").is_dir():
        sys.exit(f"{given.data} has no folder test: give the folder of the graded answers with --data")
    unknown = sorted(set(given.only.split(",")) - set(PARTS))
    if unknown:
        sys.exit(f"no such part: {', '.join(unknown)}; there are: {', '.join(PARTS)}")
    print(f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}\n")
    print("| what | at least | measured | 95 % | n | note |\n|---|---|---|---|---|---|")
    rows: list[Row] = []
    for name in given.only.split(","):
        began = time.monotonic()
        for row in PARTS[name](given.data):
            rows.append(row)
            print(_line(row), flush=True)
        print(f"({name}: {time.monotonic() - began:.0f} s)", file=sys.stderr)
    if given.json:
        given.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")


def _line(row: Row) -> str:
    span = "" if row.low is None or row.high is None else f"{row.low:.3f} to {row.high:.3f}"
    return f"| {row.what} | {row.line} | {row.value:.3f} | {span} | {row.n} | {row.note} |"


if __name__ == "__main__":
    main()
