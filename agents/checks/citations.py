"""Checks that what the answer quotes stands in the task's attachments, word for word.

Spaces, the shapes of quotation marks and dashes, and the case of a quotation's first letter may differ; what an
ellipsis leaves out may be missing.
"""

import unicodedata

import regex

from agents.errors import InvalidTask
from agents.records import Answer, CitationsCheck, Task, Verdict

LEAST_WORDS = 3
"""Shorter spans are words that are talked about, not quotations."""
MOST_QUOTES = 1000
_SHOWN = 5

_QUOTED = regex.compile(
    r'"([^"\n]{1,2000})"|“([^“”]{1,2000})”|„([^„“”]{1,2000})[“”]|«([^«»]{1,2000})»|»([^«»]{1,2000})«'
    r"|「([^「」]{1,2000})」|『([^『』]{1,2000})』|‘([^‘\n]{12,2000}?)’(?!\w)"
)
_FENCED = regex.compile(r"^(```|~~~).*?^\1[^\n]*$|`[^`\n]+`", regex.DOTALL | regex.MULTILINE)
_BLOCK = regex.compile(r"(?:^[ \t]*>[^\n]*(?:\n|$))+", regex.MULTILINE)
_ATTRIBUTION = regex.compile(r"\s*(?:[—–]|--)\s*[^\n]{1,80}$|\s*\((?:p\.|pp\.|page|Seite|§)[^)]*\)\s*$|\[\d+\]\s*$")
_ELLIPSIS = regex.compile(r"\s*(?:\[\s*(?:\.\.\.|…)\s*\]|\(\s*(?:\.\.\.|…)\s*\)|\.\.\.|…)\s*")
_SAME = {"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "’": "'", "‘": "'", "‚": "'", "–": "-", "—": "-", "‑": "-"}
_FOLD = str.maketrans({**_SAME, "\u00ad": None, "\u200b": None})
_ENDING = " .,;:!?'\""


def check(spec: CitationsCheck, answer: Answer, task: Task) -> Verdict:
    """Look each quotation up."""
    if not task.attachments:
        return Verdict(check="citations", outcome="unsure", evidence="the task has no attachments to look into")
    sources = [_folded(attachment.text) for attachment in task.attachments]
    quotes = quotations(answer.text)
    if len(quotes) > MOST_QUOTES:
        return Verdict(check="citations", outcome="unsure", evidence=f"more than {MOST_QUOTES} quotations")
    missing = [quote for quote in quotes if not any(_stands_in(quote, source) for source in sources)]
    score = 1 - len(missing) / len(quotes) if quotes else None
    if missing:
        shown = "; ".join(repr(" ".join(quote.split())[:120]) for quote in missing[:_SHOWN])
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        evidence = f"{len(missing)} of {len(quotes)} quotations are not in the sources: {shown}{more}"
        return Verdict(check="citations", outcome="fail", score=score, evidence=evidence)
    if len(quotes) < spec.min_quotes:
        evidence = f"{len(quotes)} quotations of at least {LEAST_WORDS} words, at least {spec.min_quotes} are wanted"
        return Verdict(check="citations", outcome="fail", score=0.0, evidence=evidence)
    if not quotes:
        return Verdict(check="citations", outcome="unsure", evidence="nothing is quoted")
    return Verdict(
        check="citations", outcome="pass", score=1.0, evidence=f"all {len(quotes)} quotations are in the sources"
    )


def validate(spec: CitationsCheck) -> None:
    """Refuse more quotations than are looked up."""
    if spec.min_quotes > MOST_QUOTES:
        raise InvalidTask(
            f"min_quotes is {spec.min_quotes}; at most {MOST_QUOTES} quotations are looked up",
            param="checks",
            code="invalid_check",
        )


def quotations(text: str) -> list[str]:
    """The spans that are quoted: in quotation marks, or set off as a block; code is none."""
    text = _FENCED.sub(" ", text)
    blocks = [regex.sub(r"^[ \t]*>[ \t]?", "", block, flags=regex.MULTILINE) for block in _BLOCK.findall(text)]
    rest = _BLOCK.sub("\n", text)
    spans = [next(part for part in found.groups() if part) for found in _QUOTED.finditer(rest)]
    wholes = [_ATTRIBUTION.sub("", block.strip()).strip().strip('"“”„«»') for block in blocks]
    paragraphs = [part for block in wholes for part in regex.split(r"\n\s*\n", block)]
    return [span for span in (*spans, *paragraphs) if len(_words(span)) >= LEAST_WORDS or _is_wide(span)]


def _words(text: str) -> list[str]:
    return regex.findall(r"[\p{L}\p{N}]+", text)


def _is_wide(text: str) -> bool:
    """Chinese and Japanese write no spaces: six characters are a quotation."""
    return len(regex.findall(r"[\p{Han}\p{Hiragana}\p{Katakana}]", text)) >= 6


def _stands_in(quote: str, source: str) -> bool:
    """Whether its parts stand in the source, one after the other."""
    at = 0
    for part in _ELLIPSIS.split(quote):
        wanted = _folded(regex.sub(r"\[(\w)\]", r"\1", part)).strip(_ENDING)
        if not wanted:
            continue
        found = _find(wanted, source, at)
        if found < 0:
            return False
        at = found + len(wanted)
    return True


def _find(wanted: str, source: str, start: int) -> int:
    """Where it stands as whole words; its first letter may be of the other case."""
    for spelling in dict.fromkeys((wanted, wanted[0].swapcase() + wanted[1:])):
        at = source.find(spelling, start)
        while at >= 0:
            end = at + len(spelling)
            inside = (at and source[at - 1].isalnum() and spelling[0].isalnum()) or (
                source[end : end + 1].isalnum() and spelling[-1].isalnum()
            )
            if not inside or _is_wide(spelling):
                return at
            at = source.find(spelling, at + 1)
    return -1


def _folded(text: str) -> str:
    text = unicodedata.normalize("NFKC", text.replace("…", "...")).translate(_FOLD)
    text = regex.sub(r"(?<=\p{L})-\s*\n\s*(?=\p{Ll})", "", text)
    text = regex.sub(r"[*_]{1,3}(?=\S)|(?<=\S)[*_]{1,3}", "", text)
    return regex.sub(r"\s+", " ", text).strip()
