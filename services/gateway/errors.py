"""Errors at the door: one table from what the asker can do about it to the HTTP status, in OpenAI's body."""

import logging
from collections.abc import Awaitable, Callable
from math import ceil
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from agents.errors import (
    BudgetExceeded,
    Cancelled,
    InvalidTask,
    MalformedOutput,
    NotAllowed,
    NotFound,
    Overloaded,
    PointsmanError,
    Unavailable,
)
from agents.team.problems import TeamFileError
from services.records import Failure
from services.requests import invalid_detail

log = logging.getLogger("pointsman.gateway")

STATUS: tuple[tuple[type[PointsmanError], int, str], ...] = (
    (NotFound, 404, "invalid_request_error"),
    (TeamFileError, 422, "invalid_request_error"),
    (InvalidTask, 400, "invalid_request_error"),
    (Overloaded, 429, "rate_limit_error"),
    (Unavailable, 503, "unavailable"),
    (MalformedOutput, 502, "malformed_output"),
    (NotAllowed, 403, "permission_error"),
    (BudgetExceeded, 402, "budget_exceeded"),
    (Cancelled, 409, "cancelled"),
)
"""First match counts."""

FAILED_RUN = {"invalid_request_error": 400, "unavailable": 503, "malformed_output": 502, "not_allowed": 403}
"""Status of a reply whose run failed, by the type of its failure; any other is 500."""


def body(message: str, *, type_: str, param: str | None = None, code: str | None = None, **more: Any) -> dict[str, Any]:
    """OpenAI's error body."""
    return {"error": {"message": message, "type": type_, "param": param, "code": code}, **more}


def reply(error: PointsmanError) -> JSONResponse:
    """The reply to a request that ended with this error."""
    status, type_ = next((status, type_) for kind, status, type_ in STATUS if isinstance(error, kind))
    headers = {"Retry-After": str(ceil(error.retry_after_seconds))} if isinstance(error, Unavailable) else {}
    param, code = (error.param, error.code) if isinstance(error, InvalidTask) else (None, None)
    more = {"problems": [one.model_dump() for one in error.problems]} if isinstance(error, TeamFileError) else {}
    return JSONResponse(body(str(error), type_=type_, param=param, code=code, **more), status, headers)


def failed(failure: Failure, headers: dict[str, str]) -> JSONResponse:
    """The reply for a run that failed. Its model calls are paid, so clients should not repeat it by themselves."""
    status = FAILED_RUN.get(failure.type, 500)
    retry = {"Retry-After": "5"} if status == 503 else {}
    shown = body(failure.message, type_=failure.type, code=failure.code)
    return JSONResponse(shown, status, headers | {"x-should-retry": "false"} | retry)


def install(app: FastAPI) -> None:
    """Teach the application these replies."""

    async def known(_: Request, error: Exception) -> Response:
        assert isinstance(error, PointsmanError)
        return reply(error)

    async def unreadable(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return reply(_translated(request, error))

    async def by_framework(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        message = f"{request.method} {request.url.path}: {error.detail}; GET /docs lists what there is"
        shown = body(message, type_="invalid_request_error", code=str(error.status_code))
        return JSONResponse(shown, error.status_code, error.headers)

    async def defect(request: Request, error: Exception) -> Response:
        log.error("a defect in Pointsman, at %s %s", request.method, request.url.path, exc_info=error)
        shown = body("something went wrong in Pointsman itself; its log says more", type_="internal_error")
        return JSONResponse(shown, 500, {"x-should-retry": "false"})

    handlers: tuple[tuple[type[Exception], Callable[[Request, Exception], Awaitable[Response]]], ...] = (
        (PointsmanError, known),
        (RequestValidationError, unreadable),
        (HTTPException, by_framework),
        (Exception, defect),
    )
    for kind, handler in handlers:
        app.add_exception_handler(kind, handler)


def _translated(request: Request, error: RequestValidationError) -> InvalidTask:
    """Say in one sentence which value of the request was wrong, and what would be right."""
    detail: Any = error.errors()[0]
    where = [str(part) for part in detail["loc"]]
    if detail["type"] == "json_invalid":
        reason = detail.get("ctx", {}).get("error", "")
        return InvalidTask(f"the body is not valid JSON: {reason} at character {where[-1]}", code="invalid_json")
    if where == ["body"] and detail["type"] in ("missing", "model_attributes_type"):
        return InvalidTask("the body must be a JSON object, sent as application/json", code="invalid_json")
    return invalid_detail(detail, where[1:], _kind(request))


def _kind(request: Request) -> type[BaseModel] | None:
    """The record that the route reads its body into."""
    dependant: Any = getattr(request.scope.get("route"), "dependant", None)
    kinds = [param.field_info.annotation for param in dependant.body_params] if dependant else []
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
