"""Read numbers and sums of money exactly, and write them for people."""

from dataclasses import dataclass
from fractions import Fraction

from agents.calculator.wording import wording

NUMBER = r"(?:(?:[1-9][0-9]{0,2}(?:,[0-9]{3})+|[1-9][0-9]{0,39}|0)(?:\.[0-9]{1,40})?|\.[0-9]{1,40})(?![0-9]|[.,][0-9])"
"""Digits, with thousands separators whole or not at all. `007`, `1,23` and `1.2.3` are no numbers to us."""
CURRENCY = r"US\$|[$€£¥₹]"
SCALE = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
SPOKEN_NUMBERS = {
    **{word: number for number, word in enumerate(_ONES)},
    **dict(zip(_TENS, range(20, 100, 10), strict=True)),
}
_SPOKEN = (
    rf"\b(?:(?P<tens>{'|'.join(_TENS)})-(?P<ones>{'|'.join(_ONES[1:10])})|"
    rf"(?P<word>{'|'.join(SPOKEN_NUMBERS)}))\b"
)
_AMOUNT = (
    rf"(?P<sign>-)?(?P<before>{CURRENCY})?\s?(?P<number>{NUMBER})(?:\s?(?P<scale>{'|'.join(SCALE)})\b)?"
    r"(?:\s?(?P<after>[€£]))?"
)
_MOST_DIGITS = 400
_EXACT_DECIMALS = 12


@dataclass(frozen=True)
class Amount:
    """A number as the asker wrote it."""

    value: Fraction
    currency: str = ""


def amount(text: str) -> Amount | None:
    """Read a number, with its currency sign; None if the text is anything else."""
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) < 16 and (text[0] != "0" or text == "0"):
        return Amount(Fraction(int(text)))
    found = wording(_AMOUNT).fullmatch(text)
    if found is None or (found["before"] and found["after"]):
        return None
    value = plain(found["number"])
    if found["scale"]:
        value *= SCALE[found["scale"].lower()]
    return Amount(value=-value if found["sign"] else value, currency=found["before"] or found["after"] or "")


def in_digits(text: str) -> str:
    """Write spoken numbers below a hundred as digits, in a text that has no digits yet."""
    if any(character.isdigit() for character in text):
        return text
    return wording(_SPOKEN).sub(
        lambda found: str(sum(SPOKEN_NUMBERS[word.lower()] for word in found.groups() if word)), text
    )


def plain(number: str) -> Fraction:
    """The value of what `NUMBER` matches."""
    return Fraction(number.replace(",", ""))


def exact(value: Fraction) -> str:
    """Write without rounding: a decimal where it ends soon, else a fraction."""
    decimals = decimals_of(value)
    return str(value) if decimals is None or decimals > _EXACT_DECIMALS else fixed(value, decimals)


def written(value: Fraction, *, commas: bool = False, currency: str = "", digits: int = 10) -> tuple[str, bool]:
    """Write for a reader; and say whether it is the exact value.

    Args:
        value: What to write.
        commas: Separate the thousands.
        currency: Written in front; money is rounded to two decimals.
        digits: Significant digits where rounding is needed.
    """
    decimals = decimals_of(value)
    if currency:
        whole = decimals == 0
        text = fixed(abs(value), 0 if whole else 2, commas=commas)
        return f"{'-' if value < 0 else ''}{currency}{text}", whole or (decimals is not None and decimals <= 2)
    if decimals is not None and decimals <= _EXACT_DECIMALS:
        return fixed(value, decimals, commas=commas), True
    return fixed(value, _rounding(value, digits), commas=commas), False


def fixed(value: Fraction, decimals: int, *, commas: bool = False) -> str:
    """Write with so many decimals, halves away from zero."""
    scaled = abs(value) * 10**decimals
    units = int(scaled + Fraction(1, 2))
    whole, part = divmod(units, 10**decimals)
    text = f"{whole:,}" if commas else str(whole)
    return ("-" if value < 0 and units else "") + (f"{text}.{part:0{decimals}d}" if decimals else text)


def too_long(value: Fraction) -> bool:
    """Whether nobody would want to read it, or it is too small to be written as a decimal."""
    return abs(value) >= 10**_MOST_DIGITS or (value != 0 and abs(value) < Fraction(1, 10**15))


def decimals_of(value: Fraction) -> int | None:
    """How many decimals write it exactly; None where no number of them does."""
    rest, twos, fives = value.denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    return max(twos, fives) if rest == 1 else None


def _rounding(value: Fraction, digits: int) -> int:
    decimals = digits - len(str(int(abs(value))))
    small = abs(value)
    while 0 < small < Fraction(1, 10):
        small, decimals = small * 10, decimals + 1
    return max(decimals, 0)
