"""Convert between units whose ratio is a definition, exactly.

The table is our own: pint takes over a second to import, reads files, and knows readings that we must refuse. A unit
that means two things is left out: cup, pint, quart, fluid ounce and ton without a country, spoon, calorie, horsepower,
acre and furlong (survey or international), month, year, MB (1000 or 1024).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Literal

from agents.calculator.numbers import amount, exact, written
from agents.calculator.records import Calculation, Framed
from agents.calculator.wording import wording

Dimension = Literal[
    "length",
    "area",
    "volume",
    "mass",
    "time",
    "speed",
    "temperature",
    "energy",
    "power",
    "frequency",
    "pressure",
    "data",
    "data rate",
]


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit by its definition."""

    name: str
    dimension: Dimension
    factor: Fraction
    """In metres, m², litres, kilograms, seconds, metres per second, kelvins, joules, watts, hertz, pascals,
    bits, bits per second."""
    zero: Fraction = Fraction(0)
    """Added before the factor is applied: a temperature's distance from absolute zero, in the unit's own degrees."""


_FOOT = Fraction("0.3048")
_POUND = Fraction("0.45359237")
_US_GALLON = Fraction("3.785411784")
_HOUR = 3600

_TABLE: Mapping[Dimension, tuple[tuple[str, str | int | Fraction, str], ...]] = {
    "length": (
        ("nanometre", "1e-9", "nm nanometer nanometers nanometre nanometres"),
        ("micrometre", "1e-6", "µm um micrometer micrometers micrometre micrometres micron microns"),
        ("millimetre", "0.001", "mm millimeter millimeters millimetre millimetres"),
        ("centimetre", "0.01", "cm centimeter centimeters centimetre centimetres"),
        ("metre", 1, "m meter meters metre metres"),
        ("kilometre", 1000, "km Km KM kilometer kilometers kilometre kilometres kms"),
        ("inch", _FOOT / 12, "in inch inches"),
        ("foot", _FOOT, "ft foot feet"),
        ("yard", _FOOT * 3, "yd yard yards"),
        ("mile", _FOOT * 5280, "mi mile miles"),
        ("light-year", 9460730472580800, "ly light-year light-years light_year light_years lightyear lightyears"),
        ("astronomical unit", 149597870700, "au AU astronomical_unit astronomical_units"),
        ("nautical mile", 1852, "nmi nautical_mile nautical_miles"),
    ),
    "area": (
        (
            "square centimetre",
            "0.0001",
            "cm2 cm² cm^2 square_centimeter square_centimeters square_centimetre square_centimetres",
        ),
        (
            "square millimetre",
            "1e-6",
            "mm2 mm² mm^2 square_millimeter square_millimeters square_millimetre square_millimetres",
        ),
        ("square metre", 1, "m2 m² m^2 sqm square_meter square_meters square_metre square_metres"),
        (
            "square kilometre",
            10**6,
            "km2 km² km^2 square_kilometer square_kilometers square_kilometre square_kilometres",
        ),
        ("hectare", 10**4, "ha hectare hectares"),
        ("square inch", (_FOOT / 12) ** 2, "in² in2 in^2 square_inch square_inches"),
        ("square foot", _FOOT**2, "ft² ft2 ft^2 sqft sq_ft square_foot square_feet"),
        ("square yard", (_FOOT * 3) ** 2, "yd² yd2 square_yard square_yards"),
        ("square mile", (_FOOT * 5280) ** 2, "square_mile square_miles"),
    ),
    "volume": (
        ("millilitre", "0.001", "ml mL milliliter milliliters millilitre millilitres"),
        ("centilitre", "0.01", "cl cL centiliter centiliters centilitre centilitres"),
        ("decilitre", "0.1", "dl dL deciliter deciliters decilitre decilitres"),
        ("litre", 1, "l L liter liters litre litres"),
        (
            "cubic centimetre",
            "0.001",
            "cm3 cm³ cm^3 cubic_centimeter cubic_centimeters cubic_centimetre cubic_centimetres",
        ),
        ("cubic metre", 1000, "m3 m³ m^3 cubic_meter cubic_meters cubic_metre cubic_metres"),
        ("cubic foot", (_FOOT * 10) ** 3, "ft³ ft3 cubic_foot cubic_feet"),
        ("cubic inch", (_FOOT * 10 / 12) ** 3, "in³ in3 in^3 cubic_inch cubic_inches"),
        ("US fluid ounce", _US_GALLON / 128, "US_fluid_ounce US_fluid_ounces US_fl_oz us_fl_oz us_fluid_ounces"),
        ("US cup", _US_GALLON / 16, "US_cup US_cups us_cup us_cups"),
        ("US pint", _US_GALLON / 8, "US_pint US_pints us_pint us_pints"),
        ("US quart", _US_GALLON / 4, "US_quart US_quarts us_quart us_quarts"),
        ("imperial fluid ounce", Fraction("4.54609") / 160, "imperial_fluid_ounce imperial_fluid_ounces"),
        ("imperial pint", Fraction("4.54609") / 8, "imperial_pint imperial_pints UK_pint UK_pints uk_pint uk_pints"),
        ("US gallon", _US_GALLON, "US_gallon US_gallons us_gallon us_gallons gallon gallons gal"),
        ("imperial gallon", "4.54609", "imperial_gallon imperial_gallons UK_gallon UK_gallons uk_gallon uk_gallons"),
    ),
    "mass": (
        ("microgram", "1e-9", "µg mcg microgram micrograms"),
        ("milligram", "1e-6", "mg milligram milligrams"),
        ("gram", "0.001", "g gram grams gramme grammes"),
        ("kilogram", 1, "kg Kg KG kilogram kilograms kilo kilos kgs"),
        ("tonne", 1000, "tonne tonnes metric_ton metric_tons"),
        ("grain", _POUND / 7000, "grain grains"),
        ("carat", "0.0002", "carat carats ct"),
        ("short ton", _POUND * 2000, "short_ton short_tons US_ton US_tons us_ton us_tons"),
        ("long ton", _POUND * 2240, "long_ton long_tons imperial_ton imperial_tons"),
        ("ounce", _POUND / 16, "oz ounce ounces"),
        ("pound", _POUND, "lb lbs pound pounds"),
        ("stone", _POUND * 14, "stone stones"),
    ),
    "time": (
        ("nanosecond", "1e-9", "ns nanosecond nanoseconds"),
        ("microsecond", "1e-6", "µs us microsecond microseconds"),
        ("millisecond", "0.001", "ms millisecond milliseconds"),
        ("second", 1, "s sec secs second seconds"),
        ("minute", 60, "min mins minute minutes"),
        ("hour", _HOUR, "h hr hrs hour hours"),
        ("day", 24 * _HOUR, "day days"),
        ("week", 7 * 24 * _HOUR, "week weeks"),
        ("fortnight", 14 * 24 * _HOUR, "fortnight fortnights"),
    ),
    "speed": (
        ("m/s", 1, "m/s mps meters_per_second metres_per_second"),
        ("km/h", Fraction(1000, _HOUR), "km/h kmh kph kilometers_per_hour kilometres_per_hour"),
        ("mph", _FOOT * 5280 / _HOUR, "mph miles_per_hour"),
        ("ft/s", _FOOT, "ft/s feet_per_second"),
        ("knot", Fraction(1852, _HOUR), "knot knots kn"),
    ),
    "energy": (
        ("joule", 1, "J joule joules"),
        ("kilojoule", 1000, "kJ kilojoule kilojoules"),
        ("megajoule", 10**6, "MJ megajoule megajoules"),
        ("watt hour", _HOUR, "Wh watt_hour watt_hours"),
        ("kilowatt hour", 1000 * _HOUR, "kWh kwh kilowatt_hour kilowatt_hours"),
        ("megawatt hour", 10**6 * _HOUR, "MWh megawatt_hour megawatt_hours"),
        ("kilocalorie", 4184, "kcal kilocalorie kilocalories"),
    ),
    "power": (
        ("milliwatt", "0.001", "mW milliwatt milliwatts"),
        ("watt", 1, "W watt watts"),
        ("kilowatt", 1000, "kW kilowatt kilowatts"),
        ("megawatt", 10**6, "MW megawatt megawatts"),
        ("gigawatt", 10**9, "GW gigawatt gigawatts"),
    ),
    "frequency": (
        ("hertz", 1, "Hz hertz"),
        ("kilohertz", 1000, "kHz kilohertz"),
        ("megahertz", 10**6, "MHz megahertz"),
        ("gigahertz", 10**9, "GHz gigahertz"),
    ),
    "pressure": (
        ("pascal", 1, "Pa pascal pascals"),
        ("hectopascal", 100, "hPa hectopascal hectopascals"),
        ("kilopascal", 1000, "kPa kilopascal kilopascals"),
        ("bar", 10**5, "bar bars"),
        ("millibar", 100, "mbar millibar millibars"),
        ("atmosphere", 101325, "atm atmosphere atmospheres"),
        ("megapascal", 10**6, "MPa megapascal megapascals"),
        ("torr", Fraction(101325, 760), "Torr torr"),
        ("psi", _POUND * Fraction("9.80665") / (_FOOT / 12) ** 2, "psi"),
    ),
    "data": (
        ("bit", 1, "bit bits"),
        ("byte", 8, "byte bytes"),
        ("kibibyte", 8 * 2**10, "KiB kibibyte kibibytes"),
        ("mebibyte", 8 * 2**20, "MiB mebibyte mebibytes"),
        ("gibibyte", 8 * 2**30, "GiB gibibyte gibibytes"),
        ("kilobit", 1000, "kbit kilobit kilobits"),
        ("megabit", 10**6, "Mbit megabit megabits"),
        ("gigabit", 10**9, "Gbit gigabit gigabits"),
        ("tebibyte", 8 * 2**40, "TiB tebibyte tebibytes"),
    ),
    "data rate": (
        ("bit/s", 1, "bps bit/s bits_per_second"),
        ("kbit/s", 1000, "kbps kbit/s kilobits_per_second"),
        ("Mbit/s", 10**6, "Mbps Mbit/s megabits_per_second"),
        ("Gbit/s", 10**9, "Gbps Gbit/s gigabits_per_second"),
    ),
}
"""Name, definition, and how people write it (`_` is a space).

Yard and pound are those of the international agreement of 1959; the kilocalorie is the thermochemical one.
"""

_TEMPERATURES: tuple[tuple[Unit, str], ...] = (
    (
        Unit(name="°C", dimension="temperature", factor=Fraction(1), zero=Fraction("273.15")),
        "°C c C celsius centigrade degrees_celsius degree_celsius degrees_c degrees_C",
    ),
    (
        Unit(name="°F", dimension="temperature", factor=Fraction(5, 9), zero=Fraction("459.67")),
        "°F f F fahrenheit degrees_fahrenheit degree_fahrenheit degrees_f degrees_F",
    ),
    (Unit(name="K", dimension="temperature", factor=Fraction(1)), "K kelvin kelvins"),
)
_LONGEST_SYMBOL = 3
"""Up to here capitals matter: `m` is a metre, `M` is not."""


@cache
def units_by_name() -> Mapping[str, Unit]:
    """Every spelling that is understood."""
    names = {name.replace("_", " "): unit for unit, written_as in _TEMPERATURES for name in written_as.split()}
    for dimension, rows in _TABLE.items():
        for name, factor, written_as in rows:
            unit = Unit(name=name, dimension=dimension, factor=Fraction(factor))
            names.update({spelling.replace("_", " "): unit for spelling in written_as.split()})
    return names


_COMPOUNDS = {
    ("foot", "inch"),
    ("stone", "pound"),
    ("pound", "ounce"),
    ("hour", "minute"),
    ("minute", "second"),
    ("day", "hour"),
}
_NAMED = r"[a-zA-Zµ°][-a-zA-Zµ°²³/^ ]*?[23]?"
_QUANTITY = (
    rf"(?:(?P<number>-?[0-9.,]+(?: (?:thousand|million|billion))?)|(?P<one>an?|one))\s?(?P<unit>{_NAMED})"
    r"(?:\s(?:and )?(?P<more>[0-9.]+)\s?(?P<part>[a-z]+))?"
)
_HEIGHT = r"(?P<feet>[0-9]{1,2})(?:'|′) ?(?P<inches>[0-9]{1,2})(?:\"|″|''|”)?"
_TARGET = rf"(?P<target>{_NAMED})(?: and (?P<rest>{_NAMED}))?"
_HOW = r"how (?:far|long|heavy|tall|hot|big|fast|much) is"
_QUESTIONS = (
    rf"(?:convert |change |express |turn |translate |{_HOW} )?{_QUANTITY} (?:to|into|in|as|in terms of) {_TARGET}",
    rf"how many (?P<target>{_NAMED}) (?:are |is )?(?:there )?(?:in|make|make up|equal|equals) {_QUANTITY}",
    rf"how many (?P<target>{_NAMED}) (?:is|are) {_QUANTITY}",
    rf"{_QUANTITY} (?:is|are|equals?|=|is equal to) how many (?P<target>{_NAMED})",
    rf"{_QUANTITY} = \? ?(?P<target>{_NAMED})",
    rf"(?:the )?number of (?P<target>{_NAMED}) in {_QUANTITY}",
)
_CHAINS = {
    *(("foot", "inch"), ("hour", "minute"), ("minute", "second"), ("day", "hour"), ("week", "day"), ("pound", "ounce")),
    *(("stone", "pound"), ("kilometre", "metre"), ("metre", "centimetre"), ("kilogram", "gram")),
}
"""In which units together a quantity may be asked for."""
_DIGITS = 6


def units(framed: Framed) -> Calculation | None:
    """Convert the quantity; None if the text is not wholly a conversion between units with one meaning."""
    if not wording(r" (?:to|into|in|as|equal|equals|make|make up|is|are|=) ").search(framed.text):
        return None
    text = wording(_HEIGHT).sub(r"\g<feet> ft \g<inches> in", framed.text)
    for question in _QUESTIONS:
        if (found := wording(question).fullmatch(text)) and (calculation := _converted(found, commas="," in text)):
            return calculation
    return None


def _unit(name: str | None) -> Unit | None:
    if not name:
        return None
    exactly = units_by_name().get(name)
    return exactly if exactly or len(name) <= _LONGEST_SYMBOL else units_by_name().get(name.lower())


def _converted(found: re.Match[str], *, commas: bool) -> Calculation | None:
    source, target = _unit(found["unit"]), _unit(found["target"])
    number = amount(found["number"] or "1")
    if source is None or target is None or number is None or source.dimension != target.dimension or source is target:
        return None
    value, asked = number.value, f"{found['number'] or 1} {_shown(source, found['unit'], one=number.value == 1)}"
    if found["more"]:
        part, more = _unit(found["part"]), amount(found["more"])
        if (
            part is None
            or more is None
            or (source.name, part.name) not in _COMPOUNDS
            or more.value * part.factor >= source.factor
        ):
            return None
        value, asked = value + more.value * part.factor / source.factor, f"{asked} {found['more']} {found['part']}"
    base = (value + source.zero) * source.factor
    if base < 0:
        return None
    if rest := found.groupdict().get("rest"):
        return _in_several(base, (found["target"], rest), asked)
    result = base / target.factor - target.zero
    shown, is_exact = written(result, commas=commas, digits=_DIGITS)
    unit = _shown(target, found["target"], one=result == 1)
    equals = "=" if is_exact else "≈"
    return Calculation(
        text=f"{asked} {equals} {shown} {unit}",
        kind="units",
        exact=exact(result),
        steps=f"{asked} = {exact(result)} {unit}",
    )


def _in_several(base: Fraction, names: tuple[str, str], asked: str) -> Calculation | None:
    """As in "5 feet 10 inches": whole numbers of all units but the last."""
    known = [_unit(name) for name in names]
    chain = [unit for unit in known if unit]
    if len(chain) < len(names) or tuple(unit.name for unit in chain) not in _CHAINS:
        return None
    parts, precise, left, all_exact = list[str](), list[str](), base, True
    for unit, name in zip(chain, names, strict=True):
        count = left / unit.factor if unit is chain[-1] else Fraction(left // unit.factor)
        left -= count * unit.factor
        shown, is_exact = written(count, digits=_DIGITS)
        if unit is not chain[0] and shown == f"{chain[0].factor / unit.factor}":
            return None  # it would be rounded up to a whole one of the larger unit
        all_exact = all_exact and is_exact
        word = _singular(name) if count == 1 else name
        parts.append(f"{shown} {word}")
        precise.append(f"{exact(count)} {word}")
    return Calculation(
        text=f"{asked} {'=' if all_exact else '≈'} {' '.join(parts)}",
        kind="units",
        exact=" ".join(precise),
        steps=f"{asked} = {' '.join(precise)}",
    )


def _singular(name: str) -> str:
    return {"feet": "foot", "inches": "inch"}.get(name.lower(), name.removesuffix("s"))


def _shown(unit: Unit, asked: str, *, one: bool) -> str:
    """The asker's own word, where it says all; else ours."""
    if unit.dimension == "temperature":
        return unit.name
    if unit.name.endswith("gallon"):
        return unit.name if one else f"{unit.name}s"
    if one and len(asked) > _LONGEST_SYMBOL and _unit(_singular(asked)) is unit:
        return _singular(asked)
    return asked
