"""How the command line prints: tables for people, JSON for programs, asides on stderr."""

import json
import unicodedata
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import click

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
CALCULATE = "pointsman/calculate"
"""What stands for the model where none was called."""
WIDEST_CELL = 60
"""Characters; a longer cell is cut, as JSON has it whole."""


def print_json(value: object) -> None:
    """Print for a program: one JSON document."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Print for a person: aligned columns, or a line that says that there is nothing."""
    cells = [[one_line("" if cell is None else str(cell)) for cell in row] for row in rows]
    if not cells:
        aside(empty)
        return
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    click.secho(_aligned(columns, widths), bold=True)
    for row in cells:
        click.echo(_aligned(row, widths))


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def one_line(text: str, *, widest: int = WIDEST_CELL) -> str:
    """The text as one line of at most `widest` characters."""
    line = " ".join(printable(text).split())
    return line if len(line) <= widest else line[: widest - 1] + "…"


def printable(text: str) -> str:
    """The text without control characters: what a model or a web page wrote must not steer the reader's terminal."""
    return "".join(char for char in text if char in "\n\t" or unicodedata.category(char) != "Cc")


def write(text: str) -> None:
    """Print a piece of a text at once, without ending the line."""
    click.echo(printable(text), nl=False)


def aside(line: str) -> None:
    """Say something about the answer that is not the answer: dim, and on stderr."""
    click.secho(printable(line), dim=True, err=True)


def in_usd(amount: object) -> str:
    """Money as people read it: four decimals below one cent, else two."""
    value = Decimal(str(amount or 0))
    if value == 0:
        return "$0"
    return f"${value:.4f}" if abs(value) < Decimal("0.01") else f"${value:.2f}"


def in_time(time: str | None) -> str:
    """A time of the API, which is in UTC, to the second."""
    return f"{time[:19].replace('T', ' ')} UTC" if time else ""


def in_seconds(seconds: float | None) -> str:
    """A duration as people read it."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.1f} min"


def what_it_took(
    *, model: str, plan: str, cost_usd: object, verified_by: Sequence[str], status: str, run_id: str
) -> str:
    """What answered, by which plan, for how much, why it may be trusted, and where to look it up."""
    calculated = model == CALCULATE
    checks = ", ".join(verified_by)
    parts = [
        "no model was called" if calculated else model,
        f"plan {plan}",
        in_usd(cost_usd),
        f"verified by {checks}" if checks else "computed exactly" if calculated else "not checked",
        *([] if status == "succeeded" else [status]),
        f"run {run_id}",
    ]
    return " · ".join(parts)


def plan_in_short(plan: dict[str, Any] | None) -> str:
    """A plan's rungs in a few words each, as the gateway's header `x-pointsman-plan` has them."""
    return " > ".join(rung_in_short(rung) for rung in (plan or {}).get("rungs", []))


def rung_in_short(rung: dict[str, Any]) -> str:
    """A rung in a few words: `self_consistency small low n<=8`."""
    method, samples = rung["method"], int(rung.get("samples", 1))
    if method == "calculate":
        return "calculate"
    if method == "team":
        return f"team {rung.get('team')}"
    words = f"{method} {rung.get('model')} {rung.get('effort')}"
    return f"{words} n<={samples}" if samples > 1 else words
