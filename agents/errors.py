"""Failures sorted by remedy: what the caller can do about each."""


class PointsmanError(Exception):
    """Anything that went wrong in a way that somebody can do something about."""


class InvalidTask(PointsmanError):
    """The asker must change the request."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        self.code = code


class NotFound(InvalidTask):
    """The request names something that is not there."""


class BudgetExceeded(PointsmanError):
    """Ask again with more, or take the best there is."""

    def __init__(self, limit: str, message: str) -> None:
        super().__init__(message)
        self.limit = limit
        """The field of the budget that was reached: `max_usd`, `max_seconds`, ..."""


class Unavailable(PointsmanError):
    """Wait and try again."""

    def __init__(self, message: str, *, retry_after_seconds: float = 5.0) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Overloaded(Unavailable):
    """There is more work waiting than may wait: come back later."""


class MalformedOutput(PointsmanError):
    """A model or its server gave something unusable: ask again, a bounded number of times."""


class NotAllowed(PointsmanError):
    """A human must approve, or the policy must change."""


class Cancelled(PointsmanError):
    """The run was cancelled: nothing further may start."""


class LeaseLost(PointsmanError):
    """Another process has taken this work over: stop at once and write nothing."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"run {run_id} is worked on by another process")
