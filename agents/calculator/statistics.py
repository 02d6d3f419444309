"""Sums, means, medians and the like over a list of numbers that is written out.

A list has at least two numbers of one currency. `1,234,567` may be one number or three and is refused, and so are a
standard deviation or a variance that do not say of what (a sample or all), and a mode of which there are several.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from agents.calculator.numbers import amount, exact, too_long, written
from agents.calculator.records import Calculation, Framed
from agents.calculator.roots import irrational_root, rational_root
from agents.calculator.wording import wording

Statistic = Callable[[Sequence[Fraction]], Fraction | None]
_MOST_NUMBERS = 300
_MOST_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of numbers as the asker wrote it."""

    values: tuple[Fraction, ...]
    written: tuple[str, ...]
    currency: str = ""


def number_list(text: str) -> Listed | None:
    """Read a list of at least two numbers; None for anything else, and where commas may separate thousands or numbers.

    Brackets may stand around it.
    """
    parts = _parts(text.strip())
    if parts is None or not 2 <= len(parts) <= _MOST_NUMBERS:
        return None
    amounts = [amount(part) for part in parts]
    found = [number for number in amounts if number]
    if len(found) < len(parts) or len({number.currency for number in found}) > 1:
        return None
    return Listed(tuple(number.value for number in found), tuple(parts), found[0].currency)


def _parts(text: str) -> list[str] | None:
    brackets = {"[": "]", "(": ")", "{": "}"}
    if brackets.get(text[:1]) == text[-1:]:
        return [part.strip() for part in text[1:-1].split(",")]
    text = wording(r"[,;]?\s+(?:and|&)\s+").sub("; ", text)
    if ";" in text or ", " in text:
        parts = [part.strip() for part in re.split(r";\s*|,\s+", text)]
        grouped = any("," in part for part in parts)
        return None if grouped and any(len(part.lstrip("-$€£¥₹")) < 3 for part in parts) else parts
    parts = text.split("," if "," in text else None)
    thousands = any(
        1 <= len(left.lstrip("-")) <= 3 and re.fullmatch("[0-9]{3}", right) for left, right in pairwise(parts)
    )
    return None if thousands else parts


def mean(values: Sequence[Fraction]) -> Fraction:
    """The arithmetic mean."""
    return sum(values, Fraction(0)) / len(values)


def median(values: Sequence[Fraction]) -> Fraction:
    """The middle one, or the mean of the middle two."""
    ranked, middle = sorted(values), len(values) // 2
    return ranked[middle] if len(values) % 2 else (ranked[middle - 1] + ranked[middle]) / 2


def _mode(values: Sequence[Fraction]) -> Fraction | None:
    ranked = Counter(values).most_common(2)
    return ranked[0][0] if len(ranked) == 1 or ranked[0][1] > ranked[1][1] else None


def _product(values: Sequence[Fraction]) -> Fraction | None:
    product = Fraction(1)
    for value in values:
        product *= value
        if max(product.numerator.bit_length(), product.denominator.bit_length()) > 1_024:
            return None
    return product


def _variance(values: Sequence[Fraction]) -> Fraction:
    centre = mean(values)
    return sum(((value - centre) ** 2 for value in values), Fraction(0)) / len(values)


def _sample_variance(values: Sequence[Fraction]) -> Fraction:
    return _variance(values) * len(values) / (len(values) - 1)


def total(values: Sequence[Fraction]) -> Fraction:
    """The sum."""
    return sum(values, Fraction(0))


STATISTICS: Mapping[str, tuple[str, Statistic]] = {
    "mean": ("mean|average|arithmetic mean|avg", mean),
    "median": ("median", median),
    "mode": ("mode", _mode),
    "sum": ("sum|total|sum total", total),
    "product": ("product", _product),
    "minimum": ("min|minimum|smallest|lowest|least", min),
    "maximum": ("max|maximum|largest|highest|biggest|greatest", max),
    "range": ("range", lambda values: max(values) - min(values)),
    "count": ("count", lambda values: Fraction(len(values))),
    "population variance": ("population variance", _variance),
    "sample variance": ("sample variance", _sample_variance),
}
"""By name: how it is asked for, and how it is computed."""
_DEVIATIONS: Mapping[str, Callable[[Sequence[Fraction]], Fraction]] = {
    "population": _variance,
    "sample": _sample_variance,
}

_LIST = (
    r"(?:(?:the |these |this |all (?:the )?)?(?:following |given )?"
    r"(?:(?:numbers|values|list|data|data ?set|set|amounts|figures|scores)(?: of (?:numbers|values))?\b)?:? ?)?"
    r"(?P<list>[-\[({$€£¥₹0-9.].*)"
)
_NAMES = "|".join(f"(?P<s{place}>{names})" for place, (names, _) in enumerate(STATISTICS.values()))
_STATISTIC = rf"(?:the )?(?:{_NAMES})(?: (?:value|number))?(?: (?:of|for|in|among|from)|:|(?= ?[\[(])) ?{_LIST}"
_DEVIATION = (
    r"(?:the )?(?P<kind>population|sample) (?:standard deviation|std\.?(?: dev(?:iation)?)?|stdev|sd)"
    rf"(?: (?:of|for)|:) ?{_LIST}"
)
_SUM = rf"(?:add(?: up)?|sum(?: up)?|total(?: up)?) {_LIST}"
_COUNT = rf"how many (?:numbers|values|items|elements|entries)(?: are)?(?: there)? (?:in|are in) {_LIST}"
_DOWN = (
    r"descending(?: order)?|decreasing order|"
    r"(?:from )?(?:largest|highest|biggest|greatest) to (?:smallest|lowest|least)"
)
_UP = (
    r"ascending(?: order)?|increasing order|numerical order|numeric order|order|numerically|"
    r"(?:from )?(?:smallest|lowest|least) to (?:largest|highest|biggest|greatest)"
)
_ORDER = rf"(?:in |into )?(?:(?P<down>{_DOWN})|(?:{_UP}))"
_ANY_SORT = r"(?:sort|order|arrange|rank|put|list)"
_THE_NUMBERS = r"(?:the |these |this )?(?:following )?(?:numbers|values|list)(?: of numbers)?"
_SORT = (
    rf"(?:sort|arrange) {_LIST[:-2]}*?)",
    rf"{_ANY_SORT} {_LIST[:-2]}*?),? {_ORDER}",
    rf"{_ANY_SORT} {_THE_NUMBERS} {_ORDER}: ?(?P<list>[-\[($€£¥₹0-9].*)",
)


def statistics(framed: Framed) -> Calculation | None:
    """Compute the statistic, or sort; None if the text is not wholly such a question about one list."""
    text = framed.text
    if found := wording(_STATISTIC).fullmatch(text):
        place = next(place for place in range(len(STATISTICS)) if found[f"s{place}"])
        name = list(STATISTICS)[place]
        listed = number_list(found["list"])
        return _computed(name, listed, commas=_grouped(listed)) if listed else None
    if found := wording(_SUM).fullmatch(text):
        listed = number_list(found["list"])
        return _computed("sum", listed, commas=_grouped(listed)) if listed else None
    if found := wording(_DEVIATION).fullmatch(text):
        return _deviation(found["kind"].lower(), number_list(found["list"]))
    if found := wording(_COUNT).fullmatch(text):
        listed = number_list(found["list"])
        return _computed("count", listed, commas=False) if listed else None
    return _sorted(text)


def _grouped(listed: Listed | None) -> bool:
    return listed is not None and any("," in part for part in listed.written)


def _computed(name: str, listed: Listed, *, commas: bool) -> Calculation | None:
    value = STATISTICS[name][1](listed.values)
    squared = "variance" in name or name == "product"
    if value is None or too_long(value) or (squared and listed.currency):
        return None
    currency = "" if name == "count" else listed.currency
    shown, is_exact = written(value, commas=commas, currency=currency)
    asked = f"{name} of {_shown(listed.written)}"
    return Calculation(
        text=shown if is_exact else f"{name} ≈ {shown}",
        kind="statistics",
        exact=exact(value),
        steps=f"{asked} = {exact(value)}",
    )


def _deviation(kind: str, listed: Listed | None) -> Calculation | None:
    if listed is None or listed.currency:
        return None
    variance = _DEVIATIONS[kind](listed.values)
    root = rational_root(variance, 2)
    if root is None:
        return irrational_root(variance, kind="statistics", commas=False)
    shown, is_exact = written(root)
    steps = f"{kind} standard deviation of {_shown(listed.written)} = sqrt({exact(variance)}) = {exact(root)}"
    text = shown if is_exact else f"{exact(root)} ≈ {shown}"
    return Calculation(text=text, kind="statistics", exact=exact(root), steps=steps)


def _sorted(text: str) -> Calculation | None:
    for pattern in reversed(_SORT):
        if (found := wording(pattern).fullmatch(text)) and (listed := number_list(found["list"])):
            down = bool(found.groupdict().get("down"))
            places = sorted(range(len(listed.values)), key=lambda place: listed.values[place], reverse=down)
            ranked = ", ".join(listed.written[place] for place in places)
            steps = f"{len(places)} numbers, {'largest' if down else 'smallest'} first"
            return Calculation(text=ranked, kind="statistics", exact=ranked, steps=steps)
    return None


def _shown(parts: Sequence[str]) -> str:
    return ", ".join(parts[:_MOST_SHOWN]) + (f", ... ({len(parts)} numbers)" if len(parts) > _MOST_SHOWN else "")
