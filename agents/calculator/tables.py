"""Read CSV, TSV and JSON tables strictly, and write them again; what is crooked or has two readings is no table."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from agents.calculator.wording import wording

MOST_CHARACTERS = 20_000
"""A longer text is not read: the work is bounded, and the router decides in milliseconds."""
_NUMBER = r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?"
_NUMERIC = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_PIECE = r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+'


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of equal length under columns with different names."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    separator: str = ","
    """Between the cells where it was read; the empty text for a JSON array, whose cells are JSON literals."""

    def cells(self, column: int) -> tuple[str, ...]:
        """The column's cells as text."""
        if self.separator:
            return tuple(row[column] for row in self.rows)
        return tuple(text(row[column]) for row in self.rows)


class Number(str):
    """A number in a JSON text, in the digits it was written with."""

    __slots__ = ()


def text(literal: str) -> str:
    """The text of a JSON literal: a string without its quotes, anything else as it is."""
    return str(json.loads(literal)) if literal.startswith('"') else literal


def is_number(cell: str) -> bool:
    """Whether the cell is a number as JSON writes them, that no reader would round."""
    return wording(_NUMBER).fullmatch(cell) is not None and len(cell) <= 16


def may_be_number(cell: str) -> bool:
    """Whether some would read a number: `007` and `1e5` too."""
    return wording(_NUMERIC).fullmatch(cell) is not None


def read_separated(data: str, separator: str) -> Table | None:
    """Read CSV or TSV with a header, at least two columns and one row; None for anything crooked."""
    lines = data.strip("\n\r")
    if len(lines) > MOST_CHARACTERS or separator not in lines or "\0" in lines:
        return None
    try:
        rows = list(csv.reader(io.StringIO(lines, newline=""), delimiter=separator, strict=True))
    except csv.Error:
        return None
    rows = _trimmed(rows)
    if rows is None or len(rows) < 2 or len(rows[0]) < 2:
        return None
    columns = tuple(rows[0])
    names = {normal(column) for column in columns}
    if len(names) < len(columns) or "" in names or any(len(row) != len(columns) for row in rows):
        return None
    return Table(columns, tuple(tuple(row) for row in rows[1:]), separator)


def _trimmed(rows: list[list[str]]) -> list[list[str]] | None:
    """Take one blank after each separator away if it is after every one; other blanks at an edge may mean something."""
    later = [cell for row in rows for cell in row[1:]]
    if later and all(cell.startswith(" ") for cell in later):
        rows = [[row[0], *(cell[1:] for cell in row[1:])] for row in rows]
    return rows if all(cell == cell.strip() for row in rows for cell in row) else None


def normal(name: str) -> str:
    """A name as it is compared: without capitals, a low line being a blank."""
    return name.strip().casefold().replace("_", " ")


def column_of(table: Table, name: str) -> int | None:
    """The place of the column with that name."""
    name = normal(name.strip().strip("\"'`"))
    return next((place for place, column in enumerate(table.columns) if normal(column) == name), None)


def read_json(data: str) -> Any | None:
    """Read strict JSON, numbers as `Number`; None for invalid JSON, doubled keys and half characters."""
    if len(data) > MOST_CHARACTERS or "\\ud" in data.lower():
        return None
    try:
        return json.loads(
            data, parse_float=Number, parse_int=Number, parse_constant=_refused, object_pairs_hook=_different
        )
    except (ValueError, RecursionError):
        return None


def _refused(constant: str) -> None:
    raise ValueError(constant)


def _different(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key is given twice")
    return dict(pairs)


def read_objects(data: str) -> Table | None:
    """Read a JSON array of objects with the same keys and no nesting; None for anything else."""
    array: Any = read_json(data)
    if not isinstance(array, list):
        return None
    objects = [_fields(each) for each in cast("list[object]", array)]
    columns = tuple(objects[0]) if objects else ()
    if not columns or len({normal(column) for column in columns}) < len(columns):
        return None
    if any(set(each) != set(columns) or "" in each.values() for each in objects):
        return None
    return Table(columns, tuple(tuple(each[column] for column in columns) for each in objects), separator="")


def _fields(value: object) -> dict[str, str]:
    """The fields of a JSON object as literals; none for what is no object."""
    if not isinstance(value, dict):
        return {}
    return {key: _literal(field) for key, field in cast("dict[str, object]", value).items()}


def _literal(value: object) -> str:
    """The value in JSON; the empty text for what is no single value."""
    match value:
        case Number():
            return str(value)
        case str():
            return json.dumps(value, ensure_ascii=False)
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
        case _:
            return ""


def write_separated(lines: Sequence[Sequence[str]], separator: str) -> str:
    """Write lines of cells, quoted where needed."""
    written = io.StringIO()
    csv.writer(written, delimiter=separator, lineterminator="\n").writerows(lines)
    return written.getvalue().rstrip("\n")


def write_objects(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write an indented JSON array of objects; the cells are JSON literals."""
    names = [json.dumps(column, ensure_ascii=False) for column in columns]
    objects = [
        "  {\n" + ",\n".join(f"    {name}: {cell}" for name, cell in zip(names, row, strict=True)) + "\n  }"
        for row in rows
    ]
    return "[\n" + ",\n".join(objects) + "\n]"


def indented(data: str, *, spaces: int) -> str:
    """Lay valid JSON out with each value on its line, nothing else changed."""
    parts, depth, pieces = list[str](), 0, wording(_PIECE).findall(data)
    for place, piece in enumerate(pieces):
        following = pieces[place + 1] if place + 1 < len(pieces) else ""
        if piece in "{[":
            depth += 1
            parts.append(piece if following in "}]" else f"{piece}\n{' ' * spaces * depth}")
        elif piece in "}]":
            depth -= 1
            empty = pieces[place - 1] in "{["
            parts.append(piece if empty else f"\n{' ' * spaces * depth}{piece}")
        else:
            parts.append(f",\n{' ' * spaces * depth}" if piece == "," else ": " if piece == ":" else str(piece))
    return "".join(parts)


def minified(data: str) -> str:
    """Take all blanks between the pieces of valid JSON away."""
    return "".join(wording(_PIECE).findall(data))
