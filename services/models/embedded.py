"""The embedded server (llama.cpp): OpenAI's chat API without thinking, and with tool calls of our own making."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from decimal import Decimal

from agents.model import Completion, Delta, ModelRequest
from agents.records import Effort
from services.models.chat import ChatServer
from services.models.embedded_tools import in_json, in_words, out_of_json
from services.models.wire import chat_body


class EmbeddedModel:
    """A model on this machine. It does not think, so every effort is `none`, and the completion says so."""

    def __init__(self, server: ChatServer) -> None:
        self._server = server

    @property
    def id(self) -> str:
        return self._server.entry.id

    def stream(self, request: ModelRequest) -> AsyncGenerator[Delta | Completion]:
        if _may_call(request):
            return self._with_tools(request)
        return self._plain(request.model_copy(update={"tools": (), "messages": in_words(request.messages)}))

    def worst_cost(self, request: ModelRequest) -> tuple[int, Decimal]:
        return self._server.worst_cost(in_json(request) if _may_call(request) else request)

    def _plain(self, request: ModelRequest) -> AsyncGenerator[Delta | Completion]:
        return self._server.stream(chat_body(request, self._server.entry), effort=Effort.NONE)

    async def _with_tools(self, request: ModelRequest) -> AsyncGenerator[Delta | Completion]:
        """Hold the JSON back until it is whole, as only then it is known what it says."""
        async with aclosing(self._plain(in_json(request))) as events:
            async for event in events:
                if isinstance(event, Completion):
                    choices = tuple(out_of_json(choice, request) for choice in event.choices)
                    for index, choice in enumerate(choices):
                        if choice.text:
                            yield Delta(index=index, text=choice.text)
                    yield event.model_copy(update={"choices": choices})


def _may_call(request: ModelRequest) -> bool:
    return bool(request.tools) and request.tool_choice != "none"
