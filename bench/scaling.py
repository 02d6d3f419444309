"""All figures of inference scaling and of checks beside the lines they have to reach: what `make bench-scaling` prints.

python -m bench.scaling --data DIR [--only gsm8k,humaneval,sandbox,checks,refine] [--markdown FILE] [--plot FILE]

DIR holds gsm8k-300.jsonl and HumanEval.jsonl.gz, whose texts are not in the repository. No model runs: the methods
themselves are replayed on samples that were recorded once, by `python -m bench.record_samples`.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.recorded_rows import rows
from bench.scaling_checks import cost_row, pair_rows
from bench.scaling_ladder import climbed, ladder_rows
from bench.scaling_plot import save
from bench.scaling_programs import program_rows
from bench.scaling_refine import refine_rows
from bench.scaling_replay import Remembering
from bench.scaling_rows import HEAD, Row, line, lists, markdown
from bench.scaling_sandbox import sandbox_rows
from bench.scaling_votes import vote_rows, votes
from services.sandbox.choice import Chosen

BEGIN, END = "<!-- figures: begin -->\n", "<!-- figures: end -->\n"
"""Between these, a page has its figures."""


@dataclass(frozen=True)
class Bench:
    """What a part works with."""

    data: Path
    sandbox: Remembering
    plot: Path | None


async def _gsm8k(bench: Bench) -> list[Row]:
    done = await votes(bench.data, bench.sandbox)
    ladder = await climbed(done, bench.sandbox)
    if bench.plot:
        save(done, ladder, bench.plot)
    return [*vote_rows(done), *ladder_rows(done, ladder), cost_row(list(rows("gsm8k", bench.data)), done.cpu_ms)]


PARTS: Mapping[str, Callable[[Bench], Awaitable[list[Row]]]] = {
    "gsm8k": _gsm8k,
    "humaneval": lambda bench: program_rows(bench.data, bench.sandbox),
    "sandbox": lambda bench: sandbox_rows(bench.data, bench.sandbox),
    "checks": lambda bench: pair_rows(bench.sandbox),
    "refine": lambda bench: refine_rows(bench.data, bench.sandbox),
}


async def measured(parts: list[str], data: Path, plot: Path | None) -> list[Row]:
    """The rows of some parts, printed as they come."""
    sandbox = Chosen("auto", socket=None)
    bench = Bench(data, Remembering(sandbox), plot)
    found: list[Row] = []
    print(HEAD, end="", flush=True)
    try:
        for part in parts:
            began = time.monotonic()
            some = await PARTS[part](bench)
            print("".join(map(line, some)), end="", flush=True)
            found += some
            print(f"({part}: {time.monotonic() - began:.0f} s)", file=sys.stderr)
    finally:
        await sandbox.close()
    print(lists(found))
    return found


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--data", type=Path, required=True, help="the folder with gsm8k-300.jsonl and HumanEval.jsonl.gz"
    )
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of: {', '.join(PARTS)}")
    parser.add_argument("--markdown", type=Path, help="a page whose figures are written anew")
    parser.add_argument("--plot", type=Path, help="where to draw accuracy against cost, as PNG")
    given = parser.parse_args()
    parts = given.only.split(",")
    if unknown := sorted(set(parts) - set(PARTS)):
        sys.exit(f"no such part: {', '.join(unknown)}; there are: {', '.join(PARTS)}")
    for file in ("gsm8k-300.jsonl", "HumanEval.jsonl.gz"):
        if not (given.data / file).is_file():
            sys.exit(f"{given.data} has no {file}: give the folder of the public problems with --data")
    found = asyncio.run(measured(parts, given.data, given.plot))
    if given.markdown:
        given.markdown.write_text(filled(given.markdown.read_text("utf-8"), markdown(found)), "utf-8")


def filled(page: str, table: str) -> str:
    """The page with the table in the place of its figures."""
    before, begins, rest = page.partition(BEGIN)
    _, ends, after = rest.partition(END)
    if not begins or not ends:
        sys.exit(f"the page has no place for figures, between {BEGIN.strip()} and {END.strip()}")
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


if __name__ == "__main__":
    main()
