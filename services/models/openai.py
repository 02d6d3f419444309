"""Any server with OpenAI's chat API: OpenAI itself, vLLM, Ollama, LM Studio, LiteLLM and the rest."""

from collections.abc import AsyncGenerator
from decimal import Decimal

from agents.model import Completion, Delta, ModelRequest
from services.models.chat import ChatServer
from services.models.wire import chat_body, with_effort


class OpenAIModel:
    """A model behind OpenAI's API. What an effort sends is the catalog's word."""

    def __init__(self, server: ChatServer) -> None:
        self._server = server

    @property
    def id(self) -> str:
        return self._server.entry.id

    def stream(self, request: ModelRequest) -> AsyncGenerator[Delta | Completion]:
        entry = self._server.entry
        effort = entry.nearest(request.effort)
        return self._server.stream(with_effort(chat_body(request, entry), entry, effort), effort=effort)

    def worst_cost(self, request: ModelRequest) -> tuple[int, Decimal]:
        return self._server.worst_cost(request)
