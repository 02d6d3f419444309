"""Convert between number bases and Roman numerals, and reckon with hexadecimal and binary numbers.

The base of a number has to be clear: from its prefix (`0xFF`), from its name (`binary 1010`), or because it is
asked for in another base and can only be decimal. `1010 in binary` may be ten in decimal or a question for 1010's
digits, so it is refused; so are negative numbers (which width?) and fractions.
"""

import re

from agents.calculator.records import Calculation, Framed
from agents.calculator.wording import wording

_VERB = r"(?:(?:convert|change|turn|translate|express|write) )?"
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MOST_DIGITS = 64
_PREFIXES = {"0x": 16, "0b": 2, "0o": 8}
_NAMES = {"binary": 2, "octal": 8, "decimal": 10, "denary": 10, "hexadecimal": 16, "hex": 16}
_WRITTEN = {2: "binary", 8: "octal", 10: "decimal", 16: "hexadecimal"}
_BASE = r"(?:(?P<{0}name>binary|octal|decimal|denary|hexadecimal|hex)|base[ -]?(?P<{0}number>[0-9]{{1,2}}))"
_NUMBER = r"(?:0x[0-9a-f]+|0b[01]+|0o[0-7]+|[0-9a-z]+|[1-9][0-9]{0,2}(?:,[0-9]{3})+)"
_TO = rf"(?:to|into|in|as) (?:an? )?{_BASE.format('to_')}(?: (?:number|notation|form|format|representation|digits))?"
_SOURCE = rf"(?:the )?(?:{_BASE.format('from_')} (?:number |value )?)?(?P<number>{_NUMBER})"
_SUFFIX = rf"(?:,? (?:\(?(?:in |from )?{_BASE.format('after_')}\)?))"
_CONVERSIONS = (
    rf"{_VERB}{_SOURCE} {_TO}",
    rf"{_VERB}(?:the (?:number )?)?(?P<number>{_NUMBER}){_SUFFIX} {_TO}",
    rf"(?:the )?{_BASE.format('to_')} (?:representation|form|equivalent|value) of {_SOURCE}",
)
_A, _B = rf"(?P<a>{_NUMBER})", rf"(?P<b>{_NUMBER})"
_SUMS = (
    rf"(?:add|(?:the )?sum of) (?:the )?{_BASE.format('of_')} (?:numbers |values )?{_A} (?:and|to) {_B}",
    rf"{_BASE.format('of_')} (?:addition|sum):? {_A} ?\+ ?{_B}",
)
_PREFIXED = r"0x[0-9a-f]+|0b[01]+|0o[0-7]+"
_EXPRESSION = (
    rf"(?P<a>{_PREFIXED}|[0-9]+) ?(?P<operator>\+|-|\*|&|\||\^|xor|and|or|plus|minus|times) ?(?P<b>{_PREFIXED}|[0-9]+)"
    rf"(?: (?:in|to|as) {_BASE.format('to_')})?"
)
_ROMAN_NUMERAL = r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
_ROMAN = (
    *(("M", 1000), ("CM", 900), ("D", 500), ("CD", 400), ("C", 100), ("XC", 90), ("L", 50), ("XL", 40), ("X", 10)),
    *(("IX", 9), ("V", 5), ("IV", 4), ("I", 1)),
)
_YEAR = r"(?P<number>[1-9][0-9]{0,3}|[1-3],[0-9]{3})"
_TO_ROMAN = (
    rf"{_VERB}(?:the (?:number |year )?)?{_YEAR} (?:to|into|in|as|using) (?:a )?roman (?:numerals?|numbers?)",
    rf"(?:the )?roman numerals? (?:for|of) {_YEAR}",
)
_ARABIC = r"(?:an? )?(?:arabic (?:numerals?|number)|decimal|number|integer|numbers|regular number)"
_FROM_ROMAN = (
    rf"{_VERB}(?:the )?roman (?:numerals?|number) (?P<roman>[IVXLCDM]+) (?:to|into|in|as) {_ARABIC}",
    rf"{_VERB}(?P<roman>[IVXLCDM]{{2,}}) (?:to|into|in|as|from roman numerals to) {_ARABIC}",
    r"what (?:number|value) is (?:the )?(?:roman numeral )?(?P<roman>[IVXLCDM]{2,})(?: in roman numerals)?",
    r"(?:the )?value of (?:the )?roman numeral (?P<roman>[IVXLCDM]+)",
    r"(?:the )?roman numeral (?P<roman>[IVXLCDM]+)",
)


def bases(framed: Framed) -> Calculation | None:
    """Convert or compute; None if the text is not wholly such a question, or the base of a number is not clear."""
    text = framed.text
    for pattern in _CONVERSIONS:
        if found := wording(pattern).fullmatch(text):
            return _converted(found)
    for pattern in _SUMS:
        if found := wording(pattern).fullmatch(text):
            return _added(found)
    if found := wording(_EXPRESSION).fullmatch(text):
        return _expression(found)
    return _roman(text)


def in_base(number: int, base: int) -> str:
    """The digits of the number, capitals above 9."""
    digits = ""
    while number:
        number, digit = divmod(number, base)
        digits = _DIGITS[digit] + digits
    return digits or "0"


def _base(found: re.Match[str], place: str) -> int | None:
    """The base that is named there; 0 where none is, None where there is no such base."""
    groups = found.groupdict()
    if name := groups.get(f"{place}_name"):
        return _NAMES[name.lower()]
    if number := groups.get(f"{place}_number"):
        return int(number) if 2 <= int(number) <= len(_DIGITS) else None
    return 0


def _value(text: str, base: int) -> int | None:
    """The number, read in the base; 0 means that its prefix tells, and that it is decimal without one."""
    prefixed = _PREFIXES.get(text[:2].lower(), 0)
    if len(text) > _MOST_DIGITS or (prefixed and base not in (0, prefixed)):
        return None
    digits, base = (text[2:], prefixed) if prefixed else (text, base)
    if "," in digits and base not in (0, 10):
        return None
    digits = digits.replace(",", "").upper()
    if base == 0:
        return int(digits) if digits.isdigit() and not (digits[0] == "0" and len(digits) > 1) else None
    return int(digits, base) if all(digit in _DIGITS[:base] for digit in digits) else None


def _converted(found: re.Match[str]) -> Calculation | None:
    source, target = _base(found, "from") or _base(found, "after"), _base(found, "to")
    if source is None or target is None or _base(found, "from") is None or _base(found, "after") is None:
        return None
    text = found["number"]
    prefixed = _PREFIXES.get(text[:2].lower(), 0)
    if not source and not prefixed and (target == 10 or _looks_binary(text)):
        return None
    value = _value(text, source)
    known = source or prefixed or 10
    if value is None or known == target:
        return None
    digits = in_base(value, target)
    return _calculation(digits, f"{text} ({_named(known)}) = {digits} ({_named(target)})")


def _looks_binary(text: str) -> bool:
    """Only zeros and ones, and no round number."""
    return set(text) <= {"0", "1"} and len(text) > 1 and "1" in text[1:]


def _named(base: int) -> str:
    return _WRITTEN.get(base, f"base {base}")


def _calculation(digits: str, steps: str) -> Calculation:
    return Calculation(text=digits, kind="bases", exact=digits, steps=steps)


def _added(found: re.Match[str]) -> Calculation | None:
    base = _base(found, "of")
    if not base or base == 10:
        return None
    first, second = _value(found["a"], base), _value(found["b"], base)
    if first is None or second is None:
        return None
    digits = in_base(first + second, base)
    return _calculation(digits, f"{found['a']} + {found['b']} = {digits} ({_named(base)}), {first + second} in decimal")


def _expression(found: re.Match[str]) -> Calculation | None:
    written_in = {_PREFIXES.get(found[side][:2].lower(), 0) for side in "ab"}
    first, second = _value(found["a"], 0), _value(found["b"], 0)
    target, operator = _base(found, "to"), found["operator"].lower()
    if first is None or second is None or target is None or not any(written_in) or operator == "^":
        return None
    if found["operator"] in {"and", "or"}:
        return None  # AND and OR in capitals are the operators; "0x1 and 0x2" may be asked to be added
    bitwise = {"&": first & second, "and": first & second, "|": first | second, "or": first | second}
    results = {"+": first + second, "-": first - second, "*": first * second, **bitwise, "xor": first ^ second}
    result = results[{"plus": "+", "minus": "-", "times": "*"}.get(operator, operator)]
    if result < 0:
        return None
    asked = f"{found['a']} {operator} {found['b']}"
    if target:
        digits = in_base(result, target)
        return _calculation(digits, f"{asked} = {digits} ({_named(target)})")
    base = max(written_in)
    prefix = next(prefix for prefix, each in _PREFIXES.items() if each == base)
    text = f"{prefix}{in_base(result, base)} ({result} in decimal)"
    return Calculation(text=text, kind="bases", exact=str(result), steps=f"{asked} = {text}")


def _roman(text: str) -> Calculation | None:
    for pattern in _TO_ROMAN:
        if found := wording(pattern).fullmatch(text):
            return _to_roman(int(found["number"].replace(",", "")))
    found = next((match for pattern in _FROM_ROMAN if (match := wording(pattern).fullmatch(text))), None)
    if found is None or not found["roman"].isupper() or not re.fullmatch(_ROMAN_NUMERAL, found["roman"]):
        return None
    value, rest = 0, found["roman"]
    for numeral, worth in _ROMAN:
        while rest.startswith(numeral):
            value, rest = value + worth, rest[len(numeral) :]
    return _calculation(str(value), f"{found['roman']} = {value}")


def _to_roman(number: int) -> Calculation | None:
    if number > 3_999:
        return None
    rest, numerals = number, ""
    for numeral, worth in _ROMAN:
        numerals, rest = numerals + numeral * (rest // worth), rest % worth
    return _calculation(numerals, f"{number} = {numerals}")
