"""The measure that the router is judged by."""

import numpy as np
import pytest

from bench.router_metrics import apgr, intervals

GAIN = np.array([1.0, 0.0, 0.0, 1.0, 0.0, -1.0, 0.0, 1.0])


def test_equal_scores_are_random_whatever_the_order_of_the_file() -> None:
    assert apgr(np.zeros(8), GAIN) == pytest.approx(0.5)
    assert apgr(np.zeros(8), GAIN[::-1]) == pytest.approx(0.5)


def test_the_oracle_is_best_and_its_reverse_is_worst() -> None:
    assert apgr(GAIN, GAIN) > 1 > 0.5 > 0 > apgr(-GAIN, GAIN)
    assert apgr(GAIN, GAIN) + apgr(-GAIN, GAIN) == pytest.approx(1)


def test_one_prompt_that_gains_all_is_half_a_step_from_the_whole() -> None:
    gain = np.concatenate((np.ones(1), np.zeros(99)))
    assert apgr(gain, gain) == pytest.approx(1 - 0.5 / 100)


def test_intervals_hold_the_value_and_do_not_change_from_run_to_run() -> None:
    gain, score = np.tile(GAIN, 50), np.arange(400.0)
    low, high = intervals({"score": score}, gain, resamples=100)["score"]
    assert low < apgr(score, gain) < high
    assert intervals({"score": score}, gain, resamples=100)["score"] == (low, high)
