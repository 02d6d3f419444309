"""The models of the catalog, ready to be asked, each with what the router has to know of it now."""

import httpx

from agents.errors import NotFound
from agents.model import Model
from router.records import ModelCard
from services.models.catalog import Catalog, ModelEntry
from services.models.chat import ChatServer, Timeouts
from services.models.embedded import EmbeddedModel
from services.models.health import Health
from services.models.openai import OpenAIModel
from services.models.retry import RetryingModel
from services.models.sglang import SGLangModel


class Models:
    """All models of one process. They belong to the event loop that first asks one of them."""

    def __init__(self, catalog: Catalog, client: httpx.AsyncClient, *, timeouts: Timeouts | None = None) -> None:
        """Make the models ready; nothing is asked of any server yet.

        Args:
            catalog: Which models there are.
            client: Carries every call; made with `trust_env=False`, as a proxy of the environment is for the way out.
            timeouts: How long a server is waited for.
        """
        self._cards = {entry.id: catalog.card(entry.id) for entry in catalog.entries}
        self._settings = {entry.id: _settings(entry) for entry in catalog.entries}
        self._servers = {entry.id: _server(entry, client, timeouts) for entry in catalog.entries}
        self._models: dict[str, Model] = {
            entry.id: RetryingModel(_adapter(entry, self._servers[entry.id])) for entry in catalog.entries
        }
        self.health = Health(catalog.entries, client)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._cards)

    def get(self, model_id: str) -> Model:
        """Give the model of a catalog id.

        Raises:
            NotFound: there is none of that id.
        """
        model = self._models.get(model_id)
        if model is None:
            there = ", ".join(self.ids)
            raise NotFound(f"there is no model {model_id!r}; there are: {there}", param="model", code="model_not_found")
        return model

    def cards(self) -> tuple[ModelCard, ...]:
        """What the router is told: the catalog's words, with the servers' health and the queues as they are now."""
        return tuple(self._card(model_id) for model_id in self.ids)

    def settings_of(self, model_id: str) -> str:
        """What a measurement of its efforts is of: the server, its name there, what each effort sends."""
        return self._settings[model_id]

    async def start(self) -> None:
        """Begin to watch the servers."""
        await self.health.start()

    async def stop(self) -> None:
        """Stop watching them."""
        await self.health.stop()

    def _card(self, model_id: str) -> ModelCard:
        status = self.health.status(model_id)
        queue = status.queue + self._servers[model_id].waiting
        return self._cards[model_id].model_copy(update={"healthy": status.healthy, "queue": queue})


def _settings(entry: ModelEntry) -> str:
    return entry.model_dump_json(include={"kind", "url", "model", "efforts"}, exclude_none=True)


def _server(entry: ModelEntry, client: httpx.AsyncClient, timeouts: Timeouts | None) -> ChatServer:
    usage_rule = "sum" if entry.kind == "embedded" else "last"
    return ChatServer(entry, client, usage_rule=usage_rule, timeouts=timeouts)


def _adapter(entry: ModelEntry, server: ChatServer) -> Model:
    match entry.kind:
        case "embedded":
            return EmbeddedModel(server)
        case "openai":
            return OpenAIModel(server)
        case "sglang":
            return SGLangModel(server)
