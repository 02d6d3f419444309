"""Errors as stored failures, and stored failures as errors again: what ended a turn here ends its run there."""

from agents.errors import BudgetExceeded, InvalidTask, MalformedOutput, NotAllowed, PointsmanError, Unavailable
from services.records import Failure


class Defect(PointsmanError):
    """Something in Pointsman itself went wrong elsewhere, and was recorded there."""


def failure_of(error: PointsmanError) -> Failure:
    """Put an error into the shape that is stored, and that an API error has."""
    match error:
        case InvalidTask():
            return Failure(message=str(error), type="invalid_request_error", code=error.code)
        case BudgetExceeded():
            return Failure(message=str(error), type="budget_exceeded", code=error.limit)
        case Unavailable():
            return Failure(message=str(error), type="unavailable")
        case MalformedOutput():
            return Failure(message=str(error), type="malformed_output")
        case NotAllowed():
            return Failure(message=str(error), type="not_allowed")
        case _:
            return Failure(message=str(error), type="internal_error")


def defect(error: BaseException) -> Failure:
    """What a user is told of an error that is ours; the log says more."""
    return Failure(message=f"{type(error).__name__} in Pointsman itself; its log says more", type="internal_error")


def error_of(failure: Failure) -> PointsmanError:
    """Make the error again that was stored."""
    match failure.type:
        case "invalid_request_error":
            return InvalidTask(failure.message, code=failure.code)
        case "budget_exceeded":
            return BudgetExceeded(failure.code or "", failure.message)
        case "unavailable":
            return Unavailable(failure.message)
        case "malformed_output":
            return MalformedOutput(failure.message)
        case "not_allowed":
            return NotAllowed(failure.message)
        case _:
            return Defect(failure.message)
