"""Draws several answers and gives the one that most of them come to, stopping as soon as the rest cannot matter.

Self-consistency (Wang et al. 2022, arXiv 2203.11171) with the stop rule of Adaptive-Consistency (arXiv 2305.11860), an
exact bound beside it, and votes that may weigh by DeepConf's confidence (arXiv 2508.15260). What was changed: never
more samples are in flight than could decide the vote, so that few are cancelled half-way; equality is exact or
computed, not that of strings; free texts elect their medoid.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from agents.context import Context
from agents.methods.ballot import TEMPERATURE, attributes, candidate, reader_of, samples_worth, sampling_request, voted
from agents.methods.sampling import Drawn, Sample, draw
from agents.records import Answer, Choice, Effort, Json, Task
from agents.voting.medoid import ALIKE, similarities
from agents.voting.reading import Reader
from agents.voting.tally import STAYS_AHEAD, Ballot, Candidate, Stop, count, decided, share, still_needed


@dataclass(frozen=True)
class SelfConsistency:
    """At most `samples` answers, in as many calls, or fewer where the server shares the prompt between them."""

    model: str
    effort: Effort
    samples: int = 8
    temperature: float = TEMPERATURE
    """Of the samples, unless the asker has set one."""
    parallel: int = 8
    """Samples in the making at once, at most."""
    spare: int = 0
    """Samples in the making besides those that could decide: less waiting for a slow one, more that is thrown away."""
    shared_prefix: bool = False
    """The server reads the prompt once for all choices of a request: they are asked for together."""
    top_logprobs: int | None = None
    """Votes weigh by the confidence in this many of the likeliest tokens at each place; None: all weigh the same."""
    threshold: float = STAYS_AHEAD
    """Probability of staying ahead at which the drawing stops; above 1 only the exact bound stops it."""

    async def answer(self, task: Task, context: Context) -> Answer:
        most = samples_worth(task, self.samples)
        request = sampling_request(
            task, self.effort, "self_consistency", temperature=self.temperature, top_logprobs=self.top_logprobs
        )
        quiet = context.silent()
        reader = reader_of(task, context.sandbox)

        async def needed(samples: Sequence[Sample]) -> int:
            left = most - len(samples)
            candidates = count(await self._ballots(reader, samples))
            return still_needed(candidates, left=left, threshold=self.threshold)

        async def vote() -> tuple[Answer, Json]:
            drawn = await draw(
                quiet,
                self.model,
                request,
                needed,
                most=most,
                parallel=self.parallel,
                batched=self.shared_prefix,
                spare=self.spare,
            )
            return await self._elect(reader, drawn, most)

        options = f"{self.model} {self.effort} samples={most} threshold={self.threshold}"
        return await voted(task, context, request, vote, name="self_consistency", options=options)

    async def _ballots(self, reader: Reader, samples: Sequence[Sample]) -> list[Ballot]:
        choices = {sample.number: sample.choice for sample in samples}
        return await reader.ballots(choices, weighed=self.top_logprobs is not None)

    async def _elect(self, reader: Reader, drawn: Drawn, most: int) -> tuple[Answer, Json]:
        ballots = await self._ballots(reader, drawn.samples)
        candidates = count(ballots)
        if not candidates:
            return _most_central(drawn, most)
        left = most - len(drawn.samples)
        stop = decided(candidates, left=left, threshold=self.threshold) if left else None
        weights = {ballot.sample: ballot.weight for ballot in ballots}
        by_number = {sample.number: sample for sample in drawn.samples}
        best = max(candidates[0].samples, key=lambda one: (_whole(by_number[one].choice), weights[one], -one))
        answer = by_number[best].answer(
            confidence=share(candidates[0].votes, len(drawn.samples)) if most > 1 else None,
            truncated=drawn.limit is not None and stop is None,
        )
        shown = [_shown(one, reader.shown(one.samples[0]), by_number) for one in candidates]
        return answer, attributes(shown, drawn, most, _stopped(stop, drawn, most))


def _most_central(drawn: Drawn, most: int) -> tuple[Answer, Json]:
    """Free texts: the one that is most like the others, with the votes of those that are much like it."""
    table = similarities([sample.choice.text for sample in drawn.samples])
    best = max(range(len(table)), key=lambda place: (sum(table[place]), -place))
    alike = [place for place, likeness in enumerate(table[best]) if likeness >= ALIKE]
    groups = [alike, *([place] for place in range(len(table)) if place not in alike)]
    shown = [
        candidate(
            drawn.samples[best if best in group else group[0]].choice.text,
            [drawn.samples[place] for place in group],
            votes=len(group),
            weight=round(sum(table[best][place] for place in group), 3),
        )
        for group in groups
    ]
    answer = drawn.samples[best].answer(truncated=drawn.limit is not None)
    return answer, attributes(shown, drawn, most, f"{_stopped(None, drawn, most)}; free text: the most central one")


def _shown(one: Candidate, text: str, samples: dict[int, Sample]) -> Json:
    voters = [samples[number] for number in one.samples]
    return candidate(text, voters, votes=one.votes, weight=round(one.weight, 3))


def _stopped(stop: Stop | None, drawn: Drawn, most: int) -> str:
    """Why the drawing ended, after how many of how many."""
    after = f"after {len(drawn.samples)} of {most}"
    match stop:
        case Stop(rule="bound"):
            return f"bound: the rest cannot change the winner, {after}"
        case Stop(rule="beta", probability=probability):
            return f"beta: the leader stays ahead with probability {probability:.3f}, {after}"
        case _ if drawn.limit is not None:
            return f"budget: {drawn.limit.limit} is reached, {after}"
        case _:
            return f"all: {after}" + (f", {drawn.failed} failed" if drawn.failed else "")


def _whole(choice: Choice) -> bool:
    return choice.finish_reason == "stop"
