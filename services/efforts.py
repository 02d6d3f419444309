"""What efforts really do: measured by calls, kept in SQL, and told to the router in place of what the catalog hopes."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from agents.context import Clock
from agents.errors import PointsmanError
from agents.model import Model
from agents.records import Effort, Task
from router.records import ModelCard, Plan
from services.models.probe import Measured, probe_efforts
from services.store import probes
from services.store.database import Database
from services.store.transaction import Transaction

LOOK_SECONDS = 60.0
"""How often a process looks whether something was measured."""
MOST_TOKENS = 1024
"""Of each answer: enough to tell much thinking from little."""

log = logging.getLogger("pointsman.efforts")


class Catalog(Protocol):
    """The models as the catalog has them."""

    def get(self, model_id: str) -> Model: ...

    def cards(self) -> tuple[ModelCard, ...]: ...

    def settings_of(self, model_id: str) -> str:
        """What a measurement is of: it says nothing any more when this changes."""
        ...


class Efforts:
    """The measurements that this process goes by."""

    def __init__(self, models: Catalog) -> None:
        self._models = models
        self._measured: Mapping[str, Measured] = {}
        self._look_at = 0.0

    async def refresh(self, connection: Transaction) -> None:
        """Take what was measured since, once in a while: in a transaction that is open anyway."""
        if not self.due:
            return
        self._look_at = time.monotonic() + LOOK_SECONDS
        self._measured = await probes.all_of(connection)

    @property
    def due(self) -> bool:
        """Whether it is time to look."""
        return time.monotonic() >= self._look_at

    def look_again(self) -> None:
        """Look at the next opportunity."""
        self._look_at = 0.0

    def of(self, model_id: str) -> Measured | None:
        """The last measurement of a model as it is now."""
        measured = self._measured.get(model_id)
        return measured if measured and measured.settings == self._models.settings_of(model_id) else None

    def cards(self) -> tuple[ModelCard, ...]:
        """The models, with the efforts that make a difference."""
        return tuple(self._real(card) for card in self._models.cards())

    def notes(self, task: Task, plan: Plan) -> tuple[str, ...]:
        """What has to be said of the effort that was asked for: that it runs as another one on a model of the plan."""
        if task.effort in (Effort.AUTO, Effort.MAX):
            return ()
        listed = {card.id: card.efforts for card in self._models.cards()}
        asked = [rung for rung in plan.rungs if rung.model and task.effort in listed.get(rung.model, ())]
        told: dict[str, str] = {}
        for rung in asked:
            assert rung.model is not None
            measured = self.of(rung.model)
            if measured and rung.effort != task.effort and task.effort not in measured.real:
                date = measured.at.date().isoformat()
                told[rung.model] = (
                    f"Effort {task.effort} makes no difference on {rung.model} and runs as {rung.effort} "
                    f"(measured {date}: {measured.says})."
                )
        return tuple(told.values())

    def _real(self, card: ModelCard) -> ModelCard:
        measured = self.of(card.id)
        if measured is None:
            return card
        real = tuple(effort for effort in card.efforts if effort in measured.real)
        return card.model_copy(update={"efforts": real or card.efforts[:1]})


@dataclass(frozen=True)
class Prober:
    """The job that measures. It may run at any time, in any number of processes at once."""

    database: Database
    models: Catalog
    clock: Clock
    every: timedelta
    """A measurement is too old after so long; 0: nothing is measured but by hand."""

    async def probe_due(self) -> tuple[str, ...]:
        """Measure the models that have more than one effort and were not measured lately; gives their ids."""
        if not self.every:
            return ()
        done: list[str] = []
        for card in self.models.cards():
            if len(card.efforts) > 1 and card.healthy and await self._claimed(card.id):
                try:
                    await self.probe(card.id, card.efforts)
                except PointsmanError as error:
                    log.warning("what effort does to %s could not be measured: %s", card.id, error)
                else:
                    done.append(card.id)
        return tuple(done)

    async def probe(self, model_id: str, efforts: Sequence[Effort], *, max_tokens: int = MOST_TOKENS) -> Measured:
        """Measure a model now, and keep what was found."""
        rows = await probe_efforts(self.models.get(model_id), efforts=efforts, max_output_tokens=max_tokens)
        measured = Measured(settings=self.models.settings_of(model_id), at=self.clock(), rows=rows)
        async with self.database.write() as connection:
            await probes.save(connection, model_id, measured)
        log.info("model %s: %s", model_id, measured.says)
        return measured

    async def _claimed(self, model_id: str) -> bool:
        now = self.clock()
        async with self.database.write() as connection:
            return await probes.claim(
                connection,
                model_id,
                settings=self.models.settings_of(model_id),
                older_than=now - self.every,
                now=now,
            )
