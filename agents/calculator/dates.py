"""Answer questions about calendar dates: days between, the weekday, so long before or after.

Gregorian dates from 1753 on (the calendar was not everywhere the same before). `03/04/2024` has two readings and is
refused; so is a month's step that falls on a day which that month does not have.
"""

import calendar
import datetime as dt
import re
from typing import Literal

from agents.calculator.numbers import NUMBER, plain
from agents.calculator.records import Calculation, Framed
from agents.calculator.wording import wording

_FIRST_YEAR = 1753
_MOST_DAYS = 1_000_000
_MONTH_NAMES = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = {
    **{name.lower(): number for number, name in enumerate(_MONTH_NAMES, start=1)},
    **{name[:3].lower(): number for number, name in enumerate(_MONTH_NAMES, start=1)},
    "sept": 9,
}
_HOLIDAYS = {
    "christmas": (12, 25),
    "christmas day": (12, 25),
    "new year's day": (1, 1),
    "new year": (1, 1),
    "new year's eve": (12, 31),
}

_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_DAY = r"(?P<day>[0-9]{1,2})(?:st|nd|rd|th)?"
_NAMED = (
    rf"(?:the )?{_DAY}(?: of)? (?P<month>{_MONTH})\.?(?:,? (?P<year>[0-9]{{4}}))?",
    rf"(?P<month>{_MONTH})\.? (?:the )?{_DAY}(?:,? (?P<year>[0-9]{{4}}))?",
)
_ISO = r"(?P<year>[0-9]{4})([-/])(?P<month>[0-9]{2})\2(?P<day>[0-9]{2})"
_SLASHED = r"(?P<first>[0-9]{1,2})([-/.])(?P<second>[0-9]{1,2})\2(?P<year>[0-9]{4})"

_D = r"(?P<{}>.{{3,40}}?)"
_STEP = rf"(?P<count>{NUMBER}|an?|one) (?P<unit>days?|weeks?|months?|years?)"
_BETWEEN = (
    r"(?:how many |the |the number of |number of )?(?P<unit>days|weeks|months|years)"
    r"(?: (?:are|were|is)(?: there)?| there are| (?:have )?passed| elapsed)? "
    rf"(?:(?P<between>between) {_D.format('a')} and|from {_D.format('c')} (?:to|until|till)) {_D.format('b')}"
)
_WEEKDAY = (
    r"(?:(?:on )?(?:what|which) (?:day(?: of the week)?|weekday) (?:is|was|will|does|did)(?: it(?: on)?)?|"
    r"(?:the )?(?:day of the week|weekday) (?:of|on|for|was|is)|(?:what|which) weekday is) "
    rf"{_D.format('a')}(?: (?:be|fall on|fall|land on|on))?"
)
_SHIFT = (
    r"(?:(?:what|which) (?:day|date) (?:is|was|will be|will it be|comes|falls)(?: it)? |"
    r"(?:the )?(?:day|date)(?: of)? )?"
    rf"{_STEP} (?:(?P<ago>ago)|(?P<way>after|from|before) {_D.format('a')})"
)
_PLUS = rf"{_D.format('a')} (?P<way>plus|minus|\+|-) {_STEP}"
_ADD = rf"(?P<way>add) {_STEP} to {_D.format('a')}"
_SUBTRACT = rf"(?P<way>subtract) {_STEP} from {_D.format('a')}"
_UNTIL = (
    r"(?:how many )?(?P<unit>days|weeks)(?: (?:are there|is it|are left|left|remain|have passed|passed|has it been))? "
    rf"(?P<way>until|till|to|since) {_D.format('a')}"
)
_AGO = rf"how many (?P<unit>days|weeks) ago (?:was|is) {_D.format('a')}"
_LENGTH = (
    rf"(?:how many days (?:are |were |did |does )?(?:there )?(?:in|were in|are in)|(?:the )?number of days in) "
    rf"(?P<month>{_MONTH})(?:,? (?P<year>[0-9]{{4}}))?(?: have)?"
)
_YEAR_LENGTH = (
    r"how many days (?:are |were )?(?:there )?(?:in|were in|are in) (?:the )?(?:year )?(?P<year>[12][0-9]{3})"
)
_LEAP = r"(?:is|was|will) (?:the )?(?:year )?(?P<year>[12][0-9]{3}) (?:be )?a leap[ -]?year"
_PLACE = (
    r"(?:what |which )?(?:is )?(?:the )?(?P<what>(?:day|number)(?: number)? (?:of|in) the year|day of year|"
    rf"iso week(?: number)?)(?: (?:is|was|of|for|contains|on))? {_D.format('a')}(?: in)?"
)
_LAST = rf"(?:the )?last day of (?P<month>{_MONTH}),? (?P<year>[0-9]{{4}})"


def dates(framed: Framed, today: dt.date | None) -> Calculation | None:
    """Answer the question about dates; None if the text is not wholly one, or its dates have two readings."""
    text = framed.text
    if not wording(r"\b(?:days?|weeks?|weekday|months?|years?|date|leap|ago)\b").search(text):
        return None
    if found := wording(_BETWEEN).fullmatch(text):
        return _between(found, today)
    for step in (_SHIFT, _PLUS, _ADD, _SUBTRACT):
        if found := wording(step).fullmatch(text):
            return _shifted(found, today)
    if found := wording(_UNTIL).fullmatch(text):
        return _until(found, today)
    if found := wording(_AGO).fullmatch(text):
        return _ago(found, today)
    if found := wording(_WEEKDAY).fullmatch(text):
        return _weekday(found)
    return _of_the_calendar(text)


def _of_the_calendar(text: str) -> Calculation | None:
    if found := wording(_LENGTH).fullmatch(text):
        return _month_length(found)
    if found := wording(_YEAR_LENGTH).fullmatch(text):
        return _year(int(found["year"]), asked="days")
    if found := wording(_LEAP).fullmatch(text):
        return _year(int(found["year"]), asked="leap")
    if found := wording(_LAST).fullmatch(text):
        return _last_day(int(found["year"]), MONTHS[found["month"].lower()])
    return _place(found) if (found := wording(_PLACE).fullmatch(text)) else None


def _year(year: int, *, asked: Literal["days", "leap"]) -> Calculation | None:
    if year < _FIRST_YEAR:
        return None
    leap = calendar.isleap(year)
    days = 366 if leap else 365
    steps = f"{year} is {'a' if leap else 'no'} leap year: {days} days"
    text, value = (f"{days} days", str(days)) if asked == "days" else (("Yes", "yes") if leap else ("No", "no"))
    return Calculation(text=text, kind="dates", exact=value, steps=steps)


def _last_day(year: int, month: int) -> Calculation | None:
    date = _valid(year, month, calendar.monthrange(year, month)[1]) if year >= _FIRST_YEAR else None
    if date is None:
        return None
    return Calculation(text=_long(date), kind="dates", exact=date.isoformat(), steps=f"{_long(date)}")


def _place(found: re.Match[str]) -> Calculation | None:
    date = _date(found["a"], None)
    if date is None:
        return None
    if found["what"].lower().startswith("iso"):
        year, week, _ = date.isocalendar()
        return Calculation(
            text=f"Week {week} of {year}", kind="dates", exact=str(week), steps=f"{date}: ISO week {year}-W{week:02}"
        )
    day = str(date.timetuple().tm_yday)
    return Calculation(text=f"Day {day}", kind="dates", exact=day, steps=f"{date} is day {day} of {date.year}")


def _date(text: str, today: dt.date | None) -> dt.date | None:
    """Read a full date; None for half of one, and for one with two readings."""
    relative = {"today": 0, "now": 0, "tomorrow": 1, "yesterday": -1}.get(text.lower())
    if relative is not None:
        return today + dt.timedelta(days=relative) if today else None
    if found := wording(_ISO).fullmatch(text):
        return _valid(int(found["year"]), int(found["month"]), int(found["day"]))
    if found := wording(_SLASHED).fullmatch(text):
        first, second, year = int(found["first"]), int(found["second"]), int(found["year"])
        if first <= 12 and second <= 12 and first != second:
            return None
        return _valid(year, second, first) if first > 12 else _valid(year, first, second)
    named = _month_and_day(text)
    return _valid(named[2], named[0], named[1]) if named and named[2] else None


def _month_and_day(text: str) -> tuple[int, int, int | None] | None:
    found = next((match for pattern in _NAMED if (match := wording(pattern).fullmatch(text))), None)
    return (
        (MONTHS[found["month"].lower()], int(found["day"]), int(found["year"]) if found["year"] else None)
        if found
        else None
    )


def _valid(year: int, month: int, day: int) -> dt.date | None:
    if year < _FIRST_YEAR or not 1 <= month <= 12 or not 1 <= day <= calendar.monthrange(year, month)[1]:
        return None
    return dt.date(year, month, day)


def _between(found: re.Match[str], today: dt.date | None) -> Calculation | None:
    first, second = _date(found["a"] or found["c"], today), _date(found["b"], today)
    if first is None or second is None or (second < first and not found["between"]):
        return None
    if found["unit"].lower() in {"months", "years"}:
        return _whole_months(min(first, second), max(first, second), found["unit"].lower())
    answer = _span(abs((second - first).days), found["unit"], f"{first} to {second}")
    return (
        answer
        if all(re.search("[0-9]", text) for text in (found["a"] or found["c"], found["b"]))
        else _counted_from(today, answer)
    )


def _whole_months(first: dt.date, second: dt.date, unit: str) -> Calculation | None:
    """From a day of the month to the same day of another; anything else is a matter of rounding."""
    months = (second.year - first.year) * 12 + second.month - first.month
    if first.day != second.day or first.day > 28 or (unit == "years" and months % 12):
        return None
    count = months // 12 if unit == "years" else months
    text = _count(count, unit.removesuffix("s"))
    return Calculation(text=text, kind="dates", exact=str(count), steps=f"{first} to {second}: {text}")


def _until(found: re.Match[str], today: dt.date | None) -> Calculation | None:
    if today is None:
        return None
    since = found["way"].lower() == "since"
    target = _date(found["a"], today) or (None if since else _next(found["a"], today))
    if target is None or (target > today if since else target < today):
        return None
    first, second = (target, today) if since else (today, target)
    return _counted_from(today, _span((second - first).days, found["unit"], f"{first} to {second}"))


def _ago(found: re.Match[str], today: dt.date | None) -> Calculation | None:
    date = _date(found["a"], None)
    if today is None or date is None or date > today:
        return None
    return _counted_from(today, _span((today - date).days, found["unit"], f"{date} to {today}"))


def _next(text: str, today: dt.date) -> dt.date | None:
    """The next time a day of the year comes round; 29 February is not asked for lightly."""
    named = _month_and_day(text)
    month, day = named[:2] if named else _HOLIDAYS.get(text.lower(), (2, 29))
    if (month, day) == (2, 29) or (named and named[2]):
        return None
    this_year = _valid(today.year, month, day)
    return this_year if this_year is None or this_year >= today else _valid(today.year + 1, month, day)


def _span(days: int, unit: str, steps: str) -> Calculation:
    weeks, rest = divmod(days, 7)
    if unit.lower() == "days":
        text = _count(days, "day")
    else:
        text = _count(weeks, "week") + (f" and {_count(rest, 'day')}" if rest else "")
    return Calculation(text=text, kind="dates", exact=str(days), steps=f"{steps}: {_count(days, 'day')}")


def _counted_from(today: dt.date | None, answer: Calculation) -> Calculation:
    """Name the day that was taken for today: it may be another where the asker is."""
    return answer.model_copy(update={"text": f"{answer.text} (today is {_long(today)})"}) if today else answer


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _shifted(found: re.Match[str], today: dt.date | None) -> Calculation | None:
    parts = found.groupdict()
    start = today if parts.get("ago") else _date(parts["a"], today)
    count = plain(parts["count"]) if parts["count"][0].isdigit() else plain("1")
    if start is None or count.denominator != 1 or count > _MOST_DAYS:
        return None
    back = bool(parts.get("ago")) or parts["way"].lower() in {"before", "minus", "-", "subtract"}
    end = _moved(start, -int(count) if back else int(count), parts["unit"].lower().rstrip("s"))
    if end is None:
        return None
    steps = f"{start} {'-' if back else '+'} {count} {parts['unit'].lower()} = {end}"
    answer = Calculation(text=_long(end), kind="dates", exact=end.isoformat(), steps=steps)
    return _counted_from(today, answer) if parts.get("ago") or not re.search("[0-9]", parts["a"]) else answer


def _moved(start: dt.date, count: int, unit: str) -> dt.date | None:
    if unit in {"day", "week"}:
        ordinal = start.toordinal() + count * (7 if unit == "week" else 1)
        return _from_ordinal(ordinal)
    months = start.year * 12 + start.month - 1 + count * (12 if unit == "year" else 1)
    return _valid(months // 12, months % 12 + 1, start.day) if months // 12 <= dt.MAXYEAR else None


def _from_ordinal(ordinal: int) -> dt.date | None:
    inside = dt.date(_FIRST_YEAR, 1, 1).toordinal() <= ordinal <= dt.date.max.toordinal()
    return dt.date.fromordinal(ordinal) if inside else None


def _weekday(found: re.Match[str]) -> Calculation | None:
    date = _date(found["a"], None)
    if date is None:
        return None
    name = _WEEKDAYS[date.weekday()]
    return Calculation(text=name, kind="dates", exact=name, steps=f"{_long(date)}")


def _month_length(found: re.Match[str]) -> Calculation | None:
    month, year = MONTHS[found["month"].lower()], int(found["year"] or 0)
    if (month == 2 and not year) or (year and year < _FIRST_YEAR):
        return None
    days = calendar.monthrange(year or 2001, month)[1]
    return Calculation(
        text=_count(days, "day"), kind="dates", exact=str(days), steps=f"{_MONTH_NAMES[month - 1]}: {days} days"
    )


def _long(date: dt.date) -> str:
    return f"{_WEEKDAYS[date.weekday()]}, {date.day} {_MONTH_NAMES[date.month - 1]} {date.year}"
