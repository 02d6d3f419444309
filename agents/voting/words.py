"""The normal form of words: what is left of a short text when case, articles, accents and marks are gone."""

import unicodedata

import regex

_ARTICLES = frozenset(("a", "an", "the"))
_NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
_AS_DIGITS = {word: str(number) for number, word in enumerate(_NUMBER_WORDS.split())}
_ACCENTS = regex.compile(r"[\u0300-\u036f]")
_APOSTROPHES = regex.compile(r"(?<=\w)['’ʼ](?=\w)")
_THOUSANDS = regex.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_TOKEN = regex.compile(r"-?\d+(?:\.\d+)?%?|[\p{L}\p{M}_]+[+#]*|\d+|[%+=<>]")
_BETWEEN_WORDS = regex.compile(r"(?<=[\p{L}\d])[-‐‑–](?=[\p{L}\d])")


def normal(text: str) -> str:
    """The words and numbers of a text, in lower case, one space apart; articles go unless nothing else is there."""
    folded = _ACCENTS.sub("", unicodedata.normalize("NFKD", text)).replace("−", "-")
    folded = unicodedata.normalize("NFC", folded).casefold()
    folded = _THOUSANDS.sub(lambda found: found.group(0).replace(",", ""), _APOSTROPHES.sub("", folded))
    tokens = [_token(token) for token in _TOKEN.findall(_BETWEEN_WORDS.sub(" ", folded))]
    return " ".join([token for token in tokens if token not in _ARTICLES] or tokens)


def _token(token: str) -> str:
    if token in _AS_DIGITS:
        return _AS_DIGITS[token]
    number, percent = (token[:-1], "%") if token.endswith("%") else (token, "")
    if "." in number:
        number = number.rstrip("0").rstrip(".")
    return number + percent
