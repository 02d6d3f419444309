"""Planning: hands the router what it has to know of the world, and of whoever asks."""

import time
from collections.abc import Collection, Mapping
from typing import Any

from agents.context import Clock
from agents.records import Effort, Task
from router.plan import plan as draw_up
from router.records import Plan
from router.rules import Then
from services.combinations import refuse_contradictions
from services.efforts import Efforts
from services.learning import Learning
from services.records import Known
from services.routes import Routes
from services.store import conversations, keys
from services.store.keys import Key
from services.store.transaction import Transaction
from services.wholes import WHOLES, whole_of, whole_plan, without_wholes

REMEMBER_SECONDS = 60.0
"""A key's overrides do not change while it is valid; it is looked up again only to forget it at some time."""


class Planning:
    """Draws up plans, by the models, rules and lessons as they are now."""

    def __init__(
        self, *, efforts: Efforts, methods: Collection[str], routes: Routes, learning: Learning, clock: Clock
    ) -> None:
        self._efforts = efforts
        self._methods = tuple(method for method in methods if method not in WHOLES)
        self._routes = routes
        self._learning = learning
        self._clock = clock
        self._keys: dict[str, tuple[float, Key | None]] = {}

    def plan(self, task: Task, *, known: Known, teams: Collection[str] = (), agent: str | None = None) -> Plan:
        """Draw up the plan of a task.

        Args:
            known: what is known of the asker and the conversation.
            teams: the names of the teams that may be used.
            agent: the agent of a team whose turn the task is.

        Raises:
            As `router.plan.plan` does.
        """
        cards = self._efforts.cards()
        whole = whole_of(task, known)
        goes_by = without_wholes(known)

        def drawn(one: Task) -> Plan:
            return draw_up(
                one,
                cards=cards,
                teams=teams,
                methods=self._methods,
                today=self._clock().date(),
                learned=self._learning.learned,
                session=known.session,
                rules=(*goes_by.rules, *self._routes.rules()),
                key=known.key,
                agent=agent,
            )

        plan = whole_plan(whole, task, cards, drawn) if whole else drawn(task)
        refuse_contradictions(task, plan)
        notes = self._efforts.notes(task, plan)
        return plan.model_copy(update={"why": " ".join((plan.why, *notes))}) if notes else plan

    def known_already(self, task: Task, *, owner: str | None, said: Mapping[str, Any]) -> Known | None:
        """What a plan goes by, as `known` gives it, where nothing has to be looked up: of most first prompts."""
        looked, key = self._remembered(owner)
        if not looked or self._learning.due or self._efforts.due or conversations.may_have_past(task):
            return None
        return _known(conversations.Past(), key, task, said)

    async def known(self, connection: Transaction, task: Task, *, owner: str | None, said: Mapping[str, Any]) -> Known:
        """Look up what a plan goes by.

        Args:
            connection: the transaction.
            task: what is asked.
            owner: id of the asker's API key.
            said: what the request says of its plan, by the names of `Then`'s fields; of a conversation with a name, it
                stays in force until another request says something else.
        """
        await self.refresh(connection)
        key = await self._key(connection, owner) if owner else None
        past = await conversations.past(connection, task, owner=owner, now=self._clock())
        return _known(past, key, task, said)

    async def refresh(self, connection: Transaction) -> None:
        """Take what was learned and measured since, once in a while."""
        await self._learning.refresh(connection)
        await self._efforts.refresh(connection)

    async def _key(self, connection: Transaction, owner: str) -> Key | None:
        looked, key = self._remembered(owner)
        if not looked:
            key = await keys.of_owner(connection, owner)
            self._keys[owner] = (time.monotonic() + REMEMBER_SECONDS, key)
        return key

    def _remembered(self, owner: str | None) -> tuple[bool, Key | None]:
        """Whether it is known what the asker's key is, and the key."""
        if owner is None:
            return True, None
        until, key = self._keys.get(owner, (0.0, None))
        return until >= time.monotonic(), key


def _known(past: conversations.Past, key: Key | None, task: Task, said: Mapping[str, Any]) -> Known:
    return Known(
        session=past.session,
        settings=_settings(past.settings, said) if task.conversation is not None else None,
        key=key.name if key else None,
        key_overrides=key.overrides if key else None,
    )


def _settings(before: Then | None, said: Mapping[str, Any]) -> Then | None:
    """What is in force in a conversation from now on: `auto` and null take back what was set."""
    values = (before.model_dump(exclude_none=True) if before else {}) | dict(said)
    kept = {name: value for name, value in values.items() if value not in (None, Effort.AUTO, ())}
    return Then.model_validate(kept) if kept else None
