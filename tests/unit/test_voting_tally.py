"""Counting votes: who wins, when the rest can be spared, and that neither depends on the order of arrival."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.voting.confidence import LEAST_WEIGHT, lowest_group, weight
from agents.voting.tally import Ballot, count, decided, share, stays_ahead, still_needed

FORMS = st.sampled_from(["a", "b", "c", None])
WEIGHTS = st.one_of(st.just(1.0), st.floats(LEAST_WEIGHT, 1.0))
VOTES = st.lists(st.tuples(FORMS, WEIGHTS), min_size=1, max_size=12)


def ballots(votes: list[tuple[str | None, float]]) -> list[Ballot]:
    return [Ballot(number, form, weight) for number, (form, weight) in enumerate(votes)]


def cast(forms: str) -> list[Ballot]:
    """Ballots of full weight; `-` abstains."""
    return ballots([(None if form == "-" else form, 1.0) for form in forms])


@given(VOTES, st.randoms())
def test_the_order_of_arrival_does_not_change_the_count(votes: list[tuple[str | None, float]], random: object) -> None:
    given_order = ballots(votes)
    shuffled = list(given_order)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert count(shuffled) == count(given_order)


@given(VOTES, st.integers(1, 12))
def test_the_exact_bound_stops_only_where_the_full_vote_has_the_same_winner(
    votes: list[tuple[str | None, float]], drawn: int
) -> None:
    every = ballots(votes)
    so_far = count(every[:drawn])
    stop = decided(so_far, left=max(len(every) - drawn, 0), threshold=2.0)
    if stop is not None:
        assert stop.rule == "bound"
        assert count(every)[0].form == so_far[0].form


@given(VOTES)
def test_an_answer_with_more_than_half_of_the_votes_wins_whatever_the_weights(
    votes: list[tuple[str | None, float]],
) -> None:
    candidates = count(ballots(votes))
    voters = sum(one.votes for one in candidates)
    majority = [one for one in candidates if 2 * one.votes > voters]
    if majority:
        assert candidates[0] == majority[0]


def test_weights_decide_where_nobody_has_a_majority() -> None:
    votes = ballots([("a", 0.5), ("a", 0.5), ("b", 1.0), ("b", 1.0)])
    assert [one.form for one in count(votes)] == ["b", "a"]


def test_the_first_of_equals_wins() -> None:
    assert [one.form for one in count(cast("-baab"))] == ["b", "a"]


def test_those_who_abstain_have_no_vote() -> None:
    assert count(cast("---")) == ()
    assert count(cast("a--"))[0].votes == 1


@pytest.mark.parametrize(
    ("forms", "rule"),
    [("aaa", None), ("aaaa", "beta"), ("aaab", None), ("aaaaab", None), ("aaaaaab", "beta"), ("", None), ("--", None)],
)
def test_the_beta_rule_stops_when_the_leader_stays_ahead_with_95_percent(forms: str, rule: str | None) -> None:
    stop = decided(count(cast(forms)), left=20)
    assert (stop.rule if stop else None) == rule


def test_the_exact_bound_needs_no_probability() -> None:
    stop = decided(count(cast("aab")), left=0, threshold=2.0)
    assert stop is not None
    assert stop.rule == "bound"
    assert decided(count(cast("aab")), left=1, threshold=2.0) is None


@pytest.mark.parametrize(
    ("first", "second", "probability"), [(0, 0, 0.5), (4, 0, 31 / 32), (3, 1, 0.8125), (2, 2, 0.5)]
)
def test_staying_ahead_is_the_beta_posterior_above_one_half(first: int, second: int, probability: float) -> None:
    assert stays_ahead(first, second) == pytest.approx(probability)


def test_no_more_samples_are_in_flight_than_could_decide() -> None:
    assert still_needed((), left=8) == 4
    assert still_needed(count(cast("aaa")), left=5) == 1
    assert still_needed(count(cast("aaab")), left=4) == 2
    assert still_needed(count(cast("aaaa")), left=4) == 0
    assert still_needed(count(cast("abab")), left=2) == 2
    assert still_needed((), left=1) == 1


@given(VOTES, st.integers(0, 12))
def test_fewer_samples_than_are_needed_never_decide(votes: list[tuple[str | None, float]], left: int) -> None:
    candidates = count(ballots(votes))
    needed = still_needed(candidates, left=left)
    assert 0 <= needed <= left
    if needed > 1 and candidates:
        form = candidates[0].form
        more = [Ballot(100 + number, form) for number in range(needed - 1)]
        assert decided(count([*ballots(votes), *more]), left=left - needed + 1) is None


def test_the_share_is_a_probability_that_grows_with_agreement() -> None:
    assert share(4, 4) == pytest.approx(5 / 6)
    assert share(8, 8) > share(4, 4) > share(4, 8) > share(1, 8)


def test_the_weight_follows_the_least_confident_passage() -> None:
    def logprobs(*levels: float) -> dict[str, object]:
        return {"content": [{"logprob": -0.1, "top_logprobs": [{"logprob": -level}]} for level in levels]}

    assert lowest_group([9.0, 1.0, 9.0], window=1) == 1.0
    sure, wavering = logprobs(*[9.0] * 300), logprobs(*[9.0] * 150, *[2.0] * 150)
    assert 1 >= weight(sure) > weight(wavering) >= LEAST_WEIGHT
    assert weight(None) == 1.0
    assert weight({"content": [{"logprob": -0.1}]}) == 1.0
