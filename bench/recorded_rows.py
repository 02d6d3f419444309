"""Reads recorded samples together with the problems they answer, whose texts are not in the repository."""

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from agents.records import Answer, ChatMessage, Choice, Json, MathCheck, Task, Usage
from agents.voting.extract import final_answer
from agents.voting.numbers import number_in
from bench.record_samples import SETS, text_hash

RECORDED = Path(__file__).parent / "recorded"
_EVERY = 10_000
"""More problems than a set has."""


@dataclass(frozen=True)
class Problem:
    """A problem of a set."""

    id: str
    reference: str
    """The right number of a word problem; the held tests of a function."""
    canonical: str = ""
    """Of a function: a program that is right."""


@dataclass(frozen=True)
class Row:
    """One recorded answer to one problem."""

    problem: str
    kind: str
    """`answer`, or `tests` for tests that the model wrote."""
    model: str
    sample: int
    """0 is greedy, 1 and up are drawn."""
    prompt: str
    reference: str
    text: str
    cut: bool
    input_tokens: int
    output_tokens: int
    logprobs: tuple[float, ...]
    likeliest: tuple[float, ...]
    """By token, the mean log-probability of the likeliest ones at its place."""

    @property
    def asked(self) -> Task:
        """As it was asked."""
        return Task(messages=(ChatMessage(role="user", content=self.prompt),))

    @property
    def task(self) -> Task:
        """A word problem as it was asked, with the check that knows the answer."""
        return self.asked.model_copy(update={"checks": (MathCheck(reference=self.reference),)})

    @property
    def choice(self) -> Choice:
        return Choice(text=self.text, finish_reason="length" if self.cut else "stop")

    @property
    def answer(self) -> Answer:
        return Answer(choices=(self.choice,), model=self.model)

    @property
    def usage(self) -> Usage:
        return Usage(input_tokens=self.input_tokens, output_tokens=self.output_tokens, model_calls=1)

    @property
    def logprobs_as_given(self) -> Json:
        """In OpenAI's shape; the likeliest tokens of a place as one that has their mean."""
        pairs = zip(self.logprobs, self.likeliest, strict=True)
        return {"content": [{"logprob": one, "top_logprobs": [{"logprob": mean}]} for one, mean in pairs]}


def is_right(answer: Choice, reference: str) -> bool:
    """Whether an answer to a word problem comes to the number."""
    found = final_answer(answer.text, "math", cut=answer.finish_reason == "length")
    return found.number is not None and found.number == number_in(reference)


def gsm8k(data: Path) -> Iterator[Problem]:
    """Word problems and their numbers."""
    for one in map(json.loads, (data / "gsm8k-300.jsonl").read_text("utf-8").splitlines()):
        yield Problem(str(one["index"]), one["answer"].rsplit("####", 1)[1].strip())


def humaneval(data: Path) -> Iterator[Problem]:
    """Functions to write, with the held tests."""
    with gzip.open(data / "HumanEval.jsonl.gz", "rt", encoding="utf-8") as file:
        for one in map(json.loads, file):
            tests = f"{one['test']}\n\ncheck({one['entry_point']})"
            yield Problem(one["task_id"], tests, one["prompt"] + one["canonical_solution"])


PROBLEMS = {"gsm8k": gsm8k, "humaneval": humaneval}


def rows(name: str, data: Path, recorded: Iterable[Path] | None = None) -> Iterator[Row]:
    """The recorded answers to the problems of a set, each with its prompt, which has to be the same word for word."""
    references = {problem.id: problem.reference for problem in PROBLEMS[name](data)}
    wanted = SETS[name](data, problems=_EVERY, samples=0)
    prompts = {(one.problem, one.kind): one.prompt for one in wanted}
    for path in recorded_of(name) if recorded is None else recorded:
        for row in map(json.loads, path.read_text("utf-8").splitlines()):
            problem, kind, sample = row["key"]
            prompt = prompts.get((problem, kind))
            if prompt is None:
                continue
            if row["text_hash"] != text_hash(prompt):
                raise SystemExit(f"problem {problem} of {path.name} is another one in {data}")
            yield Row(
                problem=problem,
                kind=kind,
                model=row["model"],
                sample=sample,
                prompt=prompt,
                reference=references[problem],
                text=row["text"],
                cut=row["finish_reason"] == "length",
                input_tokens=row["input_tokens"],
                output_tokens=row["output_tokens"],
                logprobs=tuple(row["logprobs"]),
                likeliest=tuple(row["top_logprobs"]),
            )


def recorded_of(name: str) -> list[Path]:
    """The files of a set, of all models."""
    return sorted(RECORDED.glob(f"{name}-*.jsonl"))
