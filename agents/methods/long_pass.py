"""The long quality pass, for effort `max`: minutes of work in the background, on long documents and on hard problems.

A long document is read in sections. What can be checked without a model is checked first; each section is read for what
matters to the request, each finding has to quote words that are there and is looked at a second time, and the answer is
written from the findings alone. A hard problem is answered several times; the best of these is verified, then refined.
Each part is a journaled step whose name says how far the work is; what is done when the time or the budget is over is
given, marked as truncated.
"""

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from agents.asking import answer_from, request_for
from agents.context import Context, Reservation, call_model
from agents.errors import BudgetExceeded
from agents.judging import MATERIAL, ask_in_form, fenced
from agents.methods.critique import Ruling, judging_request
from agents.methods.deadline import until
from agents.methods.grading import graded, noted
from agents.methods.long_price import CHARACTERS_PER_TOKEN, SECTION_TOKENS, is_long
from agents.methods.method import Method
from agents.methods.sections import Section, sections
from agents.records import (
    Answer,
    ChatMessage,
    Choice,
    CitationsCheck,
    Effort,
    NumberingCheck,
    Record,
    Task,
    Verdict,
)

READ_SYSTEM = (
    "You read one section of a longer document for somebody with a request. Note what in this section matters for the "
    "request: for each note, copy the exact words it is about, then say in a sentence or two what matters about them. "
    f"A section in which nothing matters has no notes. {MATERIAL}"
)
READ_ASKED = (
    "The request:\n{request}\n\nThe sections of the documents:\n{outline}\n\nThis is section {number}:\n{section}"
)
LOOK_SYSTEM = (
    "Somebody noted something about a section of a document, for a request. Find out whether the note is right about "
    "the words it quotes, in their context, and whether it matters for the request. Give the reason in a sentence, "
    f"then whether the note stands. {MATERIAL}"
)
LOOK_ASKED = "The request:\n{request}\n\nThe section:\n{section}\n\nThe note:\n{note}"
REPORT = (
    "The documents were read in {sections} sections, {read} of them to the end. These are the findings, in the order "
    "of the documents:\n{findings}\n\nDo what was asked, from these findings alone. Where you quote, quote exactly. "
    "Say so where they do not suffice."
)
MISQUOTED = (
    "These quotes are not in the documents:\n{evidence}\n\nGive the whole answer once more with exact quotes only."
)
READING_SHARE = 0.75
"""Of the time, for reading and looking: the rest is kept for writing the answer."""
OUTLINE_CHARACTERS = 2000
FINDINGS_CHARACTERS = 12_000
"""Of what the answer is written from: what goes beyond is counted, and said to be left out."""

Second = Callable[[Method], Method]
"""Given how a first answer comes about, the method that works on it."""


@dataclass(frozen=True)
class LongPass:
    """The recipe; its parts for hard problems are handed in."""

    model: str
    effort: Effort
    sampler: Method
    """Draws several answers and gives the best."""
    verifier: Second
    refiner: Second
    second: str | None = None
    """Catalog id of the model that looks at findings a second time; None: the best judge that is not `model`."""
    seconds: float | None = None
    """From its beginning to its end; None: as long as it takes."""
    section_tokens: int = SECTION_TOKENS

    async def answer(self, task: Task, context: Context) -> Answer:
        quiet = context.silent()
        began = await _began(quiet)
        long = is_long(task, section_tokens=self.section_tokens)
        answer = await (self._document(task, quiet, began) if long else self._problem(task, quiet, began))
        if context.on_text:
            await context.on_text(answer.text)
        return answer

    def _ends_at(self, began: datetime, share: float = 1.0) -> datetime | None:
        return None if self.seconds is None else began + timedelta(seconds=self.seconds * share)

    async def _problem(self, task: Task, context: Context, began: datetime) -> Answer:
        timed = until(context, self._ends_at(began))
        best = await _stage(self.sampler, "stage 1 of 3: samples", 1, task, timed)
        try:
            best = await _stage(self.verifier(_Given(best)), "stage 2 of 3: verification", 2, task, timed)
            best = await _stage(self.refiner(_Given(best)), "stage 3 of 3: refinement", 3, task, timed)
        except BudgetExceeded:
            return best.model_copy(update={"truncated": True})
        return best

    async def _document(self, task: Task, context: Context, began: datetime) -> Answer:
        reading = _Reading(self, task, context)
        limit: BudgetExceeded | None = None
        try:
            await reading.read(until(context, self._ends_at(began, READING_SHARE)))
        except BudgetExceeded as error:
            limit = error
        if limit and not reading.knows_anything:
            raise limit
        try:
            answer = await reading.report(until(context, self._ends_at(began)))
        except BudgetExceeded as error:
            limit = error
            answer = reading.written or reading.listing()
        return answer.model_copy(update={"truncated": True}) if limit else answer


@dataclass(frozen=True)
class _Given:
    """The method that gives an answer that is there already."""

    given: Answer

    async def answer(self, task: Task, context: Context) -> Answer:
        return self.given


class Note(Record):
    """Something in a section that matters for the request."""

    quote: str
    """The exact words it is about."""
    note: str


class Notes(Record):
    """What one section gave."""

    notes: tuple[Note, ...]


class _Read(Record):
    """A section that was read, with the notes whose words are in it."""

    notes: tuple[Note, ...] = ()
    misquoted: int = 0
    understood: bool = True
    """False: what the model said of the section could not be read."""

    @property
    def verdict(self) -> Verdict:
        outcome = "pass" if self.understood else "unsure"
        evidence = f"{len(self.notes)} notes, {self.misquoted} left out whose words are not there"
        return Verdict(check="section", outcome=outcome, evidence=evidence)


class _Looked(Record):
    """What a second look at a note came to."""

    stands: bool | None = None
    """None: what was said could not be read."""
    reason: str = ""
    by: str = ""

    @property
    def verdict(self) -> Verdict:
        outcome = "unsure" if self.stands is None else "pass" if self.stands else "fail"
        return Verdict(check="finding", outcome=outcome, evidence=self.reason, by=self.by)


@dataclass(frozen=True, slots=True)
class _Finding:
    section: Section
    note: Note
    looked: _Looked | None = None


class _Reading:
    """The long documents of one task, and what is known of them so far."""

    def __init__(self, options: LongPass, task: Task, context: Context) -> None:
        self._options = options
        self._task = task
        self._words = "\n\n".join(message.content for message in task.messages)
        self._sections = sections(task.attachments, int(options.section_tokens * CHARACTERS_PER_TOKEN))
        besides = (judge for judge in context.judges if judge != options.model)
        self._second = options.second or next(besides, options.model)
        self._findings: list[_Finding] = []
        self._read = 0
        self._faults: list[str] = []
        """What was found without a model."""
        self.written: Answer | None = None
        """The answer that was written from the findings, before its quotes were looked up."""

    @property
    def knows_anything(self) -> bool:
        return self._read > 0 or bool(self._faults)

    async def read(self, context: Context) -> None:
        """Check what needs no model, read each section, then look at each finding a second time."""
        numbering = (NumberingCheck(of="attachments"),)
        grade = await graded(_empty(), self._task, numbering, context, key="document", round_=0)
        self._faults = list(grade.faults)
        for number, section in enumerate(self._sections, 1):
            await self._section(section, number, context)
        for place, finding in enumerate(self._findings):
            looked = await self._look(finding, place + 1, context)
            self._findings[place] = _Finding(finding.section, finding.note, looked)

    async def report(self, context: Context) -> Answer:
        """Write the answer; where it quotes what is not there, once more."""
        request = request_for(self._task.model_copy(update={"attachments": ()}), self._options.effort)
        request = request.model_copy(update={"messages": _told(request.messages, self._material())})
        written = self.written = answer_from(await call_model(context, self._options.model, request, key="report"))
        quotes = (CitationsCheck(min_quotes=0),)
        grade = await graded(written, self._task, quotes, context, key="report", round_=1)
        if not grade.failed:
            return written
        again = (
            ChatMessage(role="assistant", content=written.text),
            ChatMessage(role="user", content=MISQUOTED.format(evidence=grade.verdicts[0].evidence)),
        )
        request = request.model_copy(update={"messages": (*request.messages, *again)})
        mended = answer_from(await call_model(context, self._options.model, request, key="report.again"))
        better = await graded(mended, self._task, quotes, context, key="report.again", round_=2)
        return mended if better.score > grade.score and better.whole >= grade.whole else written

    def listing(self) -> Answer:
        """What is known so far, as the answer, without a model."""
        so_far = f"Read so far: {self._read} of {len(self._sections)} sections."
        text = "\n".join([so_far, "", *self._listed()])
        return Answer(choices=(Choice(text=text),), model=self._options.model, effort=self._options.effort)

    async def _section(self, section: Section, number: int, context: Context) -> None:
        count = len(self._sections)
        outline = "\n".join(f"{place}. {one.document}: {one.title}" for place, one in enumerate(self._sections, 1))
        request = judging_request(
            READ_SYSTEM,
            READ_ASKED.format(
                request=fenced("request", self._words),
                outline=fenced("outline", outline[:OUTLINE_CHARACTERS]),
                number=f"{number} of {count}",
                section=fenced("section", section.text),
            ),
            effort=self._options.effort,
        )

        async def look(inside: Context) -> _Read:
            notes = await ask_in_form(inside, self._options.model, request, Notes, key="model")
            if notes is None:
                return _Read(understood=False)
            there = tuple(
                note for note in notes.notes if _plain(note.quote) and _plain(note.quote) in _plain(section.text)
            )
            return _Read(notes=there, misquoted=len(notes.notes) - len(there))

        read = await noted(
            context,
            f"section {number} of {count}",
            key=f"section.{number}",
            given=request.model_dump_json(),
            form=_Read,
            look=look,
            verdict=lambda found: found.verdict,
            round_=number,
        )
        self._read += read.understood
        self._merge(section, read.notes)

    def _merge(self, section: Section, notes: Sequence[Note]) -> None:
        """Take in what is new: notes on the same words are one finding, and words that were noted before are known."""
        known = {_plain(finding.note.quote) for finding in self._findings}
        by_words: dict[str, list[Note]] = {}
        for note in notes:
            by_words.setdefault(_plain(note.quote), []).append(note)
        for words, same in by_words.items():
            if words not in known:
                said = "; ".join(dict.fromkeys(note.note for note in same))
                self._findings.append(_Finding(section, Note(quote=same[0].quote, note=said)))

    async def _look(self, finding: _Finding, number: int, context: Context) -> _Looked:
        request = judging_request(
            LOOK_SYSTEM,
            LOOK_ASKED.format(
                request=fenced("request", self._words),
                section=fenced("section", finding.section.text),
                note=fenced("note", f"{finding.note.quote!r}: {finding.note.note}"),
            ),
            effort=self._options.effort,
        )

        async def look(inside: Context) -> _Looked:
            ruling = await ask_in_form(inside, self._second, request, Ruling, key="model")
            by = f"{self._second} (second look)"
            return _Looked(stands=ruling.stands, reason=ruling.reason, by=by) if ruling else _Looked(by=by)

        return await noted(
            context,
            f"finding {number} of {len(self._findings)}",
            key=f"finding.{number}",
            given=request.model_dump_json(),
            form=_Looked,
            look=look,
            verdict=lambda found: found.verdict,
            round_=number,
        )

    def _material(self) -> str:
        """The findings for whoever writes; those that do not fit any more are counted."""
        lines = self._listed()
        sizes = itertools.accumulate(len(line) + 1 for line in lines)
        fitting = sum(size <= FINDINGS_CHARACTERS for size in sizes)
        left_out = [f"({len(lines) - fitting} more findings did not fit.)"] if fitting < len(lines) else []
        findings = "\n".join([*lines[:fitting], *left_out]) or "none"
        return REPORT.format(sections=len(self._sections), read=self._read, findings=fenced("findings", findings))

    def _listed(self) -> list[str]:
        """The findings that were not refuted, each on a line."""
        kept = [one for one in self._findings if not (one.looked and one.looked.stands is False)]
        return [f"- {fault}" for fault in self._faults] + [_line(finding) for finding in kept]


def _line(finding: _Finding) -> str:
    unsure = "" if finding.looked and finding.looked.stands else " (not confirmed)"
    quote = json.dumps(finding.note.quote, ensure_ascii=False)
    return f"- {finding.section.document}: {quote}: {finding.note.note}{unsure}"


def _told(messages: Sequence[ChatMessage], material: str) -> tuple[ChatMessage, ...]:
    """Put the material behind the words of the last message: some servers refuse two messages of one role in a row."""
    last = messages[-1]
    if last.role != "user":
        return (*messages, ChatMessage(role="user", content=material))
    return (*messages[:-1], last.model_copy(update={"content": f"{last.content}\n\n{material}"}))


def _plain(text: str) -> str:
    """The words alone, so that a quote is found whatever breaks its lines."""
    return " ".join(text.casefold().split())


def _empty() -> Answer:
    """For a check that looks at the documents only."""
    return Answer(choices=(Choice(text=""),))


async def _began(context: Context) -> datetime:
    """When the work was begun the first time: it does not get its time anew when it is taken up again."""
    step = await context.journal.open(context.step("check", "long pass", key="began"), reserve=Reservation())
    if step.status == "running":
        done = {
            "status": "ok",
            "ended_at": context.clock(),
            "attributes": {"verdict": "pass", "round": 0},
            "output": "{}",
        }
        await context.journal.close(step.model_copy(update=done))
    return step.started_at


async def _stage(method: Method, name: str, number: int, task: Task, context: Context) -> Answer:
    """Do one stage as a step of its own, whose steps are inside of it."""

    async def look(inside: Context) -> Answer:
        return await method.answer(task, inside)

    return await noted(
        context,
        name,
        key=f"stage.{number}",
        given=task.model_dump_json(),
        form=Answer,
        look=look,
        verdict=_done,
        round_=number,
    )


def _done(answer: Answer) -> Verdict:
    """That the stage was done, with its answer's confidence: the verdicts on the answer stand inside of it."""
    outcome = "unsure" if answer.truncated else "pass"
    return Verdict(check="stage", outcome=outcome, score=answer.confidence, evidence="", by="")
