"""The script a text is written in: as much of its language as can be seen without guessing."""

import re
from collections.abc import Mapping
from typing import Literal

from router.features import excerpt

Script = Literal[
    "latin", "greek", "cyrillic", "hebrew", "arabic", "devanagari", "thai", "hangul", "kana", "han", "other"
]

_LETTERS: Mapping[Script, str] = {
    "latin": r"[\u00c0-\u024f\u1e00-\u1eff]+",
    "greek": r"[\u0370-\u03ff\u1f00-\u1fff]+",
    "cyrillic": r"[\u0400-\u052f]+",
    "hebrew": r"[\u0590-\u05ff]+",
    "arabic": r"[\u0600-\u06ff\u0750-\u077f]+",
    "devanagari": r"[\u0900-\u097f]+",
    "thai": r"[\u0e00-\u0e7f]+",
    "hangul": r"[\u1100-\u11ff\uac00-\ud7af]+",
    "kana": r"[\u3040-\u30ff]+",
    "han": r"[\u3400-\u9fff\U00020000-\U0002ffff]+",
    "other": r"[\u0530-\u058f\u0980-\u0dff\u0e80-\u10ff\u1200-\u1bff\ua000-\uabff]+",
}
"""Patterns, compiled when the first text needs them: most are plain ASCII and need none."""
_ASCII_LETTERS, _ASCII = r"[A-Za-z]+", r"[\x00-\x7f]+"
_DENSE: frozenset[Script] = frozenset({"han", "kana", "hangul"})
_DENSITY = 3
"""A character of these says as much as so many letters of an alphabet."""
_KANA_SHARE = 0.05
"""Chinese has none of them, Japanese many."""
_WRITTEN: Mapping[Script, str] = {
    "greek": "el",
    "cyrillic": "be bg kk ky mk mn ru sr tg uk",
    "hebrew": "he yi",
    "arabic": "ar ckb fa ps sd ug ur",
    "devanagari": "hi mr ne sa",
    "thai": "th",
    "hangul": "ko",
    "kana": "ja",
    "han": "zh",
    "other": "am as bn bo dv gu hy ka km kn lo ml my or pa si ta te ti",
}
_SCRIPTS: Mapping[str, Script] = {code: script for script, codes in _WRITTEN.items() for code in codes.split()}


def script(text: str) -> Script:
    """The script of most of the text's letters; `latin` where there are none."""
    if text.isascii():
        return "latin"
    seen = excerpt(text)
    rest = re.sub(_ASCII, "", seen)  # little of most texts: it is all that is searched for every script
    counts: dict[Script, int] = {name: sum(map(len, re.findall(letters, rest))) for name, letters in _LETTERS.items()}
    counts["latin"] += sum(map(len, re.findall(_ASCII_LETTERS, seen)))
    if counts["kana"] > _KANA_SHARE * counts["han"]:
        counts["kana"] += counts["han"]
        counts["han"] = 0
    weighed: list[tuple[int, Script]] = [
        (count * (_DENSITY if name in _DENSE else 1), name) for name, count in counts.items()
    ]
    return max(weighed, key=lambda pair: pair[0])[1]


def written_in(language: str) -> Script:
    """The script of a language, by its ISO 639-1 code; `pt-BR` is read as `pt`."""
    return _SCRIPTS.get(language.lower().partition("-")[0], "latin")
