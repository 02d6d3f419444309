"""Tells in which language a text is written, by its script and its commonest words."""

from collections import Counter

import regex

_SCRIPTS = {
    "ja": regex.compile(r"[\p{Hiragana}\p{Katakana}]"),
    "ko": regex.compile(r"\p{Hangul}"),
    "zh": regex.compile(r"\p{Han}"),
    "ar": regex.compile(r"\p{Arabic}"),
    "hi": regex.compile(r"\p{Devanagari}"),
    "el": regex.compile(r"\p{Greek}"),
    "he": regex.compile(r"\p{Hebrew}"),
    "th": regex.compile(r"\p{Thai}"),
    "cyrillic": regex.compile(r"\p{Cyrillic}"),
    "latin": regex.compile(r"\p{Latin}"),
}
_COMMON = {
    "en": "the of and to in is that it for was with as his on be at by this had not are but from or have they "
    "which you were her she all would there their will when who him been has more if no out so what up "
    "into than them can only these some could other then its about do should we each how",
    "de": "der die das und ist nicht ein eine einen einem einer zu von mit auf für den dem des im sich auch es "
    "sie wir ich er dass als an werden wird sind war hat haben aus bei nach wie oder aber noch nur über "
    "so zum zur vom kann wenn",
    "fr": "le la les de des du et est un une pour que qui dans en pas sur au aux avec ce cette ces il elle ils "
    "nous vous je ne se sont par plus ou mais son sa ses leur être été comme fait où donc",
    "es": "el la los las de del y es un una por para que en no se con su sus lo como más pero al son fue este "
    "esta está hay muy también ya cuando porque sobre entre ser sin nos les",
    "it": "il lo la gli le di del della dei delle e è un una per che in non si con su come più ma al alla sono "
    "era questo questa anche nel nella da ha essere dal dalla ci",
    "pt": "o os as de do da dos das e é um uma por para que em não se com sua seu no na nos nas ao mais mas "
    "como são foi este esta também já quando muito pelo pela entre ser há você isso",
    "nl": "de het een en van is niet in op te dat die voor met zijn er aan ook als bij door naar uit om maar "
    "was wordt deze dit heeft nog wel geen hij zij ze we worden kan over",
    "pl": "i w z na do nie się jest to że o jak po ale za od czy przez dla są był była tym tego ten ta te także "
    "może tylko już jego jej przy który która które oraz",
    "sv": "och i att det som en på är av för med till den inte om ett han har de jag var från vi kan men så hon "
    "eller när ska också efter vid hade denna detta mycket",
    "tr": "ve bir bu için ile da de çok olarak daha gibi olan en kadar ne var ama o her sonra değil ya ise mi "
    "olduğu göre şey ben sen biz",
    "cs": "a je v se na že to s z do o i jako pro ale by po jsou k za od při který která které není byl byla "
    "jen nebo také už tak aby",
    "ru": "и в не на я что он с как это по но из у за то все так его к она они мы бы был для от же вы ли или если",
    "uk": "і в не на що з як це та до у за він я але його так від для вона вони ми бути є який яка які або також",
}
LANGUAGES = frozenset(_COMMON) | (frozenset(_SCRIPTS) - {"latin", "cyrillic"})
"""ISO 639-1 codes of what is told apart."""
_WORDS = {language: frozenset(words.split()) for language, words in _COMMON.items()}
_CYRILLIC = frozenset({"ru", "uk"})
_LEAST_LETTERS = 12
_LEAST_COMMON = 3
_LEAD = 1.25
"""By which the first language has to be ahead of the second."""
_LOOKED_AT = 20_000
_CODE = regex.compile(r"```.*?```|`[^`\n]*`|\$[^$\n]*\$|https?://\S+|\\[A-Za-z]+|<[^<>\n]*>", regex.DOTALL)


def language_of(text: str) -> str | None:
    """Give the ISO 639-1 code; None where there is too little to tell it, or it is none that is known."""
    text = _CODE.sub(" ", text[:_LOOKED_AT])
    letters = {script: len(pattern.findall(text)) for script, pattern in _SCRIPTS.items()}
    script = max(letters, key=lambda one: letters[one])
    if letters["ja"] and letters["ja"] + letters["zh"] > 0.5 * sum(letters.values()):
        script = "ja" if letters["ja"] * 10 >= letters["zh"] else "zh"
    if script in {"zh", "ja", "ko", "th"}:
        return script if letters[script] >= _LEAST_LETTERS // 3 else None
    if letters[script] < _LEAST_LETTERS:
        return None
    if script not in {"latin", "cyrillic"}:
        return script
    return _by_words(text, _CYRILLIC if script == "cyrillic" else frozenset(_WORDS) - _CYRILLIC)


def _by_words(text: str, among: frozenset[str]) -> str | None:
    counted = Counter(regex.findall(r"[\p{L}\p{M}]+", text.lower()))
    scores = {
        language: sum(number for word, number in counted.items() if word in _WORDS[language]) for language in among
    }
    first, second = sorted(scores, key=lambda one: (-scores[one], one))[:2]
    if scores[first] < _LEAST_COMMON or scores[first] < _LEAD * scores[second]:
        return None
    return first
