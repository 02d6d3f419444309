"""Counts votes, says who leads, and when the rest of the samples can be spared.

Two rules stop a vote: an exact bound, when what is left cannot change the winner whatever it says, and the Beta rule of
Adaptive-Consistency (Aggarwal et al. 2023, arXiv 2305.11860), when the leader stays ahead of the second with a
probability of 0.95. Weights decide only where no answer has more than half of the votes: a few confident samples do not
beat a clear majority.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import Literal, NamedTuple

STAYS_AHEAD = 0.95
"""Adaptive-Consistency's threshold."""
HEAVIEST = 1.0
"""No vote weighs more."""


@dataclass(frozen=True, slots=True)
class Ballot:
    """One sample's vote."""

    sample: int
    form: str | None
    """None: it abstains, as nothing in it could be compared."""
    weight: float = 1.0
    """Above 0, at most `HEAVIEST`."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An answer, and the samples that gave it."""

    form: str
    samples: tuple[int, ...]
    """In order."""
    weight: float

    @property
    def votes(self) -> int:
        return len(self.samples)


class Stop(NamedTuple):
    """Why no more samples are needed."""

    rule: Literal["bound", "beta"]
    probability: float
    """That the leader stays ahead of the second."""


def count(ballots: Sequence[Ballot]) -> tuple[Candidate, ...]:
    """The candidates, the winner first. The order in which the ballots came does not matter."""
    samples: dict[str, list[Ballot]] = {}
    for ballot in sorted(ballots, key=lambda one: one.sample):
        if ballot.form is not None:
            samples.setdefault(ballot.form, []).append(ballot)
    candidates = [
        Candidate(form, tuple(one.sample for one in cast), sum(one.weight for one in cast))
        for form, cast in samples.items()
    ]
    voters = sum(one.votes for one in candidates)
    return tuple(sorted(candidates, key=lambda one: (2 * one.votes <= voters, -one.weight, -one.votes, one.samples)))


def decided(candidates: Sequence[Candidate], *, left: int, threshold: float = STAYS_AHEAD) -> Stop | None:
    """Whether the vote can stop, with at most `left` more ballots to come."""
    if not candidates:
        return None
    leader = candidates[0]
    second = max((one.votes for one in candidates[1:]), default=0)
    probability = stays_ahead(leader.votes, second)
    if _out_of_reach(candidates, left):
        return Stop("bound", probability)
    ahead = leader.votes > second and probability >= threshold
    return Stop("beta", probability) if ahead else None


def stays_ahead(first: int, second: int) -> float:
    """Probability that the first is the majority of the two, by their votes: Beta(first + 1, second + 1) above 1/2."""
    tosses = first + second + 1
    return sum(comb(tosses, heads) for heads in range(first + 1)) / 2**tosses


def share(votes: int, drawn: int) -> float:
    """The chance that a further sample agrees: the mean of the Beta posterior of the share, from a flat prior."""
    return (votes + 1) / (drawn + 2)


def still_needed(candidates: Sequence[Candidate], *, left: int, threshold: float = STAYS_AHEAD) -> int:
    """The fewest further samples that could stop the vote: as many as have to agree with the leader; 0: it is decided.

    To have no more than these in flight keeps the samples few that are cancelled half-way.
    """
    if left <= 0 or decided(candidates, left=left, threshold=threshold):
        return 0
    leader, others = (candidates[0], candidates[1:]) if candidates else (Candidate("", (), 0.0), ())
    for more in range(1, left):
        grown = Candidate(leader.form, (*leader.samples, *[-1] * more), leader.weight + more * HEAVIEST)
        if decided((grown, *others), left=left - more, threshold=threshold):
            return more
    return left


def _out_of_reach(candidates: Sequence[Candidate], left: int) -> bool:
    """No ballots to come can make another the winner, be it by majority or by weight."""
    leader = candidates[0]
    voters = sum(one.votes for one in candidates)
    if 2 * leader.votes > voters + left:
        return True
    rivals = [(one.votes, one.weight) for one in candidates[1:]] + [(0, 0.0)]
    return all(
        leader.weight > weight + left * HEAVIEST and 2 * (votes + left) <= voters + left for votes, weight in rivals
    )
