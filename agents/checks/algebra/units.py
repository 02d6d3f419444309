"""Units of measure, their sizes in basic ones, and the words that only count."""

import re
from dataclasses import dataclass
from fractions import Fraction

from agents.checks.algebra.nodes import Unclear


@dataclass(frozen=True, slots=True)
class Unit:
    """So many of the product of basic units."""

    size: Fraction
    powers: tuple[tuple[str, int], ...]
    """Basic units with their powers, sorted."""


_F = Fraction
_BASIC: dict[str, tuple[Fraction, str]] = {
    "m": (_F(1), "m"), "km": (_F(1000), "m"), "cm": (_F(1, 100), "m"), "mm": (_F(1, 1000), "m"), "dm": (_F(1, 10), "m"),
    "nm": (_F(1, 10**9), "m"), "µm": (_F(1, 10**6), "m"),
    "inch": (_F(254, 10000), "m"), "ft": (_F(3048, 10000), "m"), "yd": (_F(9144, 10000), "m"),
    "mi": (_F(1609344, 1000), "m"),
    "kg": (_F(1), "kg"), "g": (_F(1, 1000), "kg"), "mg": (_F(1, 10**6), "kg"), "t": (_F(1000), "kg"),
    "lb": (_F(45359237, 10**8), "kg"), "oz": (_F(45359237, 16 * 10**8), "kg"),
    "s": (_F(1), "s"), "ms": (_F(1, 1000), "s"), "min": (_F(60), "s"), "h": (_F(3600), "s"), "day": (_F(86400), "s"),
    "week": (_F(604800), "s"), "month": (_F(1), "month"), "year": (_F(12), "month"),
    "l": (_F(1, 1000), "m3"), "ml": (_F(1, 10**6), "m3"), "cl": (_F(1, 10**5), "m3"), "gal": (_F(1), "gal"),
    "A": (_F(1), "A"), "mA": (_F(1, 1000), "A"), "K": (_F(1), "K"), "mol": (_F(1), "mol"),
    "N": (_F(1), "N"), "kN": (_F(1000), "N"), "J": (_F(1), "J"), "kJ": (_F(1000), "J"), "W": (_F(1), "W"),
    "kW": (_F(1000), "W"), "MW": (_F(10**6), "W"), "kWh": (_F(3600000), "J"), "V": (_F(1), "V"), "Pa": (_F(1), "Pa"),
    "kPa": (_F(1000), "Pa"), "Hz": (_F(1), "Hz"), "kHz": (_F(1000), "Hz"), "MHz": (_F(10**6), "Hz"),
    "cent": (_F(1, 100), "$"), "$": (_F(1), "$"), "€": (_F(1), "€"), "£": (_F(1), "£"),
    "B": (_F(1), "B"), "kB": (_F(1000), "B"), "MB": (_F(10**6), "B"), "GB": (_F(10**9), "B"),
    "°": (_F(1), "°"), "°C": (_F(1), "°C"), "°F": (_F(1), "°F"),
}  # fmt: skip
_EXPANDED = {
    "m3": {"m": 3}, "N": {"kg": 1, "m": 1, "s": -2}, "J": {"kg": 1, "m": 2, "s": -2}, "W": {"kg": 1, "m": 2, "s": -3},
    "Pa": {"kg": 1, "m": -1, "s": -2}, "V": {"kg": 1, "m": 2, "s": -3, "A": -1}, "Hz": {"s": -1},
}  # fmt: skip
_NAMES = {
    "m": "metre metres meter meters", "km": "kilometre kilometres kilometer kilometers",
    "cm": "centimetre centimetres centimeter centimeters", "mm": "millimetre millimetres millimeter millimeters",
    "inch": "inches in", "ft": "foot feet", "yd": "yard yards", "mi": "mile miles",
    "kg": "kilogram kilograms kilo kilos", "g": "gram grams", "mg": "milligram milligrams", "t": "tonne tonnes",
    "lb": "lbs pound pounds", "oz": "ounce ounces",
    "s": "second seconds sec secs", "ms": "millisecond milliseconds", "min": "minute minutes mins",
    "h": "hour hours hr hrs", "day": "days", "week": "weeks", "month": "months", "year": "years yr yrs",
    "l": "L liter liters litre litres", "ml": "mL milliliter milliliters millilitre millilitres",
    "gal": "gallon gallons",
    "N": "newton newtons", "J": "joule joules", "W": "watt watts", "V": "volt volts", "Pa": "pascal pascals",
    "A": "ampere amperes amp amps", "Hz": "hertz", "cent": "cents ¢", "$": "dollar dollars USD", "€": "euro euros EUR",
    "°": "degree degrees deg",
}  # fmt: skip
_KNOWN = {**{name: name for name in _BASIC}, **{name: key for key, names in _NAMES.items() for name in names.split()}}
_ONE = re.compile(r"([A-Za-zµ$€£°¢]+)(?:\s*\^?\s*\{?(-?\d)\}?)?")
_POWERS = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
_SCALES = {
    "dozen": 12, "pair": 2, "pairs": 2, "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9,
    "trillion": 10**12,
}  # fmt: skip
_TALK_WORDS = (
    "or and not no the a an is are of to per in about approximately roughly nearly at most least than more less "
    "only if between from each half quarter score base radians radian rad percent undefined over plus minus times "
    "zero one two three four five six seven eight nine ten"
)
_TALK = frozenset(_TALK_WORDS.split())


def unit_of(text: str) -> Unit | None:
    """Read a unit such as `km/h`, `cm^2`, `square feet`, `metres per second`; None if it is none."""
    text = re.sub(r"\s+per\s+", "/", text.strip())
    text = text.replace(r"\cdot", "*")
    size, powers, sign = Fraction(1), dict[str, int](), 1
    for mark, part in re.findall(r"([*/]?)\s*([^*/]+)", text):
        if mark == "/":
            sign = -1
        found = _product(part.strip())
        if found is None:
            return None
        for name, power in found:
            factor, basic = _BASIC[_KNOWN[name]]
            size *= factor ** (sign * power)
            for own, times in _EXPANDED.get(basic, {basic: 1}).items():
                powers[own] = powers.get(own, 0) + times * power * sign
    if not powers:
        return None
    return Unit(size, tuple(sorted((name, power) for name, power in powers.items() if power)))


def _product(text: str) -> list[tuple[str, int]] | None:
    words = text.split()
    found: list[tuple[str, int]] = []
    power = 1
    for word in words:
        if word in _POWERS:
            power = _POWERS[word]
            continue
        one = _ONE.fullmatch(word)
        if one is None or one[1] not in _KNOWN:
            return None
        if power != 1 and one[2]:
            return None
        found.append((one[1], int(one[2]) if one[2] else power))
        power = 1
    return found if power == 1 and found else None


def counted(text: str) -> tuple[int, str]:
    """Read words that only say what is counted, as a factor and a noun: `dozen eggs` is 12, `eggs`.

    Raises:
        Unclear: the words may say more than that.
    """
    words = text.lower().split()
    factor = 1
    while words and words[0] in _SCALES:
        factor *= _SCALES[words[0]]
        words = words[1:]
    if len(words) > 3 or any(word in _TALK or not re.fullmatch(r"[a-z]{3,}(?:['-][a-z]+)?", word) for word in words):
        raise Unclear(f"{text[:40]!r} may change the number")
    return factor, " ".join(words)
