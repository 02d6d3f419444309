"""Compute an expression: `+ - * / ^ !`, remainders, parentheses, roots, percent factors, and the words for them.

What has two readings in practice is refused: `2^3^2`, `-2^2`, `6/2(1+2)`, `50 + 10%`, `7-11`, `24/7`, `555-1234`.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from agents.calculator.numbers import CURRENCY, NUMBER, SCALE, amount, exact, in_digits, too_long, written
from agents.calculator.records import Calculation, Framed
from agents.calculator.roots import irrational_root, rational_root
from agents.calculator.wording import wording

_MOST_BITS = 4096
"""Of a numerator or denominator on the way."""
_LARGEST_FACTORIAL = 170
_DEEPEST = 20

_WORDS: tuple[tuple[str, str], ...] = (
    (r"plus", "+"),
    (r"minus", "-"),
    (r"times|multiplied by", "*"),
    (r"divided by|over", "/"),
    (r"to the power(?: of)?|raised to(?: the power of)?", "^"),
    (r"squared", "^2"),
    (r"cubed", "^3"),
    (r"mod(?:ulo)?", "mod"),
)
_SPOKEN = "|".join(rf"\b(?P<w{i}>{words})\b" for i, (words, _) in enumerate(_WORDS))
_ORDERS: Mapping[str, str] = {
    r"(?:add|(?:the )?sum of) (\S+) (?:and|to) (\S+)": "{0} + {1}",
    r"subtract (\S+) from (\S+)": "{1} - {0}",
    r"(?:multiply (\S+) (?:by|with|and)|(?:the )?product of (\S+) and) (\S+)": "{0} * {1}",
    r"(?:divide (\S+) by|(?:the )?quotient of (\S+) and) (\S+)": "{0} / {1}",
    r"(?:the )?factorial of (\S+)": "{0}!",
    r"(\S+) factorial": "{0}!",
    r"(?:the )?(?:square root|sqrt) of (\S+)": "sqrt({0})",
    r"(?:the )?cube root of (\S+)": "cbrt({0})",
    r"(?:the )?square of (\S+)": "{0}^2",
    r"(?:the )?cube of (\S+)": "{0}^3",
    r"(\S+) (?:raised )?to the ([0-9]{1,3})(?:st|nd|rd|th) power": "{0}^{1}",
    r"(?:(?:a |one )?half of|half) (\S+)": "{0} / 2",
    r"(?:a|one) (?:quarter|fourth) of (\S+)": "{0} / 4",
    r"(?:a|one) third of (\S+)": "{0} / 3",
    r"(?:a|one) fifth of (\S+)": "{0} / 5",
    r"(?:a|one) tenth of (\S+)": "{0} / 10",
    r"two[ -]thirds of (\S+)": "{0} * 2 / 3",
    r"three[ -](?:quarters|fourths) of (\S+)": "{0} * 3 / 4",
    r"(?:double|twice) (\S+)": "2 * {0}",
    r"triple (\S+)": "3 * {0}",
    r"(?:the )?remainder (?:of|when) (\S+) (?:is )?divided by (\S+)": "{0} mod {1}",
}
_TOKEN = (
    rf"\s*(?:(?P<money>(?:{CURRENCY})?\s?{NUMBER}(?:\s?(?:{'|'.join(SCALE)})\b)?(?:\s?[€£])?)|(?P<root>sqrt|cbrt|√)"
    r"|(?P<power>\*\*|\^)|(?P<word>mod)\b|(?P<sign>[-+*/()!%×÷·])|(?P<x>(?<= )[xX](?= )))"
)
_DATE_LIKE = (
    r"(?<![0-9])(?:[0-9]{4}([-/])[0-9]{1,2}\1[0-9]{1,2}|[0-9]{1,2}([-/])[0-9]{1,2}\2(?:[0-9]{4}|[0-9]{2}))(?![0-9])"
)
_NAME_LIKE = r"[0-9]+(?:[-/x][0-9]+)+"
"""`7-11`, `24/7`, `555-1234`, `1939-1945`: more often a name than a question, unless we are told to compute."""
_SAME = {"×": "*", "·": "*", "x": "*", "X": "*", "÷": "/", "**": "^", "√": "sqrt"}


def arithmetic(framed: Framed) -> Calculation | None:
    """Compute the expression; None if the text is not wholly one, or has two readings."""
    text = framed.text
    if wording(_DATE_LIKE).search(text) or (wording(_NAME_LIKE).fullmatch(text) and not framed.explicit):
        return None
    symbols, spoken = _in_symbols(text)
    try:
        tokens = tuple(_tokens(symbols))
        _refuse_two_readings(tokens, spoken=spoken)
        value = _Parser(tokens).whole()
    except _Refused:
        return None
    if value.root:
        return irrational_root(value.number, kind="arithmetic", commas=_with_commas(text))
    return _calculation(value, text, tokens)


class _Refused(Exception):
    """Not an expression with one reading and a bounded value."""


@dataclass(frozen=True)
class _Value:
    number: Fraction
    currency: str = ""
    percent: bool = False
    root: bool = False
    """The value is the square root of `number`, which is irrational; nothing further is done with it."""


def _in_symbols(text: str) -> tuple[str, bool]:
    digits = in_digits(text)
    if digits != text and wording("[-+*/^]").search(digits):
        return text, True  # "fifty-fifty" is no difference
    text = digits
    for pattern, form in _ORDERS.items():
        if found := wording(pattern).fullmatch(text):
            parts = [part for part in found.groups() if part]
            return (form.format(*parts), False) if all(amount(part) for part in parts) else (text, True)
    symbols = wording(_SPOKEN).sub(lambda found: f" {_WORDS[int(str(found.lastgroup)[1:])][1]} ", text)
    return symbols.strip(), symbols != text


def _tokens(symbols: str) -> Iterator[str]:
    position, token = 0, wording(_TOKEN)
    while position < len(symbols):
        found = token.match(symbols, position)
        if found is None:
            raise _Refused
        position = found.end()
        part = found[0].strip()
        yield "mod" if part == "%" and _is_remainder(symbols, position) else _SAME.get(part, part)


def _is_remainder(symbols: str, after: int) -> bool:
    """`17 % 5` is a remainder; `17% 5` and `17%5` are nothing."""
    return (
        symbols[after - 2 : after] == " %"
        and symbols[after : after + 1] == " "
        and symbols[after:].lstrip()[:1].isdigit()
    )


def _refuse_two_readings(tokens: tuple[str, ...], *, spoken: bool) -> None:
    operators = [token for token in tokens if token in {"+", "-", "*", "/", "^", "mod", "!", "%", "sqrt", "cbrt"}]
    if not operators or (tokens[0] == "-" and len(tokens) == 2) or (tokens[-1:] == ("!",) and len(tokens) > 2):
        raise _Refused  # a number alone asks nothing; "5 + 5!" may just be loud
    if "mod" in operators and len(operators) > 1:
        raise _Refused
    if "%" in operators and set(operators) != {"%", "*"}:
        raise _Refused
    alike = set(operators) <= {"+", "-"} or set(operators) == {"*"}
    if spoken and len(operators) > 1 and not alike:
        raise _Refused  # "5 plus 3 squared": nobody hears parentheses
    bare_root = any(left in {"sqrt", "cbrt"} and right != "(" for left, right in pairwise(tokens))
    if bare_root and len(tokens) > 2:
        raise _Refused


class _Parser:
    def __init__(self, tokens: tuple[str, ...]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def whole(self) -> _Value:
        value = self._sum()
        if self._at != len(self._tokens):
            raise _Refused
        return value

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, *wanted: str) -> str:
        token = self._peek()
        if token not in wanted:
            return ""
        self._at += 1
        return token

    def _sum(self) -> _Value:
        value = self._product()
        while operator := self._take("+", "-"):
            value = _combine(operator, value, self._product())
        return value

    def _product(self) -> _Value:
        value = self._signed()
        while operator := self._take("*", "/", "mod"):
            value = _combine(operator, value, self._signed())
        return value

    def _signed(self) -> _Value:
        if not self._take("-"):
            return self._power()
        start = self._at
        value = self._postfixed()
        if self._peek() == "^" or self._tokens[start] == "-":
            raise _Refused
        return _combine("*", _Value(Fraction(-1)), value)

    def _power(self) -> _Value:
        base = self._postfixed()
        if not self._take("^"):
            return base
        negative = bool(self._take("-"))
        exponent = self._postfixed()
        if self._peek() == "^":
            raise _Refused
        return _raised(base, _combine("*", _Value(Fraction(-1)), exponent) if negative else exponent)

    def _postfixed(self) -> _Value:
        value = self._primary()
        if self._take("!"):
            value = _factorial(value)
        elif self._take("%"):
            value = _Value(value.number / 100, value.currency, percent=True)
        return value

    def _primary(self) -> _Value:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _Refused
        value = self._grouped()
        self._depth -= 1
        return value

    def _grouped(self) -> _Value:
        if root := self._take("sqrt", "cbrt"):
            alone = self._at == 1
            value = self._primary()
            return _root(value, 2 if root == "sqrt" else 3, alone=alone and self._at == len(self._tokens))
        if self._take("("):
            value = self._sum()
            if not self._take(")"):
                raise _Refused
            return value
        number = amount(self._peek())
        if number is None:
            raise _Refused
        self._at += 1
        return _Value(number.value, number.currency)


def _combine(operator: str, left: _Value, right: _Value) -> _Value:
    if left.root or right.root:
        raise _Refused
    a, b = left.number, right.number
    if operator in {"/", "mod"} and b == 0:
        raise _Refused
    match operator:
        case "+" | "-":
            if left.currency != right.currency:
                raise _Refused
            return _bounded(a + b if operator == "+" else a - b, left.currency)
        case "*":
            if left.currency and right.currency:
                raise _Refused
            return _bounded(a * b, left.currency or right.currency)
        case "/":
            if right.currency and right.currency != left.currency:
                raise _Refused
            return _bounded(a / b, "" if right.currency else left.currency)
        case _:
            if left.currency or right.currency or a.denominator != 1 or b.denominator != 1 or a < 0 or b < 0:
                raise _Refused
            return _bounded(a % b, "")


def _raised(base: _Value, exponent: _Value) -> _Value:
    power = exponent.number
    if (
        base.currency
        or exponent.currency
        or base.root
        or exponent.root
        or power.denominator != 1
        or abs(power) > _MOST_BITS
    ):
        raise _Refused
    if base.number == 0 and power <= 0:
        raise _Refused
    size = max(base.number.numerator.bit_length(), base.number.denominator.bit_length())
    if size * abs(power) > _MOST_BITS:
        raise _Refused
    return _bounded(Fraction(base.number) ** int(power), "")


def _factorial(value: _Value) -> _Value:
    number = value.number
    if value.currency or number.denominator != 1 or not 0 <= number <= _LARGEST_FACTORIAL:
        raise _Refused
    return _bounded(Fraction(math.factorial(int(number))), "")


def _root(value: _Value, degree: int, *, alone: bool) -> _Value:
    number = value.number
    if value.currency or value.root or number < 0:
        raise _Refused
    root = rational_root(number, degree)
    if root is not None:
        return _Value(root)
    if not alone or degree != 2:
        raise _Refused
    return _Value(number, root=True)


def _bounded(number: Fraction, currency: str) -> _Value:
    if max(number.numerator.bit_length(), number.denominator.bit_length()) > _MOST_BITS:
        raise _Refused
    return _Value(number, currency)


def _calculation(value: _Value, text: str, tokens: tuple[str, ...]) -> Calculation | None:
    if too_long(value.number):
        return None
    shown, is_exact = written(value.number, commas=_with_commas(text), currency=value.currency)
    expression = _expression(tokens)
    if "mod" in tokens:
        shown = f"{expression} = {shown}"
    elif not is_exact:
        shown = f"{expression} ≈ {shown}"
    return Calculation(
        text=shown, kind="arithmetic", exact=exact(value.number), steps=f"{expression} = {exact(value.number)}"
    )


def _with_commas(text: str) -> bool:
    return "," in text or any(scale in text.lower() for scale in SCALE)


def _expression(tokens: tuple[str, ...]) -> str:
    text = "".join(f" {token} " if token in {"+", "-", "*", "/", "mod"} else token for token in tokens)
    return re.sub(r"(^|[(+*/^-] ?) - ", r"\1-", text).strip()
