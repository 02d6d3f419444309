"""The measures that the router is judged by, against values computed by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.errors import InvalidTask
from router.evaluate import baselines
from router.evaluate.graded import Graded
from router.evaluate.metrics import (
    SHARES,
    Ranking,
    aiq,
    apgr,
    area,
    gap_closed,
    hull,
    intervals,
    recovered,
    resampled,
    share_for,
)
from router.evaluate.pair import CostUnit, choose_pair, pair_of
from router.evaluate.report import ALWAYS_LARGE, ALWAYS_SMALL, LENGTH, ORACLE, PRIOR, PRIOR_TRUE, RANDOM, evaluate

GAIN = np.array([1.0, 0.0, 0.0, 1.0, 0.0, -1.0, 0.0, 1.0])

# --- gap recovered: APGR, CPT -----------------------------------------------------------------------------------------


def test_equal_scores_are_random_whatever_the_order_of_the_file() -> None:
    assert apgr(np.zeros(8), GAIN) == pytest.approx(0.5, abs=1e-12)
    assert apgr(np.zeros(8), GAIN[::-1]) == pytest.approx(0.5, abs=1e-12)


def test_random_needs_the_share_of_prompts_that_it_recovers() -> None:
    pgr = recovered(Ranking(np.zeros(8)).moved(GAIN))
    assert share_for(pgr, 0.5) == pytest.approx(0.5)
    assert share_for(pgr, 0.8) == pytest.approx(0.8)


def test_the_gap_recovered_begins_at_small_and_ends_at_large() -> None:
    pgr = recovered(Ranking(np.arange(8.0)).moved(GAIN))
    assert (pgr[0], pgr[-1]) == (0, 1)


def test_four_prompts_are_ranked_as_by_hand() -> None:
    gain = np.array([1.0, 0.0, 1.0, 0.0])
    pgr = recovered(Ranking(np.array([4.0, 3.0, 2.0, 1.0])).moved(gain))
    # First prompt: half of the gap; second: nothing; third: the other half; fourth: nothing.
    assert pgr[[25, 50, 75, 100]] == pytest.approx([0.5, 0.5, 1.0, 1.0])
    assert area(pgr) == pytest.approx((0.25 + 0.5 + 0.75 + 1.0) / 4)
    assert share_for(pgr, 0.5) == pytest.approx(0.25)
    assert share_for(pgr, 0.8) == pytest.approx(0.65)


def test_a_tie_shares_its_gain_evenly() -> None:
    gain = np.array([1.0, 0.0, 0.0, 1.0])
    pgr = recovered(Ranking(np.array([2.0, 2.0, 1.0, 1.0])).moved(gain))
    assert pgr == pytest.approx(SHARES)


def test_the_oracle_is_best_and_its_reverse_is_worst() -> None:
    assert apgr(GAIN, GAIN) > 1 > 0.5 > 0 > apgr(-GAIN, GAIN)
    assert apgr(GAIN, GAIN) + apgr(-GAIN, GAIN) == pytest.approx(1)


def test_one_prompt_that_gains_all_is_half_a_step_from_the_whole() -> None:
    gain = np.concatenate((np.ones(1), np.zeros(99)))
    assert apgr(gain, gain) == pytest.approx(1 - 0.5 / 100)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-5, 5), st.integers(-1, 1)), min_size=2, max_size=40), st.integers(0, 99))
def test_the_order_of_the_file_never_counts(prompts: list[tuple[float, int]], seed: int) -> None:
    score, gain = (np.array(column, dtype=float) for column in zip(*prompts, strict=True))
    shuffled = np.random.default_rng(seed).permutation(len(prompts))
    assert Ranking(score).moved(gain) == pytest.approx(Ranking(score[shuffled]).moved(gain[shuffled]), abs=1e-12)


def test_gap_closed_is_nothing_for_random_and_all_for_the_oracle() -> None:
    assert gap_closed(0.5, 1.3) == 0
    assert gap_closed(1.3, 1.3) == 1
    assert gap_closed(0.7, 1.3) == pytest.approx(0.25)


# --- resamples --------------------------------------------------------------------------------------------------------


def test_weights_count_a_prompt_as_often_as_it_was_drawn() -> None:
    score, drawn = np.arange(8.0), np.array([0, 0, 3, 5, 7, 7, 7, 1])
    weights = np.bincount(drawn, minlength=8).astype(float)
    assert Ranking(score).moved(GAIN, weights) == pytest.approx(Ranking(score[drawn]).moved(GAIN[drawn]))


def test_resamples_draw_as_many_prompts_as_there_are() -> None:
    assert [weights.sum() for weights in resampled(8, resamples=5)] == [8.0] * 5


def test_intervals_hold_the_value_and_do_not_change_from_run_to_run() -> None:
    gain, score = np.tile(GAIN, 50), np.arange(400.0)
    low, high = intervals({"score": score}, gain, resamples=100)["score"]
    assert low < apgr(score, gain) < high
    assert intervals({"score": score}, gain, resamples=100)["score"] == (low, high)


# --- AIQ --------------------------------------------------------------------------------------------------------------


def test_the_hull_leaves_out_what_is_dearer_and_no_better_or_below_a_line() -> None:
    costs, qualities = hull([1, 2, 3, 4, 2], [0.2, 0.3, 0.8, 0.7, 0.1])
    assert costs.tolist() == [1, 3]
    assert qualities.tolist() == [0.2, 0.8]


def test_aiq_is_the_mean_height_of_the_hull() -> None:
    assert aiq([1, 3], [0.2, 0.8], least=1, most=3) == pytest.approx(0.5)
    # From 3 to 5 the hull is level: nothing dearer has to be chosen.
    assert aiq([1, 3, 5], [0.2, 0.8, 0.6], least=1, most=5) == pytest.approx((0.5 + 0.8) / 2)
    assert aiq([1], [0.4], least=1, most=5) == pytest.approx(0.4)


def test_aiq_is_not_known_where_nothing_is_as_cheap_as_the_cheapest_model() -> None:
    assert math.isnan(aiq([5], [0.9], least=1, most=5))
    assert math.isnan(aiq([1, 1], [0.2, 0.9], least=1, most=1))


def test_a_router_below_the_cheapest_model_counts_from_there_on() -> None:
    assert aiq([0, 2], [0.0, 1.0], least=1, most=2) == pytest.approx(0.75)


# --- baselines --------------------------------------------------------------------------------------------------------


def test_length_counts_alphabetic_words_of_the_first_characters() -> None:
    assert baselines.length("It's 12 o'clock, isn't it?") == 4
    assert baselines.length("a " * 5000) == 3000


def test_one_question_is_in_one_fold_whatever_its_options() -> None:
    asked = "What is the capital of France?"
    assert baselines.fold(f"{asked}\nA. Rome\nB. Paris") == baselines.fold(f"{asked.upper()}\n A) Oslo\n B) Paris")
    assert {baselines.fold(f"question {number}") for number in range(100)} == set(range(baselines.FOLDS))


def test_the_prior_of_a_kind_comes_from_other_folds_and_is_shrunk_to_the_mean() -> None:
    kinds, gain, folds = ["a", "a", "b", "b"], np.array([1.0, 0.0, 0.0, 0.0]), [0, 1, 1, 1]
    score = baselines.prior(kinds, gain, folds)
    # Fold 0 learns from the three others, which gain nothing; fold 1 from the one prompt of kind a, which gains 1.
    assert score == pytest.approx([0, 1, 1, 1])
    mean, k = 1 / 3, baselines.PRIOR_PROMPTS
    uneven = baselines.prior(["a", "a", "b", "b"], np.array([0.0, 1.0, 0.0, 0.0]), [1, 0, 0, 0])
    assert uneven[0] == pytest.approx((1 + k * mean) / (1 + k))


# --- the report -------------------------------------------------------------------------------------------------------


def prompts(count: int = 60) -> list[Graded]:
    """Every third prompt needs the large model; it is the longest kind, and costs in proportion."""
    return [
        Graded(
            prompt=f"question {number} " + ("long " * 30 if number % 3 == 0 else ""),
            quality={"s": float(number % 3 != 0), "l": 1.0},
            usd={"s": 0.01, "l": 0.1},
            sub="hard" if number % 3 == 0 else "easy",
        )
        for number in range(count)
    ]


def test_the_report_names_every_baseline_beside_the_router() -> None:
    found = evaluate(prompts(), source="x", scores={"mine": len}, resamples=50)
    by_name = {one.name: one for one in found.routers}
    assert list(by_name) == ["mine", PRIOR, PRIOR_TRUE, LENGTH, RANDOM, ORACLE, ALWAYS_SMALL, ALWAYS_LARGE]
    assert (found.small, found.large, found.prompts, found.cost_unit) == ("s", "l", 60, CostUnit.USD)
    assert by_name[RANDOM].apgr.value == pytest.approx(0.5)
    assert by_name[RANDOM].gap_closed.value == pytest.approx(0)
    assert by_name[RANDOM].aiq.value == pytest.approx(found.hull_aiq)
    assert (by_name[ALWAYS_SMALL].apgr.value, by_name[ALWAYS_LARGE].apgr.value) == (0, 1)
    assert (by_name[ALWAYS_SMALL].costs, by_name[ALWAYS_LARGE].costs) == ((pytest.approx(0.01),), (pytest.approx(0.1),))
    assert by_name[ALWAYS_SMALL].qualities == (pytest.approx(2 / 3),)
    assert by_name[LENGTH].apgr.value == by_name[ORACLE].apgr.value == by_name[PRIOR_TRUE].apgr.value
    assert by_name[ORACLE].gap_closed.value == 1
    assert by_name["mine"].apgr.low is not None


def test_of_a_prompt_that_comes_twice_the_first_counts() -> None:
    twice = [*prompts(30), *(Graded(prompt=f"  {one.prompt.upper()}", quality={"s": 0, "l": 0}) for one in prompts(30))]
    found = evaluate(twice, source="x", scores={}, small="s", large="l", resamples=20)
    assert found.prompts == 30
    assert found.models[1].quality.value == 1


def test_a_pair_without_a_gap_is_refused_with_both_means() -> None:
    level = [Graded(prompt=str(number), quality={"s": 1.0, "l": 1.0}, usd={"s": 1, "l": 2}) for number in range(5)]
    with pytest.raises(InvalidTask, match=r"l is not better than s \(mean quality 1.000 and 1.000\)"):
        evaluate(level, source="x", scores={}, resamples=20)


def test_small_is_the_cheapest_and_large_the_best_of_the_others() -> None:
    three = [Graded(prompt="x", quality={"a": 0.5, "b": 0.9, "c": 0.2}, usd={"a": 2.0, "b": 3.0, "c": 1.0})]
    assert choose_pair(three, small=None, large=None) == ("c", "b")
    assert choose_pair(three, small="a", large=None) == ("a", "b")
    assert choose_pair(three, small=None, large="c") == ("a", "c")


def test_without_prices_two_models_are_told_apart_by_quality_and_three_are_not() -> None:
    assert choose_pair([Graded(prompt="x", quality={"a": 0.9, "b": 0.1})], small=None, large=None) == ("b", "a")
    three = [Graded(prompt="x", quality={"a": 0.5, "b": 0.9, "c": 0.2})]
    with pytest.raises(InvalidTask, match="name --small and --large of: a, b, c"):
        choose_pair(three, small=None, large=None)


@pytest.mark.parametrize(("small", "large"), [("a", "a"), ("a", "z"), ("z", None)])
def test_a_pair_that_is_none_is_refused(small: str, large: str | None) -> None:
    with pytest.raises(InvalidTask, match="there are: a, b"):
        choose_pair([Graded(prompt="x", quality={"a": 0.5, "b": 0.9})], small=small, large=large)


def test_cost_is_counted_in_the_best_unit_that_every_answer_has() -> None:
    quality = {"s": 0.0, "l": 1.0}
    free = Graded(prompt="x", quality=quality, usd={"s": 0, "l": 0}, seconds={"s": 1, "l": 5}, tokens={"s": 9, "l": 9})
    assert pair_of([free], "s", "l").unit == CostUnit.SECONDS
    unpriced = Graded(prompt="x", quality=quality, tokens={"s": 9, "l": 9})
    assert pair_of([unpriced], "s", "l").unit == CostUnit.TOKENS
    nothing = pair_of([Graded(prompt="x", quality=quality)], "s", "l")
    assert (nothing.unit, nothing.small_cost.tolist(), nothing.large_cost.tolist()) == (CostUnit.SHARE, [0], [1])
