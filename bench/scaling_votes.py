"""Replays recorded samples of GSM8K as votes: what one sample, all of them, and an early stop are worth.

A way to answer is replayed for many orders of the samples, in which each of them comes first equally often; a problem
counts with the mean over its orders.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from time import thread_time
from typing import NamedTuple

from agents.methods.direct import Direct
from agents.methods.method import Method
from agents.methods.self_consistency import SelfConsistency
from agents.methods.ways import EXACT_BOUND_ONLY
from agents.records import Effort, Sampling
from agents.sandbox import Sandbox
from agents.voting.tally import STAYS_AHEAD
from bench.record_samples import TEMPERATURE
from bench.recorded_rows import Row as Sample
from bench.recorded_rows import is_right, rows
from bench.scaling_replay import NAMES, by_problem, has, orders, replay
from bench.scaling_rows import Row, interval, percent, points, span

SAMPLES = 8
MODEL = "large"
DRAWN = f"T = {TEMPERATURE}, seeds 1001 to {1000 + SAMPLES}"
SMALL = "small"
SMALL_SAMPLES = 3
"""Drawn of the small model for every problem; of some there are more."""


class Outcome(NamedTuple):
    """What a way to answer reaches on one problem, the mean over the orders."""

    right: float
    samples: float
    tokens: float
    """Read and written."""
    cost: float
    """Tokens times billions of parameters."""


@dataclass(frozen=True)
class Votes:
    """What each way reaches, by problem, in the same order of problems."""

    problems: Sequence[Sequence[Sample]]
    """The recorded samples of each, of both models."""
    others: Sequence[Sequence[Sample]]
    """Of the problems that are recorded in part."""
    small: Sequence[Outcome]
    """One drawn sample of the small model."""
    greedy: Sequence[Outcome]
    fixed: Sequence[Sequence[Outcome]]
    """Votes of 1, 2 and so on, all of them drawn; the first is one sample."""
    adaptive: Sequence[Outcome]
    weighted: Sequence[Outcome]
    """Adaptive, and weighed by confidence."""
    cpu_ms: Sequence[float]
    """Of the thread, a sample, of each adaptive vote: reading, comparing, counting, and the bench's own part."""

    @property
    def direct(self) -> Sequence[Outcome]:
        return self.fixed[0]

    @property
    def full(self) -> Sequence[Outcome]:
        return self.fixed[-1]


async def votes(data: Path, sandbox: Sandbox) -> Votes:
    """Replay all ways on the problems that are recorded as a whole."""
    recorded = by_problem(rows("gsm8k", data)).values()
    problems = [one for one in recorded if has(one, MODEL, SAMPLES) and has(one, SMALL, SMALL_SAMPLES)]
    if not problems:
        raise SystemExit("no problem of GSM8K is recorded as a whole")
    cpu_ms: list[float] = []
    large, small = Direct(MODEL, Effort.NONE), Direct(SMALL, Effort.NONE)
    return Votes(
        problems=problems,
        others=[one for one in recorded if one not in problems],
        small=[await outcome(small, one, sandbox, samples=SMALL_SAMPLES, temperature=TEMPERATURE) for one in problems],
        greedy=[await outcome(large, one, sandbox) for one in problems],
        fixed=[
            [await outcome(large, one, sandbox, temperature=TEMPERATURE) for one in problems],
            *[[await _all_drawn(number, one, sandbox) for one in problems] for number in range(2, SAMPLES + 1)],
        ],
        adaptive=[await outcome(_voting(SAMPLES), one, sandbox, cpu_ms=cpu_ms) for one in problems],
        weighted=[await outcome(_voting(SAMPLES, top_logprobs=5), one, sandbox) for one in problems],
        cpu_ms=cpu_ms,
    )


async def outcome(
    method: Method,
    samples_of: Sequence[Sample],
    sandbox: Sandbox,
    *,
    samples: int = SAMPLES,
    temperature: float | None = None,
    cpu_ms: list[float] | None = None,
) -> Outcome:
    """Replay a method on one problem, in each order of its samples.

    Args:
        samples_of: The recorded samples of the problem.
        samples: Drawn ones to replay.
        temperature: That the asker sets; None: the method's own, and where it has none, the greedy sample.
        cpu_ms: Is given what a sample took.
    """
    task = samples_of[0].asked.model_copy(update={"sampling": Sampling(temperature=temperature)})
    found: list[Outcome] = []
    for order in orders(samples_of[0].problem, samples):
        began = thread_time()
        done = await replay(method, task, samples_of, order=order, sandbox=sandbox)
        if cpu_ms is not None:
            cpu_ms.append(1000 * (thread_time() - began) / done.calls)
        right = is_right(done.answer.choices[0], samples_of[0].reference)
        found.append(Outcome(right, done.calls, done.tokens, done.cost))
    return mean(found)


def mean(outcomes: Sequence[Outcome]) -> Outcome:
    """The mean in every respect."""
    return Outcome(*(fmean(column) for column in zip(*outcomes, strict=True)))


async def _all_drawn(number: int, samples_of: Sequence[Sample], sandbox: Sandbox) -> Outcome:
    """A vote that draws all: stopped by the exact bound, which does not change the winner, and charged for all."""
    one = await outcome(Direct(MODEL, Effort.NONE), samples_of, sandbox, temperature=TEMPERATURE)
    voted = await outcome(_voting(number, threshold=EXACT_BOUND_ONLY), samples_of, sandbox)
    return Outcome(voted.right, number, number * one.tokens, number * one.cost)


def _voting(samples: int, *, threshold: float = STAYS_AHEAD, top_logprobs: int | None = None) -> SelfConsistency:
    return SelfConsistency(MODEL, Effort.NONE, samples=samples, threshold=threshold, top_logprobs=top_logprobs)


def vote_rows(done: Votes) -> list[Row]:
    """The lines of voting and of stopping early."""
    voting = f"`self_consistency` n = {SAMPLES}"
    early = f"adaptive stop against fixed n = {SAMPLES}"
    pairs = list(zip(done.adaptive, done.full, strict=True))
    return [
        gained(f"{voting} over `direct`, one sample", ">= +5 points", done.full, done.direct),
        gained(f"{voting} over `direct`, greedy", "", done.full, done.greedy),
        Row(
            what=f"{early}: samples saved",
            line=">= 40 %",
            measured=f"{percent(_saved(pairs))} ({mean(done.adaptive).samples:.2f} drawn)",
            interval=span(interval(pairs, _saved), percent),
            n=problems_in(done.full),
            model=NAMES[MODEL],
            seeds=DRAWN,
            tokens=f"{mean(done.adaptive).tokens:.0f} against {mean(done.full).tokens:.0f}",
        ),
        gained(f"{early}: accuracy", ">= -0.5 points", done.adaptive, done.full),
        gained(f"{early}, votes weighed by confidence: accuracy", "", done.weighted, done.full),
    ]


def gained(
    what: str,
    line: str,
    more: Sequence[Outcome],
    less: Sequence[Outcome],
    *,
    model: str = NAMES[MODEL],
    seeds: str = DRAWN,
) -> Row:
    """The row that compares the accuracy of two ways on the same problems."""
    gains = [one.right - other.right for one, other in zip(more, less, strict=True)]
    return Row(
        what=what,
        line=line,
        measured=f"{points(fmean(gains))} ({percent(mean(more).right)} against {percent(mean(less).right)})",
        interval=span(interval(gains, fmean), points),
        n=problems_in(more),
        model=model,
        seeds=seeds,
        tokens=f"{mean(more).tokens:.0f} against {mean(less).tokens:.0f}",
    )


def problems_in(outcomes: Sequence[Outcome]) -> str:
    """How many problems are behind a figure."""
    return f"{len(outcomes)} problems"


def _saved(pairs: Sequence[tuple[Outcome, Outcome]]) -> float:
    return 1 - sum(early.samples for early, _ in pairs) / sum(full.samples for _, full in pairs)
