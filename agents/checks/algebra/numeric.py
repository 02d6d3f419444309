"""The value of an expression: exact where it is a fraction, else to a hundred digits, within bounds that always end."""

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, cast

import mpmath

from agents.checks.algebra.nodes import Node, Unclear

DIGITS = 120
MOST_BITS = 8192
"""Of an exact numerator or denominator."""
_HUGE = 10**60
"""An inexact value beyond it has too few digits left behind the point."""
SAME = Fraction(1, 10**70)
"""Two inexact values that are closer than this, relative to their size, are the same."""

mp: Any = cast("Any", mpmath).mp
mp.dps = DIGITS


class Undefined(Exception):
    """It has no value here."""


def exact(node: Node, at: Mapping[str, Fraction] | None = None) -> Fraction | None:
    """The value as a fraction; None where it is not one, or does not look like one."""
    if node.op == "num":
        return node.number
    if node.op == "sym":
        return at[node.name] if at else None
    values = [exact(part, at) for part in node.parts]
    known = [value for value in values if value is not None]
    if len(known) < len(values) or node.op == "const":
        return None
    return _bounded(_exactly(node.op, known))


def _exactly(op: str, values: list[Fraction]) -> Fraction | None:
    first = values[0]
    match op:
        case "+":
            return sum(values, Fraction(0))
        case "neg":
            return -first
        case "*":
            return _bounded(math.prod(values, start=Fraction(1)))
        case "/":
            if values[1] == 0:
                raise Undefined("a division by zero")
            return first / values[1]
        case "^":
            return _power(first, values[1])
        case "root":
            return _root(values[1], first)
        case "!":
            if first.denominator != 1 or not 0 <= first <= 170:
                raise Unclear("a factorial of this is not computed")
            return Fraction(math.factorial(int(first)))
        case "binom":
            if any(value.denominator != 1 or not 0 <= value <= 1000 for value in values):
                raise Unclear("a binomial of these is not computed")
            return Fraction(math.comb(int(first), int(values[1])))
        case "abs":
            return abs(first)
        case "floor":
            return Fraction(math.floor(first))
        case "ceil":
            return Fraction(math.ceil(first))
        case _:
            return None


def _power(base: Fraction, power: Fraction) -> Fraction | None:
    if power.denominator != 1:
        if base >= 0 and abs(power) <= 1000 and power.denominator <= 1000 and (base > 0 or power > 0):
            root = _root(base, Fraction(power.denominator))
            return None if root is None else _power(root, Fraction(power.numerator))
        return None
    if base == 0 and power <= 0:
        raise Undefined("zero to the power of nothing")
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(base) != 1 and size * abs(power) > MOST_BITS:
        raise Unclear("a power is too large")
    return base ** (int(power) if abs(base) != 1 else int(power) % 2)


def _root(value: Fraction, degree: Fraction) -> Fraction | None:
    if degree.denominator != 1 or not 2 <= degree <= 1000:
        return None
    n, sign = int(degree), 1
    if value < 0:
        if n % 2 == 0:
            return None
        sign, value = -1, -value
    top, bottom = _whole_root(value.numerator, n), _whole_root(value.denominator, n)
    return None if top is None or bottom is None else Fraction(sign * top, bottom)


def _whole_root(value: int, n: int) -> int | None:
    if value < 2:
        return value
    guess = 1 << -(-value.bit_length() // n)
    while (better := ((n - 1) * guess + value // guess ** (n - 1)) // n) < guess:
        guess = better
    return guess if guess**n == value else None


def _bounded(value: Fraction | None) -> Fraction | None:
    if value is not None and max(value.numerator.bit_length(), value.denominator.bit_length()) > MOST_BITS:
        raise Unclear("a number is too large")
    return value


def value(node: Node, at: Mapping[str, Fraction] | None = None, *, log: str = "e") -> Any:
    """The value to many digits, as mpmath's real or complex number.

    Args:
        node: The expression.
        at: What its symbols are.
        log: The base of a logarithm that does not say which: `e` or `10`.

    Raises:
        Undefined: there is none, as with a division by zero.
        Unclear: it is too large, or a root has more than one.
    """
    plain = exact(node, at)
    if plain is not None:
        return mp.mpf(plain.numerator) / plain.denominator
    if node.op == "const":
        if node.name == "inf":
            raise Unclear("infinity is no number")
        return {"pi": mp.pi, "e": mp.e, "i": mp.mpc(0, 1)}[node.name] + 0
    found = _computed(node, [value(part, at, log=log) for part in node.parts], log)
    if not mp.isfinite(found):
        raise Undefined("it is not finite")
    if abs(found) > _HUGE:
        raise Unclear("a number is too large")
    return found


def _computed(node: Node, values: list[Any], log: str) -> Any:
    first = values[0]
    match node.op:
        case "+":
            return mp.fsum(values)
        case "neg":
            return -first
        case "*":
            return mp.fprod(values)
        case "/":
            if _none(values[1]):
                raise Undefined("a division by zero")
            return first / values[1]
        case "^":
            return _raised(first, values[1])
        case "root":
            return _rooted(values[1], first)
        case "log":
            base = values[0] if len(values) == 2 else (mp.e if log == "e" else mp.mpf(10))
            if _none(values[-1]) or _none(base) or _none(base - 1):
                raise Undefined("a logarithm of zero")
            return mp.log(values[-1]) / mp.log(base)
        case _:
            return _function(node.op, first)


def _raised(base: Any, power: Any) -> Any:
    if _none(base):
        if mp.re(power) <= 0:
            raise Undefined("zero to the power of nothing")
        return mp.mpf(0)
    if abs(power) * (abs(mp.log(abs(base))) + 1) > 400:
        raise Unclear("a power is too large")
    whole = _real(power) and _none(power - mp.nint(mp.re(power)))
    if _real(base) and mp.re(base) < 0 and not whole:
        raise Unclear("a broken power of a negative number has several values")
    return base ** (int(mp.nint(mp.re(power))) if whole else power)


def _rooted(radicand: Any, degree: Any) -> Any:
    n = int(mp.nint(mp.re(degree)))
    if not _real(degree) or not _none(degree - n) or not 2 <= n <= 1000:
        raise Unclear("a root of this degree")
    if _real(radicand) and mp.re(radicand) < 0 and n % 2:
        return -mp.root(-mp.re(radicand), n)
    if n > 2 and (not _real(radicand) or mp.re(radicand) < 0):
        raise Unclear("a root with several values")
    return mp.root(radicand, n)


def _function(name: str, argument: Any) -> Any:
    if name in ("floor", "ceil"):
        if not _real(argument):
            raise Undefined("rounding of a complex number")
        if _none(argument - mp.nint(mp.re(argument))):
            raise Unclear("rounding right at a whole number")
        return (mp.floor if name == "floor" else mp.ceil)(mp.re(argument))
    if name in ("sinh", "cosh", "tanh", "exp") and abs(argument) > 130:
        raise Unclear("a power is too large")
    if name in ("tan", "sec") and _none(mp.cos(argument)):
        raise Undefined(f"{name} has a pole here")
    if name in ("cot", "csc") and _none(mp.sin(argument)):
        raise Undefined(f"{name} has a pole here")
    functions: dict[str, Callable[[Any], Any]] = {
        "sin": mp.sin, "cos": mp.cos, "tan": mp.tan, "cot": mp.cot, "sec": mp.sec, "csc": mp.csc,
        "arcsin": mp.asin, "arccos": mp.acos, "arctan": mp.atan,
        "sinh": mp.sinh, "cosh": mp.cosh, "tanh": mp.tanh, "exp": mp.exp, "abs": abs,
    }  # fmt: skip
    if name not in functions:
        raise Unclear(f"{name} is not computed")
    return functions[name](argument)


def same(left: Any, right: Any) -> bool:
    """Whether two values are one. Raises `Unclear` where both are too near to zero to tell."""
    size = max(abs(left), abs(right))
    apart = abs(left - right)
    if 0 < size < mp.mpf(10) ** -40 and apart:
        raise Unclear("the values are too small to tell apart")
    return bool(apart <= mp.mpf(10) ** -70 * max(size, 1))


def _none(number: Any) -> bool:
    return bool(abs(number) < mp.mpf(10) ** -80)


def _real(number: Any) -> bool:
    return is_real(number)


def is_real(number: Any) -> bool:
    """Whether its imaginary part is nothing."""
    return bool(abs(mp.im(number)) <= mp.mpf(10) ** -80 * max(abs(number), 1))
