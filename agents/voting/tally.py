"""Counts votes, says who leads, and when the rest of the samples can be spared.

Two rules stop a vote: an exact bound, when nothing that is left can change the winner, and a Bayesian one, when the
leader stays ahead with a probability of 0.95, as in Adaptive-Consistency (Aggarwal et al. 2023, arXiv 2305.11860). What
we changed: the paper asks whether the leader is the majority of all answers that could ever be drawn, by a Beta prior
for it and the second. Asked here is whether any other answer has more votes when the samples that are left have been
drawn, as a trial that may end early asks for its own end (Lee and Liu 2008, Clinical Trials 5:93); the prior is Hoppe's
urn (1984, J. Math. Biol. 20:91), as nobody knows how many different answers there are: the next sample repeats an
answer with a weight of its votes, and is a new one with a weight of 1. Weights of ballots decide only where no answer
has more than half of the votes: a few confident samples do not beat a clear majority.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb
from typing import Literal, NamedTuple

STAYS_AHEAD = 0.95
"""Adaptive-Consistency's threshold."""
HEAVIEST = 1.0
"""No vote weighs more."""
_NEW = 1
"""Weight of an answer that was not seen yet: the second sample repeats the first with a chance of one half."""


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
    """Whether it is certain, or likely enough."""
    probability: float
    """That no other comes to have more votes, at least."""


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
    if _out_of_reach(candidates, left):
        return Stop("bound", 1.0)
    probability = stays_ahead(candidates, left=left)
    ahead = all(candidates[0].votes > one.votes for one in candidates[1:])
    return Stop("beta", probability) if ahead and probability >= threshold else None


def stays_ahead(candidates: Sequence[Candidate], *, left: int) -> float:
    """Probability that the first wins when the rest is drawn, at least: that neither another nor a new one passes it.

    Where ballots differ in weight it has to have more than half of all votes, so that none can pass it by its weight.
    """
    votes, *others = [one.votes for one in candidates]
    against = sum(others)
    if not all(_of_full_weight(one) for one in candidates):
        return 1 - _passes(votes, against + 1, weight=against + _NEW, rest=0, left=left)
    by_new = _passes(votes, 0, weight=_NEW, rest=against, left=left)
    by_others = sum(_passes(votes, one, weight=one, rest=against - one + _NEW, left=left) for one in others)
    return max(1 - by_new - by_others, 0.0)


@lru_cache(maxsize=4096)
def _passes(votes: int, other: int, *, weight: int, rest: int, left: int) -> float:
    """Probability that an answer with so many votes is passed by another when the rest is drawn from the urn.

    Args:
        votes: That it has, and its weight in the urn.
        other: Votes that the other has.
        weight: Of the other in the urn.
        rest: Weight of all else in the urn.
        left: Samples to be drawn.
    """
    ways = 0
    for gained in range(left + 1):
        least = max(votes + gained - other + 1, 0)
        passing = range(least, left - gained + 1)
        ways += _ways(votes, gained) * sum(_ways(weight, more) * _ways(rest, left - gained - more) for more in passing)
    return ways / _ways(votes + weight + rest, left)


def _ways(weight: int, drawn: int) -> int:
    """Rising factorial over factorial: in how many ways an urn's colour of this weight is drawn so often."""
    return comb(weight + drawn - 1, drawn) if weight else int(drawn == 0)


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
    """No ballots to come can make another the winner, be it by majority, by weight or by coming first."""
    leader, *others = candidates
    whole = sum(one.votes for one in candidates) + left
    if 2 * leader.votes > whole:
        return True
    # Whoever has the very first sample wins against any that comes to have as many votes, where no vote is heavier.
    first = leader.samples[0] <= 0 and _of_full_weight(leader)
    rivals = [(one.votes + left, one.weight + left * HEAVIEST) for one in others] + [(left, left * HEAVIEST)]
    return all(
        2 * votes <= whole and (leader.weight > weight or (first and leader.votes >= votes)) for votes, weight in rivals
    )


def _of_full_weight(candidate: Candidate) -> bool:
    return candidate.weight == candidate.votes * HEAVIEST
