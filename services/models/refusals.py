"""What a model server's refusal means to the caller: the error of ours, by what can be done about it."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from agents.errors import InvalidTask, MalformedOutput, PointsmanError, Unavailable

MAX_RETRY_AFTER_SECONDS = 3600.0

_THE_ASKERS = (400, 413, 422)
_KEY = (401, 403)
_BUSY = (408, 409, 425, 429)
_TOO_LONG = re.compile(r"context|too long|longer than|maximum.{0,20}length|exceed\w* .{0,30}tokens", re.IGNORECASE)
_SERVERS_OWN_PATH = re.compile(r"(?:/[\w.@+-]+){2,}")


class TooSlow(Unavailable):
    """The server kept us waiting past a limit: asking it again at once would only double the wait."""


def refusal(
    model_id: str, status: int, body: Any, *, headers: Mapping[str, str], server_name: str, context_tokens: int
) -> PointsmanError:
    """The error for a reply that is not 200.

    Args:
        model_id: The model's id in the catalog, named in the message.
        status: Of the reply, or the code of an error frame in a stream.
        body: The reply's JSON, or None where it had none.
        headers: The reply's.
        server_name: What the server is asked for.
        context_tokens: Of the model, named where a prompt is too long.
    """
    said = said_in(body)
    if status in _THE_ASKERS:
        return _askers_error(model_id, said, context_tokens=context_tokens)
    if status in _KEY:
        return Unavailable(
            f"the server of model {model_id} refuses our key (HTTP {status}): "
            f"check api_key of {model_id} in the catalog",
            retry_after_seconds=60,
        )
    if status == 404:
        return Unavailable(
            f"the server of model {model_id} knows no {server_name!r}, or no chat (HTTP 404): "
            f"check url and model of {model_id} in the catalog",
            retry_after_seconds=60,
        )
    wait = retry_after(headers)
    if status in _BUSY or status >= 500:
        return Unavailable(f"model {model_id} cannot answer now (HTTP {status}){_tail(said)}", retry_after_seconds=wait)
    return Unavailable(
        f"the server of model {model_id} answers HTTP {status}{_tail(said)}: check url of {model_id} in the catalog",
        retry_after_seconds=max(wait, 60),
    )


def frame_refusal(model_id: str, error: Any, *, begun: bool, server_name: str, context_tokens: int) -> PointsmanError:
    """The error for an error frame in a stream that began with HTTP 200.

    Args:
        model_id: The model's id in the catalog.
        error: The frame's error.
        begun: Whether a part of the answer has come: what follows then is a broken answer, not a refusal.
        server_name: What the server is asked for.
        context_tokens: Of the model.
    """
    if begun:
        return MalformedOutput(
            f"the answer of model {model_id} broke off: its server reported an error{_tail(said_in(error))}"
        )
    code = error.get("code") if isinstance(error, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    status = code if isinstance(code, int) and 400 <= code < 600 else 503
    return refusal(model_id, status, error, headers={}, server_name=server_name, context_tokens=context_tokens)


def retry_after(headers: Mapping[str, str], *, default: float = 2.0) -> float:
    """How long the server asks to wait, in seconds; it may say a number, or a date."""
    milliseconds, said = headers.get("retry-after-ms", ""), headers.get("retry-after", "")
    try:
        if milliseconds:
            seconds = float(milliseconds) / 1000
        elif said:
            seconds = float(said) if not said.strip()[0].isalpha() else _until(said)
        else:
            return default
    except (ValueError, IndexError):
        return default
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS) if seconds == seconds else default


def said_in(body: Any) -> str:
    """The words of an error, in any of the shapes that servers give it; without what is the server's own business."""
    match body:
        case (
            {"error": {"message": str(words)}}
            | {"error": str(words)}
            | {"message": str(words)}
            | {"detail": str(words)}
        ):
            first = next((line for line in words.splitlines() if line.strip()), "")
            return _SERVERS_OWN_PATH.sub("(path)", first.strip())[:300]
        case _:
            return ""


def _askers_error(model_id: str, said: str, *, context_tokens: int) -> InvalidTask:
    if _TOO_LONG.search(said):
        return InvalidTask(
            f"the prompt and the room for its answer do not fit into model {model_id}, which holds "
            f"{context_tokens} tokens: shorten the messages or ask for fewer tokens{_tail(said)}",
            param="messages",
            code="context_length_exceeded",
        )
    return InvalidTask(f"model {model_id} refuses the request{_tail(said) or ': its server does not say why'}")


def _until(date: str) -> float:
    return (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds()


def _tail(said: str) -> str:
    return f": {said}" if said else ""
