"""Reckon with times of day and with durations.

`9:15` may be morning or evening: a time is read where it says am or pm, or where the 24-hour
clock shows (`09:15`, `17:40`).
"""

import datetime as dt
import re
from fractions import Fraction

from agents.calculator.numbers import exact, written
from agents.calculator.records import Calculation, Framed
from agents.calculator.wording import wording

_DAY = 24 * 3600
_MOST_SECONDS = 10**12
_SECONDS = {"day": _DAY, "hour": 3600, "minute": 60, "second": 1}
_LETTERS = {"d": "day", "h": "hour", "m": "minute", "s": "second"}
_JOINING = {"plus", "minus", "add", "and", "to", "sum", "of"}
_PART = r"[0-9]+(?:\.[0-9]+)? ?(?:days?|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s)\b"
_SPAN = rf"{_PART}(?:,? (?:and )?{_PART}|(?<=[hms]){_PART})*|[0-9]+h ?[0-9]+m?(?: ?[0-9]+s)?|[0-9]+m ?[0-9]+s"
_TIME = r"(?:[0-9]{1,2}(?:[:.][0-9]{2})? ?(?:am|pm|a\.m\.|p\.m\.)|[0-9]{1,2}:[0-9]{2}|noon|midnight)"
_CLOCKED = r"(?P<h>[0-9]{1,2})(?:[:.](?P<m>[0-9]{2}))?(?: ?(?P<half>am|pm|a\.m\.|p\.m\.))?"
_SHIFT, _AT = rf"(?P<span>{_SPAN})", rf"(?P<time>{_TIME})"
_AFTER = (
    rf"(?:what(?: time)? (?:is|will it be|was) |(?:the )?time )?{_SHIFT} (?P<way>after|from|before|past) {_AT}",
    rf"{_AT} (?P<way>plus|minus|\+|-) {_SHIFT}",
    rf"(?P<way>add) {_SHIFT} to {_AT}",
    rf"(?P<way>subtract) {_SHIFT} from {_AT}",
)
_BETWEEN = (
    r"(?:how many |the number of |number of |the )?(?P<unit>hours|minutes|seconds|hours and minutes|time)"
    r"(?: (?:are|is|pass|passed|elapsed)(?: there)?| difference)? "
    rf"(?:between (?P<a>{_TIME}) and|from (?P<c>{_TIME}) (?:to|until|till)) (?P<b>{_TIME})"
)
_SUM = (
    rf"(?:(?P<a>{_SPAN}) (?P<way>plus|minus|\+|-)|(?P<way2>add|sum of) (?P<c>{_SPAN}) (?:and|to|plus)) (?P<b>{_SPAN})"
)
_LONG = (
    r"(?:(?:convert|change|express|turn|write) )?(?P<n>[0-9][0-9,]*) (?P<unit>seconds|minutes|secs|mins) "
    r"(?:to|into|in|as) (?P<form>hh:mm:ss|h:mm:ss|hours,? minutes,? and seconds|hours,? minutes(?: and)? seconds|"
    r"days,? hours,? and minutes)"
)
_SECONDS_IN = (
    r"(?:(?:convert|change|express|turn) )?(?P<h>[0-9]{1,2}):(?P<m>[0-5][0-9]):(?P<s>[0-5][0-9]) (?:\(?hh?:mm:ss\)? )?"
    r"(?:to|into|in|as) (?P<unit>seconds|minutes)"
)


def clock(framed: Framed) -> Calculation | None:
    """Answer the question about times of day or durations; None if the text is not wholly one."""
    text = framed.text
    if not wording(
        r"[0-9] ?(?:[hms]\b|h[0-9]|am|pm|a\.m|p\.m|days?|hours?|hrs?|min|sec)|[0-9]:[0-9]|noon|midnight"
    ).search(text):
        return None
    for pattern in _AFTER:
        if found := wording(pattern).fullmatch(text):
            return _shifted(found)
    if found := wording(_BETWEEN).fullmatch(text):
        return _between(found)
    if found := wording(_SUM).fullmatch(text):
        return None if _may_be_metres(text) else _added(found)
    if found := wording(_LONG).fullmatch(text):
        return _spelled_out(found)
    if found := wording(_SECONDS_IN).fullmatch(text):
        return _counted(found)
    return None


def _may_be_metres(text: str) -> bool:
    """No unit but `m`: `5m + 3m` is as likely a length."""
    return {word[0] for word in re.findall("[a-z]+", text.lower()) if word not in _JOINING} == {"m"} and (
        wording(r"[0-9] ?m\b").search(text) is not None
    )


def _span(text: str) -> int | None:
    """The seconds of a duration: each unit once, the larger first; None if it does not come to whole seconds."""
    total, last = Fraction(0), _DAY + 1
    found = re.findall(r"([0-9]+(?:\.[0-9]+)?) ?([a-z]*)", text.lower().replace(" and ", " "))
    if any(not unit and place < len(found) - 1 for place, (_, unit) in enumerate(found)):
        return None
    for number, unit in found:
        seconds = _SECONDS[_LETTERS[unit[0]]] if unit else 60  # "2h15"
        if seconds >= last or (last <= _DAY and Fraction(number) * seconds >= last):
            return None
        total, last = total + Fraction(number) * seconds, seconds
    return int(total) if total.denominator == 1 and total < _MOST_SECONDS else None


def _clocked(text: str) -> tuple[int, bool] | None:
    """Seconds since midnight, and whether it can be no other time of the day."""
    named = {"noon": 12 * 3600, "midnight": 0}.get(text.lower())
    if named is not None:
        return named, True
    found = wording(_CLOCKED).fullmatch(text)
    assert found, "the question's pattern found it"
    hours, minutes, half = int(found["h"]), int(found["m"] or 0), (found["half"] or "").lower()[:1]
    if minutes > 59 or hours > 23 or (half and not 1 <= hours <= 12):
        return None
    if half:
        hours = hours % 12 + (12 if half == "p" else 0)
    return hours * 3600 + minutes * 60, bool(half) or hours > 12 or found["h"].startswith("0")


def _shifted(found: re.Match[str]) -> Calculation | None:
    time, span = _clocked(found["time"]), _span(found["span"])
    if time is None or span is None or not time[1]:
        return None
    back = found["way"].lower() in {"before", "minus", "-", "subtract"}
    end = time[0] - span if back else time[0] + span
    days, seconds = divmod(end, _DAY)
    twelve = "m" in found["time"].lower().replace("noon", "").replace("midnight", "m")
    if end % 60 or abs(days) > 1:
        return None
    later = {0: "", 1: " (the next day)", -1: " (the day before)"}[days]
    exactly = _shown(seconds)
    steps = f"{_shown(time[0])} {'-' if back else '+'} {_duration(span)} = {exactly}{later}"
    return _calculation(f"{_twelve(seconds) if twelve else exactly}{later}", exactly, steps)


def _between(found: re.Match[str]) -> Calculation | None:
    first, second = _clocked(found["a"] or found["c"]), _clocked(found["b"])
    if first is None or second is None or not (first[1] or second[1]) or second[0] <= first[0]:
        return None
    texts = (found["a"] or found["c"], found["b"])
    if not (first[1] and second[1]) and any("m" in text.lower() for text in texts):
        return None  # "from 9:15 to 11:45 am"
    seconds, unit = second[0] - first[0], found["unit"].lower()
    steps = f"{_shown(first[0])} to {_shown(second[0])}: {_duration(seconds)}"
    if unit in {"time", "hours and minutes"}:
        return _calculation(_duration(seconds), _duration(seconds), steps)
    value = Fraction(seconds, _SECONDS[unit.removesuffix("s")])
    shown, is_exact = written(value)
    word = unit.removesuffix("s") if value == 1 else unit
    text = f"{shown} {word}" if is_exact else f"{_duration(seconds)} ≈ {shown} {word}"
    return _calculation(text, exact(value), steps)


def _added(found: re.Match[str]) -> Calculation | None:
    first, second = _span(found["a"] or found["c"]), _span(found["b"])
    if first is None or second is None:
        return None
    minus = (found["way"] or "").lower() in {"minus", "-"}
    total = first - second if minus else first + second
    if total <= 0 or "d" in f"{found['a'] or found['c']} {found['b']}".replace("and", "").replace("second", ""):
        return None
    text = _duration(total)
    return _calculation(text, text, f"{_duration(first)} {'-' if minus else '+'} {_duration(second)} = {text}")


def _spelled_out(found: re.Match[str]) -> Calculation | None:
    if found["n"] != f"{int(found['n'].replace(',', '')):,}" and "," in found["n"]:
        return None
    unit, form = found["unit"].lower(), found["form"].lower()
    seconds = int(found["n"].replace(",", "")) * (60 if unit.startswith("min") else 1)
    if seconds >= _MOST_SECONDS:
        return None
    hours, rest = divmod(seconds, 3600)
    if form.startswith("days"):
        if seconds % 60:
            return None
        text = _listed((hours // 24, "day"), (hours % 24, "hour"), (rest // 60, "minute"))
    elif ":" in form:
        text = f"{hours:{'02' if form.startswith('hh') else ''}}:{rest // 60:02}:{rest % 60:02}"
    else:
        text = _listed((hours, "hour"), (rest // 60, "minute"), (rest % 60, "second"))
    return _calculation(text, text, f"{found['n']} {unit} = {text}")


def _counted(found: re.Match[str]) -> Calculation | None:
    seconds = int(found["h"]) * 3600 + int(found["m"]) * 60 + int(found["s"])
    unit = found["unit"].lower()
    if unit == "minutes" and seconds % 60:
        return None
    count = seconds // _SECONDS[unit.removesuffix("s")]
    text = f"{count:,} {unit.removesuffix('s') if count == 1 else unit}"
    return _calculation(text, str(count), f"{found['h']}:{found['m']}:{found['s']} = {text}")


def _duration(seconds: int) -> str:
    parts = ((seconds // 3600, "hour"), (seconds // 60 % 60, "minute"), (seconds % 60, "second"))
    return _listed(*(part for part in parts if part[0])) if seconds else "0 minutes"


def _listed(*parts: tuple[int, str]) -> str:
    return " ".join(f"{count} {word}" if count == 1 else f"{count} {word}s" for count, word in parts)


def _shown(seconds: int) -> str:
    return f"{dt.time(seconds // 3600, seconds // 60 % 60):%H:%M}"


def _twelve(seconds: int) -> str:
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{(hours - 1) % 12 + 1}:{minutes:02} {'am' if hours < 12 else 'pm'}"


def _calculation(text: str, value: str, steps: str) -> Calculation:
    return Calculation(text=text, kind="dates", exact=value, steps=steps)
