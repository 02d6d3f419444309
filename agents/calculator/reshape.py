"""Bring CSV, TSV and JSON that stand in the prompt into another form, if the prompt is an instruction and data alone.

In JSON, a column is of numbers if all its cells are; a column with numbers and other things, with empty cells, or with
`true` or `null` in it has two readings. Rows are sorted by text only if every usual alphabetical order gives the same.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from agents.calculator.records import Calculation
from agents.calculator.tables import (
    MOST_CHARACTERS,
    Table,
    column_of,
    indented,
    is_number,
    may_be_number,
    minified,
    read_json,
    read_objects,
    read_separated,
    text,
    write_objects,
    write_separated,
)
from agents.calculator.vocabulary import LONGEST_INSTRUCTION
from agents.calculator.wording import wording

_POLITE = r"(?:(?:please|can you|could you|would you|kindly)\s+)*"
_THIS = r"(?:(?:this|the|these|following|attached|below|given|my)\s+)*"
_SEPARATED = r"(?P<source>csv|tsv)(?: (?:data|file|table|text|content))?(?: below)?"
_JSON = r"(?P<source>json)(?: (?:array of objects|data|file|object|array|string|document|text|list))?(?: below)?"
_EITHER = (
    r"(?P<source>csv|tsv|json)(?: (?:array of objects|data|file|object|array|string|document|text|table|content|list))?"
    r"(?: below)?"
)
_CONVERT = rf"(?:(?:convert|turn|change|transform|reformat)\s+)?{_THIS}"
_TYPES = r"(?:,? (?:with |and )?(?:keep(?:ing)? )?(?:all |every )?(?P<typed>values? as strings?|numbers as numbers))?"
_COLUMNS = r"(?:columns?|fields?|keys?)"
_DIRECTION = (
    r"(?:,? (?:in )?(?:(?P<down>descending(?: order)?|desc|(?:from )?(?:highest|largest) to (?:lowest|smallest)|"
    r"(?:highest|largest) first)|(?:ascending(?: order)?|asc|(?:from )?(?:lowest|smallest) to (?:highest|largest)|"
    r"(?:lowest|smallest) first)|(?P<alphabetical>alphabetical(?:ly| order)))|"
    r",? \((?:(?P<down2>descending|desc)|ascending|asc)\))?"
)


def reshape(prompt: str) -> Calculation | None:
    """Do what the prompt says with the data in it; None if it is not wholly an instruction and data."""
    if len(prompt) > MOST_CHARACTERS:
        return None
    head, data = _parted(prompt)
    return reshaped(head, data) if data else None


def reshaped(instruction: str, data: str) -> Calculation | None:
    """Do it with data that came by another way."""
    instruction = instruction.strip().rstrip(":.?").rstrip()
    if len(instruction) > LONGEST_INSTRUCTION:
        return None
    for pattern, act in _ACTS.items():
        if found := wording(_POLITE + pattern).fullmatch(instruction):
            done = act(found, data)
            return Calculation(text=done, kind="reshape", exact=done, steps=instruction) if done else None
    return None


def _parted(prompt: str) -> tuple[str, str]:
    """The instruction is the first line, or what stands before the first brace or bracket of JSON in that line."""
    prompt = prompt.strip()
    end = prompt.find("\n", 0, LONGEST_INSTRUCTION + 2)
    line = prompt[: end if end >= 0 else LONGEST_INSTRUCTION + 2]
    brace = min((place for place in (line.find("{"), line.find("[")) if place >= 0), default=-1)
    if brace > 0:
        return prompt[:brace], prompt[brace:]
    return (line, _unfenced(prompt[end + 1 :])) if end >= 0 else (line, "")


def _unfenced(data: str) -> str:
    data = data.strip("\n")
    fenced = re.fullmatch(r"```[a-zA-Z]*\n(.*?)\n?```", data.strip(), re.DOTALL) if data.startswith("```") else None
    return fenced[1] if fenced else data


def _read(source: str, data: str) -> Table | None:
    match source.lower():
        case "json":
            return read_objects(data)
        case "tsv":
            return read_separated(data, "\t")
        case _:
            return read_separated(data, ",")


def _write(table: Table, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if table.separator:
        return write_separated([columns, *rows], table.separator)
    return write_objects(columns, rows)


def _to_json(found: re.Match[str], data: str) -> str | None:
    table = _read(found["source"], data)
    if table is None:
        return None
    typed = (found["typed"] or "").lower()
    columns = [_literals(table.cells(place), as_text="string" in typed) for place in range(len(table.columns))]
    literals = [column for column in columns if column]
    return write_objects(table.columns, list(zip(*literals, strict=True))) if len(literals) == len(columns) else None


def _literals(cells: Sequence[str], *, as_text: bool) -> list[str] | None:
    quoted = [text_literal(cell) for cell in cells]
    if as_text:
        return quoted
    numbers = sum(is_number(cell) for cell in cells)
    if any(may_be_number(cell) and not is_number(cell) for cell in cells):
        return None
    if any(not cell or cell.lower() in {"true", "false", "null", "nan", "none"} for cell in cells):
        return None
    if numbers == len(cells):
        return list(cells)
    return None if numbers else quoted


def text_literal(cell: str) -> str:
    """The cell as a JSON string."""
    return json.dumps(cell, ensure_ascii=False)


def _to_separated(found: re.Match[str], data: str) -> str | None:
    table = _read(found["source"], data)
    if table is None or any("null" in row for row in table.rows):
        return None
    rows = [[text(cell) for cell in row] for row in table.rows]
    return write_separated([table.columns, *rows], "\t" if found["target"].lower() == "tsv" else ",")


def _pretty(found: re.Match[str], data: str) -> str | None:
    spaces = {"two": 2, "four": 4}.get((found["spaces"] or "2").lower())
    return indented(data, spaces=spaces or int(found["spaces"] or 2)) if _is_structured(data) else None


def _minified(_: re.Match[str], data: str) -> str | None:
    return minified(data) if _is_structured(data) else None


def _is_structured(data: str) -> bool:
    return isinstance(read_json(data), list | dict)


def _keys(found: re.Match[str], data: str) -> str | None:
    value: Any = read_json(data)
    if not isinstance(value, dict):
        return None
    keys = cast("dict[str, object]", value)
    nested = any(isinstance(each, dict | list) for each in keys.values())
    if (nested and not found["top"]) or any("," in key or not key for key in keys):
        return None
    return ", ".join(keys)


def _sorted(found: re.Match[str], data: str) -> str | None:
    table = _read(found["source"], data)
    column = column_of(table, found["column"]) if table else None
    if table is None or column is None:
        return None
    order = ranked(table.cells(column), down=bool(found["down"] or found["down2"]))
    if order is None or (found["alphabetical"] and any(is_number(cell) for cell in table.cells(column))):
        return None
    return _write(table, table.columns, [table.rows[place] for place in order])


def ranked(cells: Sequence[str], *, down: bool) -> list[int] | None:
    """The places of the cells in order; None where the usual orders differ."""
    places = range(len(cells))
    if all(is_number(cell) for cell in cells):
        return sorted(places, key=lambda place: float(cells[place]), reverse=down)
    if any(is_number(cell) or not cell or not cell.isascii() for cell in cells):
        return None
    orders = [_by(collation, cells, down=down) for collation in _COLLATIONS]
    return orders[0] if all(order == orders[0] for order in orders) else None


def _by(collation: Callable[[str], str], cells: Sequence[str], *, down: bool) -> list[int]:
    keys = [collation(cell) for cell in cells]
    return sorted(range(len(cells)), key=lambda place: keys[place], reverse=down)


def _natural(cell: str) -> str:
    """Numbers count by their value: `item9` comes before `item10`."""
    return re.sub("[0-9]+", lambda digits: digits[0].zfill(30), cell.casefold())


_COLLATIONS: Sequence[Callable[[str], str]] = (
    lambda cell: cell,
    lambda cell: cell.casefold(),
    lambda cell: re.sub("[^0-9a-z]", "", cell.casefold()),
    _natural,
)


def _selected(found: re.Match[str], data: str) -> str | None:
    table, places = _chosen(found, data)
    return _of_columns(table, places) if table and places else None


def _removed(found: re.Match[str], data: str) -> str | None:
    table, places = _chosen(found, data)
    left = [place for place in range(len(table.columns)) if place not in places] if table and places else []
    return _of_columns(table, left) if table and left else None


def _chosen(found: re.Match[str], data: str) -> tuple[Table | None, list[int]]:
    table = _read(found["source"], data)
    if table is None:
        return None, []
    names = re.split(r",? and |, ?", found["columns"])
    places = [column_of(table, name) for name in names]
    known = [place for place in places if place is not None]
    return table, known if len(known) == len(names) == len(set(known)) else []


def _of_columns(table: Table, places: Sequence[int]) -> str:
    return _write(
        table, [table.columns[place] for place in places], [[row[place] for place in places] for row in table.rows]
    )


def _renamed(found: re.Match[str], data: str) -> str | None:
    table = _read(found["source"], data)
    column = column_of(table, found["old"]) if table else None
    new = found["new"].strip("\"'`")
    if table is None or column is None or (column_of(table, new) not in {None, column}):
        return None
    return _write(table, [*table.columns[:column], new, *table.columns[column + 1 :]], table.rows)


def _transposed(found: re.Match[str], data: str) -> str | None:
    table = _read(found["source"], data)
    return write_separated(list(zip(table.columns, *table.rows, strict=True)), table.separator) if table else None


_NAMES = rf"(?:the )?(?:{_COLUMNS} )?(?P<columns>[^\n]{{1,120}}?)(?: {_COLUMNS})?"
_NEW = r"(?P<new>[\w-]{1,60}|[\"'`][\w -]{1,60}[\"'`])"
_FROM = rf"(?:of|from|in) {_THIS}{_EITHER}"
_ACTS: Mapping[str, Callable[[re.Match[str], str], str | None]] = {
    rf"{_CONVERT}{_SEPARATED} (?:in)?to (?:an? )?json(?: (?:array|list|format|data))?(?: of objects)?"
    rf"{_TYPES}": _to_json,
    rf"{_CONVERT}{_JSON} (?:in)?to (?:an? )?(?P<target>csv|tsv)(?: (?:format|file|table|data))?": _to_separated,
    rf"(?:pretty[- ]?print|prettify|beautify|indent|format|pretty-format) {_THIS}{_JSON}"
    r"(?: (?:with|using) (?:an? )?(?:indent(?:ation)? of )?(?P<spaces>[2-8]|two|four)(?:[- ]spaces?)?"
    r"(?: indent(?:ation)?)?)?": _pretty,
    rf"(?:minify|compact) {_THIS}{_JSON}": _minified,
    r"(?:what are |list |give me |show me |get )?(?:all )?the (?P<top>top[- ]level )?keys (?:of|in) "
    rf"{_THIS}{_JSON}": _keys,
    rf"sort (?:the rows (?:of|in) )?{_THIS}{_EITHER} by (?:the )?(?:column )?(?P<column>[^\n]{{1,60}}?)(?: column)?"
    rf"{_DIRECTION}": _sorted,
    rf"(?:keep|select|extract|show|return|give me)(?: only)? {_NAMES} {_FROM}": _selected,
    rf"(?:remove|drop|delete) {_NAMES} {_FROM}": _removed,
    rf"rename (?:the )?(?:{_COLUMNS} )?(?P<old>[^\n]{{1,60}}?)(?: {_COLUMNS})? (?:in)?to {_NEW} {_FROM}": _renamed,
    rf"transpose {_THIS}{_SEPARATED}": _transposed,
}
"""By the instruction, from its first word to its last."""
