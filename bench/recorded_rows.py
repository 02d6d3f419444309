"""Reads recorded samples of GSM8K together with the problems they answer, whose texts are not in the repository."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from agents.records import Answer, ChatMessage, Choice, MathCheck, Task
from bench.record_samples import GSM8K, text_hash

RECORDED = Path(__file__).parent / "recorded"


@dataclass(frozen=True)
class Row:
    """One recorded answer to one problem."""

    problem: str
    model: str
    sample: int
    """0 is greedy, 1 and up are drawn."""
    question: str
    reference: str
    text: str
    cut: bool
    logprobs: tuple[float, ...]

    @property
    def task(self) -> Task:
        """As it was asked, with the check that knows the answer."""
        asked = ChatMessage(role="user", content=GSM8K.format(question=self.question))
        return Task(messages=(asked,), checks=(MathCheck(reference=self.reference),))

    @property
    def choice(self) -> Choice:
        return Choice(text=self.text, finish_reason="length" if self.cut else "stop")

    @property
    def answer(self) -> Answer:
        return Answer(choices=(self.choice,), model=self.model)


def rows(data: Path, recorded: Iterable[Path]) -> Iterator[Row]:
    """The recorded answers whose problem is in the data folder, word for word."""
    lines = (data / "gsm8k-300.jsonl").read_text().splitlines()
    problems = {str(one["index"]): one for one in map(json.loads, lines)}
    for path in recorded:
        for row in map(json.loads, path.read_text().splitlines()):
            index, kind, sample = row["key"]
            problem = problems.get(index)
            if problem is None or kind != "answer":
                continue
            if row["text_hash"] != text_hash(GSM8K.format(question=problem["question"])):
                raise SystemExit(f"problem {index} of {path.name} is another one in {data}")
            yield Row(
                problem=index,
                model=row["model"],
                sample=sample,
                question=problem["question"],
                reference=problem["answer"].rsplit("####", 1)[1].strip(),
                text=row["text"],
                cut=row["finish_reason"] == "length",
                logprobs=tuple(row["logprobs"]),
            )


def everything_recorded() -> list[Path]:
    """The files of GSM8K, of all models."""
    return sorted(RECORDED.glob("gsm8k-*.jsonl"))
