"""Checks that a document's numbers run without gaps or repetitions, and that what it refers to is there.

Looked at are headings, figures, tables and annexes, in Markdown or plain text, in English and German. Numbered lists
begin anew everywhere and are let alone; references to other people's documents are, too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex

from agents.records import Answer, NumberingCheck, Task, Verdict

_SHOWN = 8
_KINDS = {
    "section": r"Sections?|Sec\.|Chapters?|Clauses?|Abschnitte?n?|Abschn\.|Kapiteln?|Kap\.|Ziffern?|Ziff\.",
    "figure": r"Figures?|Figs?\.|Abbildung(?:en)?|Abb\.",
    "table": r"Tables?|Tab\.|Tabellen?",
    "annex": r"Annex(?:es)?|Appendix|Appendices|Anlagen?|Anhang|Anhänge|Schedules?",
}
_NUMBER = r"(?:\d{1,3}(?:\.\d{1,3}){0,5}|[A-Z](?:\.\d{1,3}){0,4})"
_FENCED = regex.compile(r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1[^\n]*$|\Z)", regex.DOTALL | regex.MULTILINE)
_MARKDOWN = regex.compile(r"^ {0,3}#{1,6}[ \t]+(?:\*\*)?(?P<rest>\S.*)$")
_NUMBERED = regex.compile(
    r"^(?:(?:Section|Chapter|Clause|Abschnitt|Kapitel|§)\s+)?(?P<number>\d{1,3}(?:\.\d{1,3})*)[.):]?(?:\*\*)?\s+\S"
)
_DEEP = regex.compile(r"^(?:\*\*)?(?P<number>\d{1,3}(?:\.\d{1,3})+)\.?(?:\*\*)?[ \t]+(?:\*\*)?\p{Lu}[^\n]{0,119}$")
_SHALLOW = regex.compile(r"^(?:\*\*)?(?P<number>\d{1,3})\.?(?:\*\*)?[ \t]+(?:\*\*)?\p{Lu}[^\n]{0,79}(?<![.;:,!?])$")
_CAPTION = {
    kind: regex.compile(rf"^[ \t>#*_]*(?:{names})\s+(?P<number>{_NUMBER})(?:[*_]*\s*[:.–—-](?!\d)|[*_]*\s*$)")
    for kind, names in _KINDS.items()
    if kind != "section"
}
_REFERENCE = {
    kind: regex.compile(
        rf"\b(?:{names})\s+(?P<numbers>{_NUMBER}(?:(?:\s*,\s*|\s+(?:and|or|und|oder|bis|to)\s+|\s*[–-]\s*){_NUMBER})*)(?![\w])"
    )
    for kind, names in _KINDS.items()
}
_ELSEWHERE = regex.compile(
    r"^(?:\([^)]{1,12}\))?\s*(?:(?:of|in|from|to)\s+(?:the|its|that|their|[A-Z])|(?:des|der|vom|zum|aus|im)\s|[A-Z]{2,}\b"
    r"|(?:GDPR|BGB|HGB|StGB|Act|Gesetz))"
)
"""What follows a reference to somebody else's document."""


@dataclass(frozen=True, slots=True)
class _Place:
    kind: str
    number: str
    line: int


def check(spec: NumberingCheck, answer: Answer, task: Task) -> Verdict:
    """Look through the answer, or through each attachment."""
    if spec.of == "attachments":
        documents = [(f"{attachment.name}, ", attachment.text) for attachment in task.attachments]
    else:
        documents = [("", answer.text)]
    seen, faults = 0, list[str]()
    for name, text in documents:
        found, wrong = examined(text)
        seen += found
        faults += [f"{name}{one}" for one in wrong]
    if faults:
        more = f" and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        evidence = "; ".join(faults[:_SHOWN]) + more
        return Verdict(
            check="numbering", outcome="fail", score=max(0.0, 1 - len(faults) / max(seen, 1)), evidence=evidence
        )
    if not seen:
        return Verdict(check="numbering", outcome="unsure", evidence="nothing in it is numbered")
    return Verdict(check="numbering", outcome="pass", score=1.0, evidence=f"all {seen} numbers and references fit")


def examined(text: str) -> tuple[int, list[str]]:
    """How many numbers and references there are, and what is wrong with them, each with its line."""
    text = _FENCED.sub(lambda found: "\n" * found[0].count("\n"), text)
    lines = text.split("\n")
    targets = list(_targets(lines))
    references = list(_references(lines, {(place.line, place.kind) for place in targets}))
    faults = [*_sequence_faults(targets), *_dangling(targets, references)]
    return len(targets) + len(references), [words for _, words in sorted(faults, key=lambda one: one[0])]


def _targets(lines: Sequence[str]) -> Iterator[_Place]:
    markdown = any(_MARKDOWN.match(line) for line in lines)
    for number, line in enumerate(lines, start=1):
        heading = _MARKDOWN.match(line)
        apart = number == 1 or not lines[number - 2].strip()
        if heading:
            found = _NUMBERED.match(heading["rest"])
        elif markdown:
            found = None
        else:
            alone = apart and (number == len(lines) or not _SHALLOW.match(lines[number].strip()))
            found = _DEEP.match(line.strip()) or (_SHALLOW.match(line.strip()) if alone else None)
        if found:
            yield _Place("section", found["number"], number)
            continue
        for kind, caption in _CAPTION.items():
            if captioned := caption.match(line):
                yield _Place(kind, captioned["number"], number)
                break


def _references(lines: Sequence[str], captions: set[tuple[int, str]]) -> Iterator[_Place]:
    for number, line in enumerate(lines, start=1):
        if _MARKDOWN.match(line):
            continue
        for kind, pattern in _REFERENCE.items():
            for found in pattern.finditer(line):
                own_caption = (number, kind) in captions and not line[: found.start()].strip(" \t>#*_")
                if own_caption or _ELSEWHERE.match(line[found.end() :]):
                    continue
                for one in regex.findall(_NUMBER, found["numbers"]):
                    yield _Place(kind, one.rstrip("."), number)


def _sequence_faults(targets: Sequence[_Place]) -> Iterator[tuple[int, str]]:
    last: dict[tuple[str, str], tuple[int, int]] = {}
    seen: dict[tuple[str, str], int] = {}
    for place in targets:
        if (place.kind, place.number) in seen:
            earlier = seen[place.kind, place.number]
            yield place.line, f"line {place.line}: {place.kind} {place.number} again, after line {earlier}"
            continue
        seen[place.kind, place.number] = place.line
        head, _, tail = place.number.rpartition(".")
        value = int(tail) if tail.isdigit() else ord(tail) - ord("A") + 1
        before = last.get((place.kind, head))
        if before is None and value > 1:
            yield place.line, f"line {place.line}: {place.kind} {place.number} is the first of its kind there"
        elif before is not None and value != before[0] + 1:
            expected = f"{head}." if head else ""
            following = before[0] + 1 if tail.isdigit() else chr(ord("A") + before[0])
            yield (
                place.line,
                f"line {place.line}: {place.kind} {place.number} where {expected}{following} should follow",
            )
        last[place.kind, head] = (value, place.line)


def _dangling(targets: Sequence[_Place], references: Sequence[_Place]) -> Iterator[tuple[int, str]]:
    known = {(place.kind, place.number) for place in targets}
    kinds = {place.kind for place in targets}
    for place in references:
        if place.kind == "section" and "section" not in kinds:
            continue  # its headings have no numbers, so the reference is to something else
        if (place.kind, place.number) not in known:
            yield place.line, f"line {place.line}: there is no {place.kind} {place.number}"
