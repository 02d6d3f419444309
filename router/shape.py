"""What a prompt looks like, as numbers: lengths, counts, ratios, and how many of its words are of each kind."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence

from router.features import Features

_OPTION = re.compile(r"\n[ \t]*\(?[A-Z][.)][ \t]+(.*)")
"""Searched behind a line break put in front of the text: so an option begins where the match does."""
_CUES = ("Answer:", "Answer")
_NUMBER = re.compile(r"[0-9][0-9,]*(?:\.[0-9]+)?")
_LONG = 9
"""Letters from which on a word is a long one."""
_MARKS = "?,.:;%$()=+-*/^<>\"'"

GROUPS: Mapping[str, str] = {
    "how_many": "how many much often far fast old tall",
    "which": "which whose whom",
    "what": "what",
    "who": "who when where",
    "why": "why explain because describe reason reasons discuss",
    "if": "if suppose assume assuming given let consider unless would",
    "not": "not no never none neither nor except without incorrect false least cannot",
    "all": "all every any each per always only both",
    "best": "best most likely main primarily mainly probably usually typically generally",
    "following": "following statement statements above below true correct",
    "compare": "more less than fewer greater smaller larger times as twice thrice double triple half longer older",
    "fraction": "half third thirds quarter quarters fourth percent percentage fraction ratio remaining rest remainder",
    "then": "then after before first next finally later until remaining left begin end another again",
    "total": "total altogether sum combined overall average mean median",
    "money": "dollar dollars cents cost costs price pay pays paid spend spends spent earn earns sell sold buy bought",
    "time": "hour hours minute minutes second seconds day days week weeks month months year years morning daily",
    "unit": "meter meters km cm kg grams gram miles mile feet foot inches pounds ounces liters degrees volts watts",
    "algebra": "equation function polynomial integer integers prime matrix vector set ring group field graph real",
    "calculus": "integral derivative limit differentiable continuous converge probability random variance theorem",
    "physics": "energy force velocity mass current voltage temperature pressure heat wave charge acceleration gas",
    "chemistry": "acid reaction molecule electron electrons atom ion bond compound solution oxygen carbon hydrogen",
    "life": "cell cells gene genes dna protein species blood muscle plants organism bacteria virus enzyme",
    "medicine": "patient disease treatment symptoms clinical diagnosis examination pain cancer woman man history drug",
    "law": "court law plaintiff defendant contract statute state constitution liability crime property evidence",
    "society": "social culture political government policy states power war rights international economic party",
    "business": "market firm company demand supply marketing product customers management accounting tax revenue",
    "mind": "psychology behavior child children self theory learning cognitive people emotional personality",
    "ethics": "moral morally wrong right argument belief god virtue ethical philosophy kant justice",
    "history": "century empire king ancient revolution colonial according passage early period world",
    "code": "python code def return function list string array program class algorithm print input output tuple",
    "logic": "premise conclusion valid argument fallacy implies iff predicate propositional truth negation",
    "do": "write find calculate compute determine evaluate solve select choose list give name identify",
    "he": "he she his her him they their them",
    "i": "i my me we our us",
    "you": "you your",
}
"""Kinds of words, by the words themselves."""

_GROUP_OF: dict[str, list[int]] = {}
for _place, _members in enumerate(GROUPS.values()):
    for _member in _members.split():
        _GROUP_OF.setdefault(_member, []).append(_place)

NAMES: tuple[str, ...] = (
    *("log_words", "log_characters", "log_lines", "log_numbers", "numbers_per_word", "options", "has_options"),
    *("question", "code", "latex", "other_script", "word_letters", "long_words", "distinct", "sentences"),
    *("sentence_words", "capitals", "names", "stem_words", "option_words", "option_spread", "option_numbers"),
    *("blank", "biggest", "decimals", "years", "number_kinds", "no_question", "all_of_the_above"),
    *(f"mark {mark}" for mark in _MARKS),
    *(f"words {group}" for group in GROUPS),
)


def shape(text: str, words: Sequence[str], seen: Features) -> list[float]:
    """The numbers called `NAMES`.

    Args:
        text: The prompt's excerpt.
        words: What `router.words.words` makes of it.
        seen: What `features` saw of the prompt.
    """
    found = [*_OPTION.finditer(f"\n{text}")]
    options = [match.group(1) for match in found]
    stem = _without_cue(text[: found[0].start()] if len(found) > 1 else text)
    numbers = [float(number.replace(",", "")) for number in _NUMBER.findall(stem)]
    letters = [len(word) for word in words if word[0].isalpha()]
    count = max(len(letters), 1)
    stem_words = stem.split()
    sentences = max(stem.count(". ") + stem.count("? ") + stem.count("! ") + stem.count("\n"), 0) + 1
    sizes = [option.count(" ") + 1 for option in options]
    mean = sum(sizes) / len(sizes) if sizes else 0.0
    return [
        math.log1p(seen.words),
        math.log1p(seen.characters),
        math.log1p(seen.lines),
        math.log1p(seen.numbers),
        seen.numbers / (seen.words + 1),
        min(len(options), 12),
        float(len(options) > 1),
        float(stem.rstrip().endswith("?")),
        math.log1p(seen.code),
        math.log1p(seen.latex),
        seen.other_script,
        sum(letters) / count,
        len([size for size in letters if size >= _LONG]) / count,
        len(set(words)) / max(len(words), 1),
        math.log1p(sentences),
        math.log1p(len(stem_words) / sentences),
        sum(map(str.isupper, stem_words)) / (len(stem_words) + 1),
        len([word for word in stem_words[1:] if word[0].isupper()]) / (len(stem_words) + 1),
        math.log1p(len(stem_words)),
        math.log1p(mean),
        math.log1p(max(sizes) - min(sizes)) if sizes else 0.0,
        sum(any(map(str.isdigit, option)) for option in options) / (len(options) or 1),
        float("_" in words),
        math.log1p(min(max(numbers, default=0.0), 1e9)),
        math.log1p(sum(not number.is_integer() for number in numbers)),
        math.log1p(sum(1400 < number < 2100 and number.is_integer() for number in numbers)),
        math.log1p(len(set(numbers))),
        float("?" not in stem),
        float(" of the above" in text),
        *map(math.log1p, map(text.count, _MARKS)),
        *_kinds(words),
    ]


def _without_cue(stem: str) -> str:
    bare = stem.rstrip()
    cue = next(filter(bare.endswith, _CUES), None)
    return bare.removesuffix(cue).rstrip() if cue else stem


def _kinds(words: Iterable[str]) -> Iterable[float]:
    found = [0] * len(GROUPS)
    for places in filter(None, map(_GROUP_OF.get, words)):
        for place in places:
            found[place] += 1
    return map(math.log1p, found)
