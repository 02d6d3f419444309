"""Which words a calculation is made of: a prompt with any other word is left alone at once.

This is what makes the calculator cheap: nearly every prompt that is none is left at its first or second word, before
any regular expression is tried.
"""

from functools import cache

from agents.calculator.dates import MONTHS
from agents.calculator.numbers import SCALE, SPOKEN_NUMBERS
from agents.calculator.units import units_by_name

_MARKS = str.maketrans(dict.fromkeys("?,.:;!()[]{}=+*/^'\"-|&×÷·√°%$€£", " "))
_FRAME = """
a an and are as at be by can change compute could calculate convert determine did do does evaluate exact express figure
find for from get give hello help hey hi how i if in into is it kindly know let like many me much need number numbers of
on or out over please pls question quick quickly result s show solve tell thanks that than the there this these to turn
translate value values want was were what whats when which who will with work would write written you your answer
comes come equal equals far long big fast heavy tall hot exactly following given thank thx d x
"""
_ARITHMETIC = """
add plus minus times multiply multiplied subtract divide divided raised power squared cubed square cube root sqrt cbrt
mod modulo factorial sum product quotient difference between half third quarter fourth fifth tenth thirds quarters
fourths double twice triple remainder gcd gcf hcf lcm greatest highest lowest least common divisor factor multiple
decimal fraction simplify simplified reduce simplest form terms its round off nearest closest place places point integer
whole ten tenth hundredth thousandth cent absolute make makes st nd rd th us
"""
_PERCENT = """
percent percentage per cent pct tip discount reduction less more increase increased decrease decreased raise reduced
lower lowered take deduct after
"""
_DATES = """
day days week weeks weekday month months year years date leap ago before until till since today tomorrow yesterday now
christmas new eve passed elapsed have has been left remain fall falls land last end iso time time am pm noon midnight hh
mm ss h m past expressed contains pass
"""
_BASES = """
binary octal denary hexadecimal hex base notation format representation digits equivalent addition roman numeral
numerals arabic regular using xor
"""
_STATISTICS = """
mean average arithmetic avg median mode total min minimum smallest max maximum largest biggest range count population
sample variance standard deviation std dev stdev sd list data dataset set all among amounts figures scores up items
elements entries sort order arrange rank put descending ascending decreasing increasing numerical numeric numerically
"""
_FORMATS = ("csv", "json", "tsv")
LONGEST_INSTRUCTION = 200
"""Characters of what is to be done with data."""


@cache
def _words() -> frozenset[str]:
    own = (_FRAME, _ARITHMETIC, _PERCENT, _DATES, _BASES, _STATISTICS)
    spelled = (*units_by_name(), *MONTHS, *SCALE, *SPOKEN_NUMBERS)
    return frozenset(word for text in (*own, *spelled) for word in text.lower().translate(_MARKS).split())


def may_be_calculation(line: str) -> bool:
    """Whether each word is one that calculations are made of, a Roman numeral, or a hexadecimal number."""
    known = _words()
    return all(
        word in known or not word.isalpha() or not word.strip("abcdef") or not word.strip("ivxlcdm")
        for piece in line.lower().split()
        for word in piece.translate(_MARKS).split()
    )


def mentions_data(prompt: str) -> bool:
    """Whether the prompt may be an instruction and data: it names a form of data at its beginning."""
    head = prompt[:LONGEST_INSTRUCTION].lower()
    return any(name in head for name in _FORMATS)
