"""SGLang: OpenAI's chat API, with thinking budgets, and with tool arguments that keep to their schema when told to."""

from collections.abc import AsyncGenerator
from decimal import Decimal

from agents.model import Completion, Delta, ModelRequest
from services.models.chat import ChatServer
from services.models.wire import chat_body, with_effort


class SGLangModel:
    """A model behind SGLang. A call is cancelled by closing its connection: nothing else reaches all of `n` choices."""

    def __init__(self, server: ChatServer) -> None:
        self._server = server

    @property
    def id(self) -> str:
        return self._server.entry.id

    def stream(self, request: ModelRequest) -> AsyncGenerator[Delta | Completion]:
        entry = self._server.entry
        effort = entry.nearest(request.effort)
        # Without `strict` the arguments of a forced call are any JSON at all: a bare number, or Infinity.
        body = chat_body(request, entry, strict_tools=True)
        return self._server.stream(with_effort(body, entry, effort), effort=effort)

    def worst_cost(self, request: ModelRequest) -> tuple[int, Decimal]:
        return self._server.worst_cost(request)
