"""What every route takes from its request: the parts of the process, and who asks."""

from fastapi import Request

from services.bootstrap import Parts
from services.door import Asker
from services.tracing import parse_traceparent


def parts_of(request: Request) -> Parts:
    """The parts that this process was put together from."""
    parts: Parts = request.app.state.parts
    return parts


def asker(request: Request) -> Asker:
    """Who asks, and in which of their traces."""
    owner: str | None = request.state.owner
    return Asker(owner=owner, traceparent=parse_traceparent(request.headers.get("traceparent")))
