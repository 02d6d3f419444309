"""When a service is started again, and when no more."""

from services.up.records import Limits
from services.up.restarts import Restarts

LIMITS = Limits(
    first_pause_seconds=0.5, longest_pause_seconds=10, settled_seconds=10, crashes=100, crash_window_seconds=1
)


def test_the_pause_doubles_up_to_its_longest() -> None:
    restarts = Restarts(LIMITS)
    pauses = [restarts.after_end(started=at, ended=at + 1) for at in range(0, 1000, 100)]
    assert pauses == [0.5, 1, 2, 4, 8, 10, 10, 10, 10, 10]


def test_a_service_that_was_up_for_long_starts_again_at_the_first_pause() -> None:
    restarts = Restarts(LIMITS)
    assert [restarts.after_end(started=0, ended=1), restarts.after_end(started=2, ended=3)] == [0.5, 1]
    assert restarts.after_end(started=4, ended=14) == 0.5


def test_the_fifth_end_within_a_minute_is_a_crash_loop() -> None:
    restarts = Restarts(Limits(crashes=5, crash_window_seconds=60))
    assert [restarts.after_end(started=at, ended=at) for at in (0, 15, 30, 45)] == [0.5, 1, 2, 4]
    assert restarts.after_end(started=60, ended=60) is None


def test_ends_that_lie_further_apart_are_no_crash_loop() -> None:
    restarts = Restarts(Limits(crashes=5, crash_window_seconds=60))
    assert all(restarts.after_end(started=at, ended=at) is not None for at in range(0, 1000, 16))
