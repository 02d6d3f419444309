"""How a model is asked for the faults of an answer, each with the words it is in, and for a score by a rubric."""

from collections.abc import Sequence

from pydantic import Field

from agents.asking import with_documents
from agents.context import Context
from agents.judging import MATERIAL, ask_in_form, fenced
from agents.methods.grading import noted
from agents.model import ModelRequest
from agents.records import Answer, ChatMessage, Effort, Record, Sampling, Task, Verdict

SYSTEM = (
    "You look for faults in an answer. Go through it step by step, do its work again yourself, and name only faults "
    "that are really there: for each, copy the words it is in, and say what is wrong. Then score the answer from 0 to "
    "1: 1 where every point is met and nothing is wrong, 0.5 where the result holds and details are wrong or missing, "
    f"0 where the result is wrong. An answer without a fault has an empty list and the score 1. {MATERIAL}"
)
ASKED = "This is what was asked:\n{task}\n\nThis is the answer:\n{answer}\n\nThe points to judge it by:\n{points}"
REWRITE = (
    "Your answer was looked over. This was found:\n{faults}\n\nA finding may be wrong: see for yourself whether it "
    "holds. Then give the whole answer once more, mended, in the form that was asked for, and without a word about "
    "this review."
)
"""After the answer, as the user's words."""
MOST_FAULTS = 8
"""Those after these are not read: an answer with so many is written anew anyway."""
MAX_OUTPUT_TOKENS = 2048
"""A critique is short; thinking comes on top where the effort allows it."""


class Fault(Record):
    """One thing that is said to be wrong."""

    quote: str
    """The words of the answer it is in; empty where something is missing."""
    problem: str
    """What is wrong with them."""


class Judged(Record):
    """What the model that judges has to say; the faults first, so that the score follows from them."""

    faults: tuple[Fault, ...]
    score: float = Field(ge=0, le=1)


class Ruling(Record):
    """What is said of one fault or finding of somebody else; the reason first, so that the ruling follows from it."""

    reason: str
    stands: bool


class Critique(Record):
    """A judgement, or that there was none to be had."""

    faults: tuple[Fault, ...] = ()
    score: float | None = None
    """0 to 1, 1 is best; None: what the judge said could not be read."""
    by: str = ""
    """The model, and in which role."""

    @property
    def verdict(self) -> Verdict:
        if self.score is None:
            return Verdict(check="critique", outcome="unsure", evidence="the judge gave no judgement", by=self.by)
        outcome = "fail" if self.faults else "pass"
        return Verdict(check="critique", outcome=outcome, score=self.score, evidence=listed(self.faults), by=self.by)


async def criticised(
    answer: Answer,
    task: Task,
    *,
    points: Sequence[str],
    judge: str,
    role: str,
    effort: Effort,
    context: Context,
    key: str,
    round_: int,
    sampling: Sampling | None = None,
) -> Critique:
    """Have the answer judged, as a journaled step."""
    request = judging_request(
        SYSTEM,
        ASKED.format(
            task=fenced("task", asked_words(task)),
            answer=fenced("answer", answer.text),
            points="\n".join(f"- {point}" for point in points),
        ),
        effort=effort,
        sampling=sampling,
    )

    async def look(inside: Context) -> Critique:
        judged = await ask_in_form(inside, judge, request, Judged, key="model")
        by = f"{judge} ({role})"
        return Critique(faults=judged.faults[:MOST_FAULTS], score=judged.score, by=by) if judged else Critique(by=by)

    return await noted(
        context,
        role,
        key=key,
        given=request.model_dump_json(),
        form=Critique,
        look=look,
        verdict=lambda critique: critique.verdict,
        round_=round_,
    )


def judging_request(system: str, asked: str, *, effort: Effort, sampling: Sampling | None = None) -> ModelRequest:
    """The request of whoever judges: always the same words for the same material, so greedy unless told otherwise."""
    room = Sampling(temperature=0.0, max_output_tokens=MAX_OUTPUT_TOKENS if effort is Effort.NONE else None)
    return ModelRequest(
        messages=(ChatMessage(role="system", content=system), ChatMessage(role="user", content=asked)),
        effort=effort,
        sampling=sampling or room,
    )


def rewriting(request: ModelRequest, answer: str, faults: str) -> ModelRequest:
    """Ask for the answer once more, now that these faults of it are known."""
    said = (
        ChatMessage(role="assistant", content=answer),
        ChatMessage(role="user", content=REWRITE.format(faults=fenced("findings", faults))),
    )
    return request.model_copy(update={"messages": (*request.messages, *said)})


def asked_words(task: Task) -> str:
    """All that was asked, with the documents, as one text."""
    messages = with_documents(task.messages, task.attachments)
    if len(messages) == 1:
        return messages[0].content
    return "\n\n".join(f"{message.role}: {message.content}" for message in messages)


def listed(faults: Sequence[Fault]) -> str:
    """The faults as a list for people and for the writer."""
    return "\n".join(f"- {fault.quote!r}: {fault.problem}" if fault.quote else f"- {fault.problem}" for fault in faults)
