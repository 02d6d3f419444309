"""Checks that every equation which an answer writes down is right: each is computed again, exactly.

Only what has numbers on both sides is looked at. Unknown letters, units that may have been converted, remainders and
whatever else could make a right equation look wrong let it pass by unlooked at: an alarm has to be true.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from agents.calculator.arithmetic import arithmetic
from agents.calculator.numbers import amount, exact
from agents.calculator.records import Framed
from agents.checks.equations import Equation, Side, equations
from agents.records import Answer, ArithmeticCheck, Task, Verdict

MOST_EQUATIONS = 500
_SHOWN = 5
_ROUNDED = ("33", "66", "67", "99")
"""A decimal that ends so was most likely rounded before it was written."""
_ROUGH = Fraction(1, 20)
"""What `≈` may be off by."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """An equation that does not hold, and what it should come to."""

    written: str
    value: str


def check(spec: ArithmeticCheck, answer: Answer, task: Task) -> Verdict:
    """Compute each equation again."""
    looked, wrong = judged(answer.text)
    if wrong:
        cited = "; ".join(f"{one.written!r} should be {one.value}" for one in wrong[:_SHOWN])
        more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        evidence = f"{len(wrong)} of {looked} equations are wrong: {cited}{more}"
        return Verdict(check="arithmetic", outcome="fail", score=1 - len(wrong) / looked, evidence=evidence)
    if not looked:
        return Verdict(check="arithmetic", outcome="unsure", evidence="there is no equation that can be computed")
    return Verdict(check="arithmetic", outcome="pass", score=1.0, evidence=f"all {looked} equations are right")


def judged(text: str) -> tuple[int, list[Wrong]]:
    """How many equations could be computed, and those that are wrong."""
    looked, wrong = 0, list[Wrong]()
    for equation in equations(text):
        if looked >= MOST_EQUATIONS:
            break
        found = _holds(equation)
        looked += found is not None
        if found is False and not _converted(equation):
            wrong.append(Wrong(equation.written, _shown(_value(equation.left))))
    return looked, wrong


def _holds(equation: Equation) -> bool | None:
    left, right = _value(equation.left), _value(equation.right)
    if left is None or right is None:
        return None
    return any(_near(equation, left, right, scale) for right, scale in _readings(equation, right))


def _readings(equation: Equation, right: Fraction) -> Iterator[tuple[Fraction, int]]:
    """What the right side may stand for: `25%` also for 25, a chain that goes on also for its first number."""
    yield right, 1
    if "%" in equation.right.text:
        yield right * 100, 100
    if "%" in equation.left.text:
        yield right / 100, 1
    first = equation.right.first
    if first is not None and first != equation.right.text and (alone := amount(first)):
        yield alone.value, 0


def _near(equation: Equation, left: Fraction, right: Fraction, scale: int) -> bool:
    apart = abs(left - right)
    if apart == 0:
        return True
    if equation.about and apart <= max(abs(left) * _ROUGH, Fraction(1, 2)):
        return True
    return apart <= _slack(equation.right) * scale + abs(left) * _blur(equation)


def _slack(side: Side) -> Fraction:
    """Rounding to the digits that are shown, up or down; a whole number was rounded to the nearest."""
    if side.operators:
        return Fraction(1, 100) if "." in side.text else Fraction(0)
    decimals = len(side.text.rstrip("%) ").partition(".")[2])
    unit = Fraction(1, 10**decimals) if decimals else Fraction(side.text.strip() != "0", 2)
    return unit / 100 if "%" in side.text else unit


def _blur(equation: Equation) -> Fraction:
    """How far the value may be off, relative to it, as its own numbers were rounded."""
    found = Fraction(0)
    for number in (*equation.left.numbers, *equation.right.numbers):
        decimals = number.partition(".")[2]
        if decimals.endswith(_ROUNDED) and (alone := amount(number)) and alone.value:
            found += Fraction(1, 10 ** len(decimals)) / alone.value
    return found


def _converted(equation: Equation) -> bool:
    """Whether its units may account for the difference."""
    left, right = equation.left.units, equation.right.units
    if len(left | right) <= 1:
        return False
    if equation.left.sums:
        return True
    return not right or not any(unit in left for unit in right)


def _value(side: Side) -> Fraction | None:
    text = side.text
    alone = amount(text) if not text.endswith("%") else amount(text[:-1])
    if alone is not None:
        return alone.value / 100 if text.endswith("%") else alone.value
    if not side.operators:
        return None
    found = arithmetic(Framed(text=text, explicit=True))
    if found is None:
        return None
    try:
        return Fraction(found.exact)
    except ValueError:  # a root that is no fraction
        return None


def _shown(value: Fraction | None) -> str:
    if value is None:
        return "another value"
    text = exact(value)
    return text if "/" not in text else f"{text} ≈ {float(value):.6g}"
