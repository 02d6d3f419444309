"""Square and cube roots: exact where they are rational, named and rounded where not."""

import math
from fractions import Fraction

from agents.calculator.numbers import exact, too_long, written
from agents.calculator.records import Calculation, Kind

_SCALE = 10**40


def rational_root(number: Fraction, degree: int) -> Fraction | None:
    """The root, if it is rational."""
    top, bottom = (_whole_root(part, degree) for part in (number.numerator, number.denominator))
    return Fraction(top, bottom) if top is not None and bottom is not None else None


def _whole_root(number: int, degree: int) -> int | None:
    if not 0 <= number < 2**150:
        return None
    root = math.isqrt(number) if degree == 2 else round(number ** (1 / degree))
    return root if root**degree == number else None


def irrational_root(number: Fraction, *, kind: Kind, commas: bool) -> Calculation | None:
    """Name the square root of the number and round it."""
    near = Fraction(math.isqrt(number.numerator * number.denominator * _SCALE**2), number.denominator * _SCALE)
    if too_long(number) or too_long(near):
        return None
    shown, _ = written(near, commas=commas)
    name = f"sqrt({exact(number)})"
    return Calculation(
        text=f"{name} ≈ {shown}", kind=kind, exact=name, steps=f"{name} is irrational; rounded to {shown}"
    )
