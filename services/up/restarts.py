"""When a service that ended is started again, and when that has happened too often."""

from collections import deque

from services.up.records import Limits


class Restarts:
    """The pauses between restarts of one service: doubling, and over at a crash loop."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._pause_seconds = limits.first_pause_seconds
        self._ends: deque[float] = deque(maxlen=limits.crashes)

    def after_end(self, *, started: float, ended: float) -> float | None:
        """Seconds to wait before the next start, for an end at this time; None: it is in a crash loop.

        Args:
            started: when it was started, on a monotonic clock.
            ended: when it ended, on the same clock.
        """
        self._ends.append(ended)
        if len(self._ends) == self._limits.crashes and ended - self._ends[0] <= self._limits.crash_window_seconds:
            return None
        if ended - started >= self._limits.settled_seconds:
            self._pause_seconds = self._limits.first_pause_seconds
        pause = self._pause_seconds
        self._pause_seconds = min(2 * pause, self._limits.longest_pause_seconds)
        return pause
