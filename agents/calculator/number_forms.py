"""Questions on one or two numbers in words: common divisors, differences, decimals and fractions, rounding."""

import math
import re
from collections.abc import Callable, Mapping
from fractions import Fraction

from agents.calculator.numbers import CURRENCY, amount, decimals_of, exact, fixed, too_long, written
from agents.calculator.records import Calculation, Framed, Kind
from agents.calculator.statistics import number_list
from agents.calculator.wording import wording

_Found = Callable[[re.Match[str]], Calculation | None]
_MOST_DIGITS = 60
_PLACES = {
    "integer": 0,
    "whole number": 0,
    "whole": 0,
    "tenth": 1,
    "hundredth": 2,
    "cent": 2,
    "thousandth": 3,
    "ten": -1,
    "hundred": -2,
    "thousand": -3,
}
_SPELLED = {"one": 1, "two": 2, "three": 3, "four": 4}


def number_forms(framed: Framed) -> Calculation | None:
    """Answer the question; None if the text is not wholly one."""
    for pattern, solve in _FORMS.items():
        if found := wording(pattern).fullmatch(framed.text):
            return solve(found)
    return None


def _divisor(found: re.Match[str]) -> Calculation | None:
    return _over_whole_numbers(found["list"], math.gcd, "gcd")


def _multiple(found: re.Match[str]) -> Calculation | None:
    return _over_whole_numbers(found["list"], math.lcm, "lcm")


def _over_whole_numbers(text: str, function: Callable[..., int], name: str) -> Calculation | None:
    listed = number_list(text)
    if listed is None or listed.currency or any(value.denominator != 1 or value <= 0 for value in listed.values):
        return None
    numbers = [int(value) for value in listed.values]
    result = function(*numbers)
    if result >= 10**_MOST_DIGITS:
        return None
    return _calculation(str(result), str(result), f"{name}({', '.join(map(str, numbers))}) = {result}")


def _difference(found: re.Match[str]) -> Calculation | None:
    first, second = amount(found["a"]), amount(found["b"])
    if first is None or second is None or first.currency != second.currency:
        return None
    value = abs(first.value - second.value)
    larger, smaller = max(first.value, second.value), min(first.value, second.value)
    shown, _ = written(value, commas="," in found[0], currency=first.currency)
    return _calculation(shown, exact(value), f"{exact(larger)} - {exact(smaller)} = {exact(value)}")


def _ratio(text: str) -> Fraction | None:
    """A fraction as it is written, `3/4`; no whole number and no sum of money."""
    top, slash, bottom = text.partition("/")
    parts = [amount(part) for part in (top, bottom)] if slash else []
    if len(parts) != 2 or any(part is None or part.currency or part.value.denominator != 1 for part in parts):
        return None
    values = [part.value for part in parts if part]
    return values[0] / values[1] if values[1] > 0 else None


def _as_decimal(found: re.Match[str]) -> Calculation | None:
    value = _ratio(found["n"])
    if value is None or too_long(value):
        return None
    shown, is_exact = written(value)
    return _calculation(
        shown if is_exact else f"{found['n']} ≈ {shown}", exact(value), f"{found['n']} = {exact(value)}"
    )


def _as_fraction(found: re.Match[str]) -> Calculation | None:
    number = amount(found["n"])
    if number is None or number.currency or number.value.denominator == 1 or "." not in found["n"]:
        return None
    value = str(number.value)
    return _calculation(value, value, f"{found['n']} = {value}")


def _simplified(found: re.Match[str]) -> Calculation | None:
    value = _ratio(found["n"])
    return None if value is None else _calculation(str(value), str(value), f"{found['n']} = {value}")


def _as_percent(found: re.Match[str]) -> Calculation | None:
    number = amount(found["n"])
    value = _ratio(found["n"]) if "/" in found["n"] else number.value if number and not number.currency else None
    if value is None or too_long(value) or value < 0 or (value.denominator == 1 and value != 1):
        return None  # "5 as a percentage": of what?
    shown, is_exact = written(value * 100, digits=6)
    result = f"{exact(value * 100)}%"
    text = f"{shown}%" if is_exact else f"{found['n']} ≈ {shown}%"
    return _calculation(text, result, f"{found['n']} = {result}", kind="percent")


def _percent_as(form: Callable[[Fraction], str]) -> _Found:
    def read(found: re.Match[str]) -> Calculation | None:
        number = amount(found["n"])
        if number is None or number.currency:
            return None
        value = form(number.value / 100)
        return _calculation(value, value, f"{found['n']}% = {value}", kind="percent")

    return read


def _rounded(found: re.Match[str]) -> Calculation | None:
    number = amount(found["n"])
    places = _PLACES[found["place"].lower()] if found["place"] else _SPELLED.get(found["d"].lower(), -1)
    if found["d"] and found["d"].isdigit():
        places = int(found["d"])
    if number is None or (found["place"] is None and places < 0):
        return None
    scaled = number.value * Fraction(10) ** places
    if scaled % 1 == Fraction(1, 2) or (decimals_of(number.value) or 0) < places:
        return None  # a half goes up for some, to the even neighbour for others
    value = Fraction(round(scaled)) / Fraction(10) ** places
    text = fixed(value, max(places, 0), commas="," in found["n"])
    shown = f"{number.currency}{text}" if value >= 0 else f"-{number.currency}{text[1:]}"
    return _calculation(shown, exact(value), f"{found['n'].strip()} rounded is {exact(value)}")


def _absolute(found: re.Match[str]) -> Calculation | None:
    number = amount(found["n"])
    if number is None or number.currency:
        return None
    value = exact(abs(number.value))
    return _calculation(value, value, f"|{exact(number.value)}| = {value}")


def _calculation(text: str, value: str, steps: str, *, kind: Kind = "arithmetic") -> Calculation:
    return Calculation(text=text, kind=kind, exact=value, steps=steps)


_TO = r"(?:to|into|as|in|expressed as|written as) (?:an? )?"
_IN = r"(?:(?:convert|express|write|change|turn) )?(?:the fraction |the decimal )?"
_PER = r"\s?(?:%|percent|per cent)"
_DIVISOR = r"(?:gcd|gcf|hcf|greatest common (?:divisor|factor)|highest common factor)"
_MULTIPLE = r"(?:lcm|(?:least|lowest) common multiple)"
_SIMPLEST = r"(?:its )?(?:simplest form|lowest terms)"
_FRACTION = rf"(?:simplified )?fraction(?: in {_SIMPLEST})?"
_DECIMAL = r"decimal(?: number| form)?"
_OF_TWO = r"[0-9]+ ?/ ?[0-9]+"
_FORMS: Mapping[str, _Found] = {
    rf"(?:the )?{_DIVISOR} (?:of|for) (?P<list>.+)": _divisor,
    r"(?:gcd|gcf|hcf)(?P<list>\(.+\))": _divisor,
    rf"(?:the )?{_MULTIPLE} (?:of|for) (?P<list>.+)": _multiple,
    r"lcm(?P<list>\(.+\))": _multiple,
    r"(?:the )?difference (?:between|of) (?P<a>\S+) and (?P<b>\S+)": _difference,
    rf"{_IN}(?P<n>{_OF_TWO}) {_TO}{_DECIMAL}": _as_decimal,
    rf"{_IN}(?P<n>-?[0-9.,]+) {_TO}{_FRACTION}": _as_fraction,
    rf"(?:simplify|reduce) (?:the fraction )?(?P<n>{_OF_TWO})(?: to {_SIMPLEST})?": _simplified,
    rf"{_IN}(?P<n>[0-9.,]+(?: ?/ ?[0-9]+)?) {_TO}(?:percent(?:age)?|per cent|%)": _as_percent,
    rf"{_IN}(?P<n>[0-9.,]+){_PER} {_TO}{_DECIMAL}": _percent_as(exact),
    rf"{_IN}(?P<n>[0-9.,]+){_PER} {_TO}{_FRACTION}": _percent_as(str),
    rf"round (?P<n>-?(?:{CURRENCY})?[0-9.,]+) (?:off )?to (?:(?:the )?(?:nearest|closest) "
    rf"(?P<place>{'|'.join(_PLACES)})|(?P<d>[0-9]|{'|'.join(_SPELLED)}) decimal(?: place| point)?s?)": _rounded,
    r"(?:the )?absolute value of (?P<n>-?[0-9.,]+)": _absolute,
}
