"""Replays recorded samples of GSM8K as votes: what one sample, the greedy one, all eight, and an early stop are worth.

python -m bench.scaling_votes --data DIR bench/recorded/gsm8k-large.jsonl

Only problems with all samples recorded count. Intervals are 95 % percentile bootstraps over the problems.
"""

import argparse
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from statistics import fmean
from time import perf_counter
from typing import Any, NamedTuple

from agents.voting.confidence import weight_of
from agents.voting.extract import final_answer
from agents.voting.numbers import number_in
from agents.voting.tally import STAYS_AHEAD, Ballot, count, decided
from bench.record_samples import GSM8K, text_hash

SAMPLES = 8
RESAMPLED = 10_000
SEED = 0
_ORDERS = 20
"""Orders of arrival over which a vote is averaged."""


@dataclass(frozen=True)
class Sample:
    """One recorded answer, read."""

    number: int
    """0 is greedy."""
    form: str | None
    right: bool
    weight: float
    output_tokens: int


@dataclass(frozen=True)
class Problem:
    """A problem with all of its samples."""

    index: str
    greedy: Sample
    drawn: tuple[Sample, ...]


class Result(NamedTuple):
    """What a way to answer reaches on one problem."""

    right: float
    samples: float
    tokens: float


class Summary(NamedTuple):
    """A way to answer over all problems."""

    name: str
    accuracy: float
    low: float
    high: float
    samples: float
    tokens: float


Way = Callable[[Problem], Result]


def load(recorded: Path, data: Path, *, samples: int = SAMPLES) -> list[Problem]:
    """The problems that are recorded as a whole, with their answers read from the data folder."""
    given = {str(one["index"]): one for one in map(json.loads, (data / "gsm8k-300.jsonl").read_text().splitlines())}
    rows: dict[str, dict[int, Any]] = {}
    for row in map(json.loads, recorded.read_text().splitlines()):
        index, kind, number = row["key"]
        if kind == "answer" and row["text_hash"] == text_hash(GSM8K.format(question=given[index]["question"])):
            rows.setdefault(index, {})[number] = row
    return [
        _problem(index, found, number_in(given[index]["answer"].rsplit("####", 1)[1]), samples)
        for index, found in rows.items()
        if set(range(samples + 1)) <= found.keys()
    ]


def one_sample(problem: Problem) -> Result:
    """The mean over the drawn samples, each by itself."""
    return Result(fmean(one.right for one in problem.drawn), 1, fmean(one.output_tokens for one in problem.drawn))


def greedy(problem: Problem) -> Result:
    """The sample at temperature 0."""
    return Result(problem.greedy.right, 1, problem.greedy.output_tokens)


def majority(problem: Problem) -> Result:
    """All drawn samples vote, each with the same weight."""
    return _mean(problem, lambda arriving: _voted(arriving, weighed=False))


def weighted(problem: Problem) -> Result:
    """All drawn samples vote, weighed by the confidence of their weakest passage."""
    return _mean(problem, lambda arriving: _voted(arriving, weighed=True))


def adaptive(problem: Problem, *, threshold: float = STAYS_AHEAD) -> Result:
    """The samples come one by one and stop as the method does."""
    return _mean(problem, lambda arriving: _voted(_until_decided(arriving, threshold), weighed=False))


def exact(problem: Problem) -> Result:
    """As `adaptive`, with the exact bound alone."""
    return adaptive(problem, threshold=2.0)


COMPARED = (("majority of 8", "one sample"), ("majority of 8", "greedy"), ("adaptive, Beta rule", "majority of 8"))
WAYS: Mapping[str, Way] = {
    "one sample": one_sample,
    "greedy": greedy,
    "majority of 8": majority,
    "weighted of 8": weighted,
    "adaptive, exact bound": exact,
    "adaptive, Beta rule": adaptive,
    "adaptive, Beta at 0.9": lambda problem: adaptive(problem, threshold=0.9),
}


def summary(name: str, results: Sequence[Result]) -> Summary:
    """The means, with an interval of the accuracy."""
    low, high = interval([one.right for one in results])
    right, samples, tokens = (fmean(column) for column in zip(*results, strict=True))
    return Summary(name, right, low, high, samples, tokens)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % percentile bootstrap of the mean."""
    draw = random.Random(SEED)
    means = sorted(fmean(draw.choices(values, k=len(values))) for _ in range(RESAMPLED))
    return means[int(RESAMPLED * 0.025)], means[int(RESAMPLED * 0.975)]


def _problem(index: str, rows: Mapping[int, Any], answer: Fraction | None, samples: int) -> Problem:
    read = [_sample(number, rows[number], answer) for number in range(samples + 1)]
    return Problem(index, read[0], tuple(read[1:]))


def _sample(number: int, row: Mapping[str, Any], answer: Fraction | None) -> Sample:
    found = final_answer(row["text"], "math", cut=row["finish_reason"] == "length")
    confidence = [-level for level in row["top_logprobs"]]
    right = found.number is not None and found.number == answer
    return Sample(number, found.form, right, weight_of(confidence), row["output_tokens"])


def _mean(problem: Problem, vote: Callable[[Sequence[Sample]], Result]) -> Result:
    """Over several orders of arrival, the same for each way: the first of equals wins."""
    orders = random.Random(f"{SEED} {problem.index}")
    results = [vote(orders.sample(problem.drawn, len(problem.drawn))) for _ in range(_ORDERS)]
    return Result(*(fmean(column) for column in zip(*results, strict=True)))


def _until_decided(arriving: Sequence[Sample], threshold: float) -> Sequence[Sample]:
    for drawn in range(1, len(arriving)):
        candidates = count([Ballot(place, one.form) for place, one in enumerate(arriving[:drawn])])
        if decided(candidates, left=len(arriving) - drawn, threshold=threshold):
            return arriving[:drawn]
    return arriving


def _voted(samples: Sequence[Sample], *, weighed: bool) -> Result:
    ballots = [Ballot(place, one.form, one.weight if weighed else 1.0) for place, one in enumerate(samples)]
    candidates = count(ballots)
    right = bool(candidates) and samples[candidates[0].samples[0]].right
    return Result(right, len(samples), sum(one.output_tokens for one in samples))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("recorded", type=Path, nargs="+")
    parser.add_argument("--data", type=Path, required=True)
    given = parser.parse_args()
    for recorded in given.recorded:
        began = perf_counter()
        problems = load(recorded, given.data)
        if not problems:
            print(f"{recorded.name}: no problem is recorded as a whole yet")
            continue
        read_ms = 1000 * (perf_counter() - began) / (len(problems) * (SAMPLES + 1))
        print(f"\n{recorded.name}: n={len(problems)} problems, {SAMPLES} samples, T=0.7; {read_ms:.2f} ms to read one")
        by_way = {name: [way(problem) for problem in problems] for name, way in WAYS.items()}
        for name, results in by_way.items():
            one = summary(name, results)
            print(
                f"  {one.name:22} {one.accuracy:6.1%} [{one.low:5.1%}, {one.high:5.1%}]"
                f"  {one.samples:4.2f} samples  {one.tokens:6.0f} tokens"
            )
        for name, base in COMPARED:
            gains = [more.right - less.right for more, less in zip(by_way[name], by_way[base], strict=True)]
            low, high = interval(gains)
            print(f"  {name} over {base}: {100 * fmean(gains):+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}]")


if __name__ == "__main__":
    main()
