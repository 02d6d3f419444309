"""Measures the checks that need no model: pairs of answers, what comparing them takes, and what looking costs."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

from agents.checks import arithmetic, citations, json_schema, numbering, shape, text
from agents.checks.equivalence import compare
from agents.records import (
    Answer,
    ArithmeticCheck,
    Attachment,
    ChatMessage,
    Choice,
    CitationsCheck,
    FormatCheck,
    JsonSchemaCheck,
    NumberingCheck,
    Task,
    TextCheck,
    Verdict,
)
from agents.sandbox import Sandbox
from bench.recorded_rows import Row as Sample
from bench.scaling_rows import Row

CORPUS = Path(__file__).parent.parent / "tests" / "unit" / "data" / "math_pairs.jsonl"
HOSTILE = (
    "10**10**10",
    "9^{9^{9}}!",
    "(" * 90 + "1" + ")" * 90,
    "\\sqrt{" * 60 + "2" + "}" * 60,
    "(1+x)^{99999999}",
    "x^{y^{z^{w^{v}}}}-1",
)
_ANSWERS = 400
_SOURCE_ANSWERS = 20


async def pair_rows(sandbox: Sandbox) -> list[Row]:
    """The lines of the corpus of pairs, and of what should not be compared for long."""
    rows = [json.loads(line) for line in CORPUS.read_text("utf-8").splitlines()]
    found = await compare([(row["left"], row["right"]) for row in rows], sandbox)
    wrong = [row for row, one in zip(rows, found, strict=True) if one.equal is not None and one.equal != row["equal"]]
    unsure = sum(one.equal is None for one in found)
    took: list[float] = []
    equal = 0
    for hostile in HOSTILE:
        began = time.monotonic()
        (one,) = await compare([(hostile, "x+1")], sandbox)
        took.append(time.monotonic() - began)
        equal += one.equal is True
    return [
        Row(
            what="math equivalence: wrong verdicts",
            line="0 of >= 250",
            measured=f"{len(wrong)}; {unsure} unsure",
            n=f"{len(rows)} pairs, {sum(not row['equal'] for row in rows)} not equal",
            listed=tuple(f"`{row['left']}` and `{row['right']}`" for row in wrong),
        ),
        Row(
            what="math equivalence: longest comparison of hostile input, wall clock",
            line="the time limit holds",
            measured=f"{max(took):.1f} s, the start of the program included; {equal} called equal",
            n=f"{len(HOSTILE)} pairs",
        ),
    ]


def cost_row(samples: Sequence[Sample], voting_ms: Sequence[float]) -> Row:
    """The line of processor time, of all checks that run in this process and of a vote.

    Args:
        samples: Recorded answers to look at.
        voting_ms: Of votes, a sample.
    """
    texts = [sample.text for sample in samples[:_ANSWERS]]
    source = "\n\n".join(texts[:_SOURCE_ANSWERS])
    task = Task(
        messages=(ChatMessage(role="user", content="Go on."),),
        attachments=(Attachment(name="source.txt", text=source),),
    )
    schema = JsonSchemaCheck(schema={"type": "object"})
    looks: Mapping[str, Callable[[Answer], Verdict]] = {
        "arithmetic": lambda answer: arithmetic.check(ArithmeticCheck(), answer, task),
        "format": lambda answer: shape.check(FormatCheck(boxed=True, language="en", max_words=900), answer, task),
        "citations": lambda answer: citations.check(CitationsCheck(), answer, task),
        "numbering": lambda answer: numbering.check(NumberingCheck(), answer, task),
        "text": lambda answer: text.check(TextCheck(reference="42"), answer, task),
        "json_schema": lambda answer: json_schema.check(schema, answer, task),
    }
    answers = [Answer(choices=(Choice(text=one),)) for one in texts]
    took = {name: [_cpu_ms(look, answer) for answer in answers] for name, look in looks.items()}
    together = sorted(map(sum, zip(*took.values(), strict=True)))
    each = ", ".join(f"{name} {median(column):.2f}" for name, column in (*took.items(), ("voting", voting_ms)))
    return Row(
        what="checks and voting, CPU a sample, p50",
        line="<= 5 ms",
        measured=f"{median(together) + median(voting_ms):.1f} ms: {each}",
        interval=f"p95 of the checks {together[int(len(together) * 0.95)]:.1f} ms",
        n=f"{len(texts)} recorded answers, {len(voting_ms)} votes",
        model="none",
    )


def _cpu_ms(look: Callable[[Answer], Verdict], answer: Answer) -> float:
    began = time.thread_time()
    look(answer)
    return (time.thread_time() - began) * 1000
