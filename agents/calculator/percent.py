"""Compute percentages in the wordings people use for them."""

from collections.abc import Callable, Mapping
from fractions import Fraction

from agents.calculator.numbers import Amount, amount, exact, too_long, written
from agents.calculator.records import Calculation, Framed
from agents.calculator.wording import wording

_PERCENT = r"\s?(?:%|percent|per cent|pct)"
_WHAT = r"(?:what|which) (?:percent(?:age)?|per cent|%)"

_Solver = Callable[[Fraction, Fraction], Fraction | None]


def _part(p: Fraction, n: Fraction) -> Fraction:
    return p * n / 100


def _more(p: Fraction, n: Fraction) -> Fraction:
    return n * (100 + p) / 100


def _less(p: Fraction, n: Fraction) -> Fraction | None:
    return n * (100 - p) / 100 if p <= 100 else None


def _whole(p: Fraction, n: Fraction) -> Fraction | None:
    return n * 100 / p if p else None


def _share(p: Fraction, n: Fraction) -> Fraction | None:
    return p * 100 / n if n else None


def _rise(p: Fraction, n: Fraction) -> Fraction | None:
    return (n - p) * 100 / p if 0 < p <= n else None


def _fall(p: Fraction, n: Fraction) -> Fraction | None:
    return (p - n) * 100 / p if p and n <= p else None


def _change(p: Fraction, n: Fraction) -> Fraction | None:
    return (n - p) * 100 / p if p else None


_AMOUNTS: Mapping[str, tuple[_Solver, str]] = {
    rf"(?P<p>\S+){_PERCENT} of (?P<n>.+)": (_part, "{p}% of {n}"),
    rf"(?:a |an )?(?P<p>\S+){_PERCENT} tip on (?P<n>.+)": (_part, "{p}% of {n}"),
    rf"(?P<p>\S+){_PERCENT} off(?: of)? (?P<n>.+)": (_less, "{n} less {p}% of it"),
    rf"(?P<n>\S+) with (?P<p>\S+){_PERCENT} off": (_less, "{n} less {p}% of it"),
    rf"(?:decrease|reduce|lower) (?P<n>.+) by (?P<p>\S+){_PERCENT}": (_less, "{n} less {p}% of it"),
    rf"(?P<n>.+) (?:decreased|reduced|lowered) by (?P<p>\S+){_PERCENT}": (_less, "{n} less {p}% of it"),
    rf"(?P<p>\S+){_PERCENT} less than (?P<n>.+)": (_less, "{n} less {p}% of it"),
    rf"(?:subtract|take|deduct) (?P<p>\S+){_PERCENT} (?:off|from) (?:of )?(?P<n>.+)": (_less, "{n} less {p}% of it"),
    rf"(?P<n>\S+) (?:after|with|at|minus) (?:a |an )?(?P<p>\S+){_PERCENT} (?:discount|reduction)": (
        _less,
        "{n} less {p}% of it",
    ),
    rf"(?P<n>\S+) after (?P<p>\S+){_PERCENT} off": (_less, "{n} less {p}% of it"),
    rf"add (?P<p>\S+){_PERCENT} to (?P<n>.+)": (_more, "{n} and {p}% of it"),
    rf"(?:increase|raise) (?P<n>.+) by (?P<p>\S+){_PERCENT}": (_more, "{n} and {p}% of it"),
    rf"(?P<n>.+) (?:increased|raised) by (?P<p>\S+){_PERCENT}": (_more, "{n} and {p}% of it"),
    rf"(?P<p>\S+){_PERCENT} more than (?P<n>.+)": (_more, "{n} and {p}% of it"),
    rf"(?P<n>.+) is (?P<p>\S+){_PERCENT} of (?:what|what number|which number)": (_whole, "{n} / {p}%"),
}
"""The result is of the kind of `n`: money stays money."""

_SHARES: Mapping[str, tuple[_Solver, str]] = {
    rf"{_WHAT} of (?P<n>.+) (?:is|are) (?P<p>.+)": (_share, "{p} / {n}"),
    rf"{_WHAT} is (?P<p>.+) (?:out )?of (?P<n>.+)": (_share, "{p} / {n}"),
    rf"(?P<p>.+) (?:is|are) {_WHAT} of (?P<n>.+)": (_share, "{p} / {n}"),
    r"(?P<p>\S+) (?:out )?of (?P<n>\S+) (?:as|in) (?:an? )?(?:percent(?:age)?|per cent|%)": (_share, "{p} / {n}"),
    r"(?P<p>.+) as (?:an? )?(?:percent(?:age)?|per cent|%) of (?P<n>.+)": (_share, "{p} / {n}"),
    rf"(?:the )?(?P<p>.+) out of (?P<n>.+) is {_WHAT}": (_share, "{p} / {n}"),
    r"(?:the )?percent(?:age)? change from (?P<p>.+) to (?P<n>.+)": (_change, "({n} - {p}) / {p}"),
    r"(?:the )?percent(?:age)? increase from (?P<p>.+) to (?P<n>.+)": (_rise, "({n} - {p}) / {p}"),
    r"(?:the )?percent(?:age)? decrease from (?P<p>.+) to (?P<n>.+)": (_fall, "({p} - {n}) / {p}"),
}
"""The result is in percent: both amounts are of one kind."""


def percent(framed: Framed) -> Calculation | None:
    """Compute the percentage that is asked for; None if the text is not wholly such a question."""
    text = framed.text
    if "%" not in text and "per" not in text.lower() and "pct" not in text.lower():
        return None
    for pattern, (solve, form) in _AMOUNTS.items():
        if found := _read(pattern, text):
            p, n = found
            return (
                None
                if p.currency
                else _calculation(solve(p.value, n.value), text, form.format_map(_shown(p, n)), n.currency)
            )
    for pattern, (solve, form) in _SHARES.items():
        if found := _read(pattern, text):
            p, n = found
            return (
                None
                if p.currency != n.currency
                else _calculation(solve(p.value, n.value), text, form.format_map(_shown(p, n)), "%")
            )
    return None


def _read(pattern: str, text: str) -> tuple[Amount, Amount] | None:
    found = wording(pattern).fullmatch(text)
    if found is None:
        return None
    p, n = amount(found["p"]), amount(found["n"])
    return (p, n) if p and n and p.value >= 0 and n.value >= 0 else None


def _shown(p: Amount, n: Amount) -> dict[str, str]:
    return {"p": p.currency + exact(p.value), "n": n.currency + exact(n.value)}


def _calculation(value: Fraction | None, text: str, derivation: str, unit: str) -> Calculation | None:
    if value is None or too_long(value):
        return None
    shown, is_exact = written(
        value, commas="," in text, currency="" if unit == "%" else unit, digits=6 if unit == "%" else 10
    )
    sign = "%" if unit == "%" else ""
    return Calculation(
        text=f"{shown}{sign}" if is_exact else f"{derivation} ≈ {shown}{sign}",
        kind="percent",
        exact=exact(value) + sign,
        steps=f"{derivation} = {exact(value)}{sign}",
    )
