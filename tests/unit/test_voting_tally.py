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
    ("forms", "left", "rule"),
    [
        ("aa", 6, None),
        ("aaa", 5, "beta"),
        ("aaab", 4, "beta"),
        ("aaabc", 3, "beta"),
        ("aaabb", 3, None),
        ("aaa", 13, None),
        ("aaaa", 12, "beta"),
        ("aaaab", 11, "beta"),
        ("aaab", 12, None),
        ("", 8, None),
        ("--", 6, None),
    ],
)
def test_the_likely_end_comes_when_no_other_comes_to_have_more_votes_with_95_percent(
    forms: str, left: int, rule: str | None
) -> None:
    stop = decided(count(cast(forms)), left=left)
    assert (stop.rule if stop else None) == rule


def test_the_exact_bound_needs_no_probability() -> None:
    stop = decided(count(cast("aab")), left=0, threshold=2.0)
    assert stop is not None
    assert stop.rule == "bound"
    assert decided(count(cast("baa")), left=1, threshold=2.0) is None


@pytest.mark.parametrize(
    ("forms", "bound"), [("aaaa", True), ("baaaa", False), ("baaaab", False), ("baaaaa", True), ("abaa", False)]
)
def test_half_of_the_votes_are_enough_for_the_one_that_came_first(forms: str, bound: bool) -> None:
    candidates = count(cast(forms))
    stop = decided(candidates, left=8 - len(forms), threshold=2.0)
    assert (stop is not None) == bound


def test_half_of_the_votes_are_not_enough_where_a_rival_may_be_heavier() -> None:
    candidates = count(ballots([("a", 0.5), ("a", 1.0)]))
    assert decided(candidates, left=2, threshold=2.0) is None


def test_with_weights_more_than_half_of_the_votes_have_to_be_expected() -> None:
    assert decided(count(cast("aaab")), left=4) is not None
    assert decided(count(ballots([("a", 1.0), ("a", 0.9), ("a", 1.0), ("b", 1.0)])), left=4) is None


@pytest.mark.parametrize(
    ("forms", "left", "probability"),
    [
        ("a", 1, 1.0),
        ("a", 2, 1 - 1 / 3),  # two of another: 1/2 * 2/3
        ("aaa", 5, 1 - 1 / 56),  # five others: 1/4 * 2/5 * 3/6 * 4/7 * 5/8
        ("aaabc", 3, 1 - 2 / 56),  # three times b, or three times c: each 1/6 * 2/7 * 3/8
    ],
)
def test_staying_ahead_is_what_a_hand_calculation_with_the_urn_gives(forms: str, left: int, probability: float) -> None:
    assert stays_ahead(count(cast(forms)), left=left) == pytest.approx(probability)


def drawn_on(votes: tuple[int, ...], left: int) -> float:
    """The chance that nobody has more votes than the first in the end, by going through all that may be drawn."""
    if not left:
        return float(votes[0] == max(votes))
    chances = [
        one * drawn_on((*votes[:place], one + 1, *votes[place + 1 :]), left - 1) for place, one in enumerate(votes)
    ]
    return (sum(chances) + drawn_on((*votes, 1), left - 1)) / (sum(votes) + 1)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(0, 5))
def test_staying_ahead_is_never_overrated(votes: list[int], left: int) -> None:
    votes = sorted(votes, reverse=True)
    forms = "".join(form * number for form, number in zip("abc", votes, strict=False))
    assert stays_ahead(count(cast(forms)), left=left) <= drawn_on(tuple(votes), left) + 1e-9


def test_no_more_samples_are_in_flight_than_could_decide() -> None:
    assert still_needed((), left=8) == 3
    assert still_needed((), left=16) == 4
    assert still_needed(count(cast("aaa")), left=5) == 0
    assert still_needed(count(cast("aa")), left=6) == 1
    assert still_needed(count(cast("ab")), left=6) == 2
    assert still_needed(count(cast("abab")), left=4) == 2
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
