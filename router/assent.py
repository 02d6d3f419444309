"""Words that ask for nothing of their own: they say yes, go on, or which of the things that were offered."""

import re
from collections.abc import Sequence

_MOST_WORDS = 24
_MOST_AMENDMENT = 14
_WORD = r"[^\W_]+(?:'[^\W_]+)*"
"""Compiled, as the patterns below, when the first conversation needs it."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_ASSENTS = _set("""
    yes yeah yea yep yup ya sure ok okay okey k alright absolutely certainly definitely agree agreed approved approve
    accept accepted confirm confirmed correct exactly affirmative lgtm gladly indeed understood perfect great good fine
    excellent awesome nice cool right y ja jawohl klar gerne oui si sí claro vale dale sim tak da да ага はい ええ 네 예
    是 是的 好 好的 可以 行 继续 继续吧 続けて どうぞ 계속 weiter continuez sigue adelante продолжай давай
""")
_ACTS = _set("""
    go continue proceed resume carry keep start begin finish complete do try retry redo repeat run rerun execute apply
    implement fix repair solve resolve correct make build write create add deploy merge commit ship send submit use pick
    choose take test push update change help handle more next again
""")
_POINTERS = _set("""
    it that this these those them both all everything one ones first second third fourth fifth last latter former other
    same option options choice number plan step steps idea way approach suggestion suggestions proposal change changes
    rest ahead on going working again next bug bugs error errors issue issues problem problems tests test thing stuff
    part parts 1 2 3 4 5 6 7 8 9 a b c d 1st 2nd 3rd 4th 5th
""")
_FILL = _set("""
    please pls plz just now then so well and the a an to with for me us i you i'd i'll we let let's lets like would can
    could will want need should sounds looks seems away too of as is are that's it's very much really thanks thank what
    said suggested proposed described above your my up by straight doing bitte mach das es s'il te vous plaît plait por
    favor
""")
_REFUSALS = _set("no nope nah not don't dont never stop cancel wait abort quit hold nein non nicht нет 不 いいえ 아니")
_ALL = _set("both all everything")
_CLOSINGS = _set("thanks thank thx ty cheers bye goodbye merci danke gracias")
_ASKING = _set("what what's why how who whose when where which")
_QUESTIONS = _ASKING | _set("is are was were does did can could should would will has have explain")
_REQUESTS = _set("can could would will please")

_YES_IN_WORDS = r"^(?:no (?:problem|worries|objections?)|why not|don't stop|of course|by all means|be my guest)\b"
_AMENDMENT = (
    r"(?:and|but|with|without|in|into|using|use|also|only|except|just|then|first|as|for|to|from|on|at|by|keep|make|"
    r"don't|do not|do it|do that|please)\b"
)
"""What a condition begins with that hangs on a yes: `yes, but in French`."""
_NEW_SUBJECT = r"\b(?:new|other|another|different|unrelated|separate) (?:question|topic|task|subject|request)\b"
_CHOICE = (
    r"\b(?:(first|second|third|fourth|fifth|last|[1-5](?:st|nd|rd|th))\b"
    r"|(?:option|number|plan|choice|approach|step|idea) ([1-9a-d])\b|^([1-9a-d])\b)"
)
_PLACES = {
    mark: place
    for place, marks in enumerate(
        ("first 1st 1 a", "second 2nd 2 b", "third 3rd 3 c", "fourth 4th 4 d", "fifth 5th 5"), 1
    )
    for mark in marks.split()
}
LAST = -1
"""The place of the last of several things."""


def is_approval(said: str) -> bool:
    """Whether words only approve of what was said before, or send it on its way."""
    if len(said) > 40 * _MOST_WORDS or "```" in said:
        return False
    text = re.sub(_YES_IN_WORDS, "yes", _folded(said))
    words = re.findall(_WORD, text)
    if not words or len(words) > _MOST_WORDS or re.search(_NEW_SUBJECT, text) or _REFUSALS & {*words[:2]}:
        return False
    acting = _asks_to_act(words)
    if not acting and (words[0] in _QUESTIONS or text.endswith("?")):
        return False
    if all(word in _ACTS or word in _ASSENTS or word in _POINTERS or word in _FILL for word in words):
        meant = any(word in _ASSENTS or word in _ACTS or word in _ALL for word in words)
        return (meant or chosen_place(said) is not None) and not _closes(words)
    return _amends(text, words)


def chosen_place(said: str) -> int | None:
    """Which of several things the words choose, counted from 1; `LAST` is the last; None where they do not say."""
    found = re.search(_CHOICE, _folded(said))
    mark = next(group for group in found.groups() if group) if found else None
    return LAST if mark == "last" else place_of(mark) if mark else None


def place_of(mark: str) -> int | None:
    """The place that the mark of a list's entry stands for: 2 for `2`, `b`, `2nd` and `second`."""
    return int(mark) if mark.isdecimal() else _PLACES.get(mark.lower())


def _folded(said: str) -> str:
    return said.strip().lower().replace("\u2019", "'")


def _asks_to_act(words: Sequence[str]) -> bool:
    """`Can you fix it?`: a request in the dress of a question."""
    return words[0] in _REQUESTS and any(word in _ACTS for word in words) and not any(word in _ASKING for word in words)


def _closes(words: Sequence[str]) -> bool:
    """`Ok thanks`: the end of it, with nothing left to do."""
    return any(word in _CLOSINGS for word in words) and not any(word in _ACTS for word in words)


def _amends(text: str, words: Sequence[str]) -> bool:
    """`Yes, but in French`: an assent, and a condition that hangs on it."""
    taken = next((place for place, word in enumerate(words) if word not in _ASSENTS), len(words))
    if not taken or len(words) - taken > _MOST_AMENDMENT or words[taken] in _QUESTIONS:
        return False
    end = next(match.end() for place, match in enumerate(re.finditer(_WORD, text), 1) if place == taken)
    return re.match(_AMENDMENT, text[end:].lstrip(" ,.;:!-\u2013\u2014\n")) is not None
