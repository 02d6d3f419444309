"""Cuts documents into sections that a model can read one at a time, at headings and paragraphs where there are any."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import regex

from agents.records import Attachment

_HEADING = regex.compile(r"[ \t]*(?:#{1,6}[ \t]+\S|(?:\d+\.)*\d+\.?[ \t]+\p{Lu}|(?:Chapter|Section|Part|Article)\b)")
_BREAK = regex.compile(r"\n[ \t]*\n+|(?<=\n)(?=[ \t]*#{1,6}[ \t]+\S)")
_FULL = 0.5
"""From this share of a section on, a heading begins a new one."""
_TITLE_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Section:
    """A part of one document."""

    document: str
    """Name of the document."""
    text: str

    @property
    def title(self) -> str:
        """Its first line with words."""
        first = next((line.strip() for line in self.text.splitlines() if line.strip()), "")
        return first[:_TITLE_CHARACTERS]


def sections(attachments: Sequence[Attachment], characters: int) -> list[Section]:
    """Cut the documents; the sections of one, put together, are its text."""
    return [
        Section(attachment.name, text)
        for attachment in attachments
        for text in _packed(_paragraphs(attachment.text, characters), characters)
        if text.strip()
    ]


def _packed(paragraphs: Iterable[str], characters: int) -> Iterator[str]:
    gathered = ""
    for paragraph in paragraphs:
        full = len(gathered) + len(paragraph) > characters
        next_part = _HEADING.match(paragraph) is not None and len(gathered) > _FULL * characters
        if gathered and (full or next_part):
            yield gathered
            gathered = ""
        gathered += paragraph
    if gathered:
        yield gathered


def _paragraphs(text: str, characters: int) -> Iterator[str]:
    """Paragraphs with the blank lines that end them; one that is too long is cut at a line, a sentence, or anywhere."""
    start = 0
    for found in _BREAK.finditer(text):
        yield from _cut(text[start : found.end()], characters)
        start = found.end()
    yield from _cut(text[start:], characters)


def _cut(paragraph: str, characters: int) -> Iterator[str]:
    rest = paragraph
    while len(rest) > characters:
        end = max(rest.rfind(mark, 0, characters) + len(mark) for mark in ("\n", ". "))
        # rfind gives -1 where the mark is not there: what is left of it then is no place to cut at.
        end = end if end > characters // 2 else characters
        yield rest[:end]
        rest = rest[end:]
    if rest:
        yield rest
