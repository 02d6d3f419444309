"""Answer questions on a table that came as a file: a cell, a count, a sum, the row with the most.

Columns and values have to be named as the table names them (capitals aside), and to be found in one place only.
"""

import re
from collections.abc import Sequence
from fractions import Fraction

from agents.calculator.numbers import amount, exact, too_long, written
from agents.calculator.records import Calculation, Framed
from agents.calculator.statistics import STATISTICS
from agents.calculator.tables import Table, column_of, read_separated
from agents.calculator.wording import wording
from agents.records import Attachment

_ROWS = r"(?:rows|records|entries|lines)"
_TABLE = r"(?: (?:in|of) (?:the |this )?(?:attached )?(?:table|file|csv))?"
_WHERE = r"(?:have|has|where|with|whose|with a|have a|having|in which)"
_CONDITION = r"(?P<condition>.{3,120})"
_COLUMN = r"(?P<column>.{1,60}?)"
_COUNT = rf"(?:how many {_ROWS}|(?:the )?(?:number|count) of {_ROWS})(?: are there)? {_WHERE} {_CONDITION}"
_SIZE = (
    rf"(?:how many|(?:the )?(?:number|count) of) (?P<what>{_ROWS}|columns)(?: are there| are| do we have| "
    rf"does (?:the|this) (?:table|file|csv) (?:have|contain))?{_TABLE}"
)
_COLUMN_NAMES = rf"(?:list )?(?:the )?(?:names of the columns|column names|columns|headers|column headers){_TABLE}"
_STATISTICS = "|".join(
    f"(?P<s{place}>{names})"
    for place, (name, (names, _)) in enumerate(STATISTICS.items())
    if name not in {"count", "mode"}
)
_AGGREGATE = (
    rf"(?:calculate |compute |find )?(?:the )?(?:{_STATISTICS})(?: value)?"
    rf"(?: (?:of|in|for)(?: the| all)?(?: column| values (?:of|in))?)? {_COLUMN}(?: column| values)?"
    rf"(?: (?:where|for rows with|for rows where|of rows with|with) {_CONDITION})?"
)
_EXTREME = (
    rf"(?:which|what) {_COLUMN} (?:has|have|with) the "
    r"(?P<most>highest|largest|greatest|biggest|maximum|lowest|smallest|least|minimum) (?P<by>.{1,60})"
)
_WHICH = rf"(?:which|what) {_COLUMN} (?:has|with|where) (?:the |an? )?{_CONDITION}"
_CELL_WHERE = rf"(?:the )?{_COLUMN} (?:where|(?:of|in|for) the row (?:where|with)) (?:the )?{_CONDITION}"
_CELL = rf"(?:the )?{_COLUMN} (?:of|for) (?:the )?(?P<value>.{{1,100}})"
_SIGN = "over|above|greater than|more than|>|under|below|less than|<|at least|>=|at most|<="
_COMPARED = rf"(?P<name>.{{1,60}}?) (?:is |are )?(?P<sign>{_SIGN}) (?P<bound>\S+)"
_IS = r"(?: is| are|:| ?=| equals?| equal to| of| set to)?"
_MOST = {"highest", "largest", "greatest", "biggest", "maximum"}
_MEDIA_TYPES = {"text/csv": ",", "application/csv": ",", "text/tab-separated-values": "\t"}
_SUFFIXES = {".csv": ",", ".tsv": "\t"}


def attached_table(attachments: Sequence[Attachment]) -> Table | None:
    """Read the one attachment, if it is one table."""
    if len(attachments) != 1:
        return None
    separator = separator_of(attachments[0])
    return read_separated(attachments[0].text, separator) if separator else None


def separator_of(attachment: Attachment) -> str | None:
    """What separates its cells, by its name or media type; None if it is no table by these."""
    by_name = next((mark for suffix, mark in _SUFFIXES.items() if attachment.name.lower().endswith(suffix)), None)
    return by_name or _MEDIA_TYPES.get(attachment.media_type.partition(";")[0].strip().lower())


def lookup(framed: Framed, table: Table) -> Calculation | None:
    """Answer from the table; None if the text is not wholly a question that its cells decide."""
    asked = framed.text
    if found := wording(_COUNT).fullmatch(asked):
        rows = _matching(table, found["condition"])
        return None if rows is None else _answer(str(len(rows)), f"rows {_places(rows)} of {len(table.rows)}")
    if found := wording(_SIZE).fullmatch(asked):
        count = len(table.columns) if found["what"].lower() == "columns" else len(table.rows)
        return _answer(str(count), f"{found['what']} below the header: {count}")
    if wording(_COLUMN_NAMES).fullmatch(asked):
        return None if any("," in name for name in table.columns) else _answer(", ".join(table.columns), "the header")
    return _aggregate(table, asked) or _cell(table, asked)


def _answer(text: str, steps: str, *, value: str = "") -> Calculation:
    return Calculation(text=text, kind="lookup", exact=value or text, steps=steps)


def _places(rows: Sequence[int]) -> str:
    return ", ".join(str(row + 1) for row in rows[:12]) + (", ..." if len(rows) > 12 else "")


def _aggregate(table: Table, asked: str) -> Calculation | None:
    found = wording(_AGGREGATE).fullmatch(asked)
    column = column_of(table, found["column"]) if found else None
    if found is None or column is None:
        return None
    rows = _matching(table, found["condition"]) if found["condition"] else list(range(len(table.rows)))
    if not rows:
        return None
    numbers = _numbers([table.rows[row][column] for row in rows])
    if numbers is None:
        return None
    values, currency = numbers
    name = next(name for place, name in enumerate(STATISTICS) if found.groupdict().get(f"s{place}"))
    if ("variance" in name or name == "product") and (currency or len(values) < 2):
        return None
    value = STATISTICS[name][1](values)
    if value is None or too_long(value):
        return None
    shown, is_exact = written(value, commas=any("," in table.rows[row][column] for row in rows), currency=currency)
    steps = f"{name} of {len(rows)} values of {table.columns[column]} = {exact(value)}"
    return _answer(shown if is_exact else f"{name} ≈ {shown}", steps, value=exact(value))


def _numbers(cells: Sequence[str]) -> tuple[list[Fraction], str] | None:
    """The cells' values and their one currency; None if a cell is anything but a number."""
    amounts = [amount(cell) for cell in cells]
    found = [each for each in amounts if each]
    if len(found) < len(cells) or len({each.currency for each in found}) != 1:
        return None
    return [each.value for each in found], found[0].currency


def _cell(table: Table, asked: str) -> Calculation | None:
    if found := wording(_EXTREME).fullmatch(asked):
        column, by = column_of(table, found["column"]), column_of(table, found["by"])
        return _extreme(table, column, by, most=found["most"].lower() in _MOST) if column is not None else None
    found = wording(_WHICH).fullmatch(asked) or wording(_CELL_WHERE).fullmatch(asked)
    column = column_of(table, found["column"]) if found else None
    if found and column is not None:
        return _only(table, column, _matching(table, found["condition"]))
    found = wording(_CELL).fullmatch(asked)
    column = column_of(table, found["column"]) if found else None
    if found is None or column is None:
        return None
    named, anywhere = _matching(table, found["value"]), _rows_with(table, found["value"], besides=column)
    return _only(table, column, anywhere if named is None else named if not anywhere else None)


def _extreme(table: Table, column: int, by: int | None, *, most: bool) -> Calculation | None:
    numbers = _numbers(table.cells(by)) if by is not None else None
    if numbers is None or by is None or by == column:
        return None
    bound = max(numbers[0]) if most else min(numbers[0])
    return _only(table, column, [row for row, value in enumerate(numbers[0]) if value == bound])


def _only(table: Table, column: int, rows: Sequence[int] | None) -> Calculation | None:
    if rows is None or len(rows) != 1 or not table.rows[rows[0]][column]:
        return None
    cell = table.rows[rows[0]][column]
    return _answer(cell, f"row {rows[0] + 1}: {table.columns[column]} = {cell}")


def _rows_with(table: Table, value: str, *, besides: int) -> list[int]:
    """A row for each cell that is the value, in any other column."""
    wanted = _plain(value)
    return [
        row
        for row, cells in enumerate(table.rows)
        for place, cell in enumerate(cells)
        if place != besides and cell.casefold() == wanted
    ]


def _plain(value: str) -> str:
    return value.strip().strip("\"'`").casefold()


def _matching(table: Table, condition: str) -> list[int] | None:
    """The rows that meet `status is open` or `price over 20`; None if that is not clear, or no row meets it."""
    readings = [rows for rows in (_equal(table, condition), _compared(table, condition)) if rows is not None]
    return readings[0] if len(readings) == 1 and readings[0] else None


def _equal(table: Table, condition: str) -> list[int] | None:
    readings: list[list[int]] = []
    for place, name in enumerate(table.columns):
        spelled = re.escape(name).replace("_", "[_ ]")
        found = wording(
            rf"(?:the |an? )?(?:column )?[\"'`]?{spelled}[\"'`]?(?: column)?{_IS} ?(?P<value>.+)"
        ).fullmatch(condition)
        if found and (rows := _rows_where(table, place, found["value"])):
            readings.append(rows)
    return readings[0] if len(readings) == 1 else None


def _rows_where(table: Table, column: int, value: str) -> list[int] | None:
    wanted, number = _plain(value), amount(value)
    cells = table.cells(column)
    matching = [row for row, cell in enumerate(cells) if cell.casefold() == wanted]
    if number:
        numbers = [amount(cell) for cell in cells]
        return [row for row, each in enumerate(numbers) if each == number] if all(numbers) else matching
    spellings = {cells[row] for row in matching}
    resembling = any(wanted in cell.casefold() for row, cell in enumerate(cells) if row not in matching)
    return None if len(spellings) > 1 or resembling else matching


def _compared(table: Table, condition: str) -> list[int] | None:
    found = wording(_COMPARED).fullmatch(condition)
    column = column_of(table, found["name"].removeprefix("the ").removeprefix("a ")) if found else None
    bound, numbers = (
        (amount(found["bound"]), _numbers(table.cells(column))) if found and column is not None else (None, None)
    )
    if found is None or bound is None or numbers is None or bound.currency not in {"", numbers[1]}:
        return None
    match found["sign"].lower():
        case "at least" | ">=":
            return [row for row, value in enumerate(numbers[0]) if value >= bound.value]
        case "at most" | "<=":
            return [row for row, value in enumerate(numbers[0]) if value <= bound.value]
        case "under" | "below" | "less than" | "<":
            return [row for row, value in enumerate(numbers[0]) if value < bound.value]
        case _:
            return [row for row, value in enumerate(numbers[0]) if value > bound.value]
