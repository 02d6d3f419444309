"""The rungs that are weighed: those of some models, as the asker and the conversation leave them open."""

from collections.abc import Callable, Collection, Sequence

from agents.records import Effort, MethodName, Task
from router.look import Look
from router.policy import (
    ALIKE,
    SAMPLES,
    Candidate,
    Choice,
    Dial,
    affords,
    choose,
    contenders,
    efforts_of,
    harder,
    is_checked,
    pull,
)
from router.records import ModelCard
from router.session import Session, is_tool_turn
from router.tasktype import TaskType

Efforts = Callable[[ModelCard, Effort], Collection[Effort]]
"""The efforts of a model that may run when one is asked for."""
Way = tuple[MethodName, int]
"""A method, and how often it asks."""
GAINING: Collection[TaskType] = ("math", "code_write", "code_fix")
"""Types whose answers can be told right from wrong by comparing them or by running them. For the others several answers
gain little, keep a reader waiting who could watch one grow, and are weighed only where they are asked for."""
LEAST_GAINING = 0.5
"""Probability of these types together from which on several answers are weighed."""


class Weighed:
    """Rungs of some models.

    A tool's result that came last never switches the model; the effort stays too, unless a check failed. At a user's
    turn all is open, and to leave the model at hand is a burden. After a failed check only what is better is.
    """

    def __init__(
        self,
        look: Look,
        task: Task,
        cards: Sequence[ModelCard],
        *,
        methods: Collection[str],
        session: Session | None,
        efforts: Efforts = efforts_of,
    ) -> None:
        self._task, self._look, self._session, self._efforts = task, look, session, efforts
        at_hand = next((card for card in cards if session and card.id == session.model), None)
        self.goes_on = at_hand is not None and is_tool_turn(task.messages)
        """The conversation's model answers, without question."""
        self.cards = (at_hand,) if at_hand and self.goes_on else tuple(cards)
        self._liked = pull(cards, at_hand=at_hand.id if at_hand else None)
        alone = look.offers_tools or self.goes_on or not _gains_by_samples(look, task)
        self._ways = _ways(task, methods, alone=alone)
        self._rungs = {card.id: self._of(card) for card in self.cards}
        self._contenders: dict[object, tuple[Candidate, ...]] = {}
        """By effort, and by what it allows."""
        self._failed = (
            look.candidate(at_hand, session.effort, liked=self._liked)
            if session and session.failed_check and at_hand
            else None
        )

    def allowed(self, effort: Effort) -> list[Candidate]:
        """What an effort leaves to choose from."""
        return self._options(effort, self._efforts_at(effort))

    def contenders(self, effort: Effort) -> tuple[Candidate, ...]:
        """Those of them that are not beaten in everything; the same object where the same rungs are allowed."""
        found = self._contenders.get(effort)
        if found is None:
            efforts = self._efforts_at(effort)
            found = self._contenders.get(efforts) or contenders(self._options(effort, efforts))
            self._contenders[efforts] = self._contenders[effort] = found
        return found

    def added(self, cards: Sequence[ModelCard]) -> dict[str, list[Candidate]]:
        """What more models would add, by model."""
        effort, more = self._task.effort, () if self.goes_on else cards
        return {card.id: _at(self._of(card), self._efforts(card, effort)) for card in more}

    def choice(self, effort: Effort) -> Choice:
        """What this place on the effort dial chooses."""
        dial = Dial(effort, self._task.quality_target)
        return choose(self.contenders(effort), budget=self._task.budget, dial=dial, checked=is_checked(self._task))

    def _of(self, card: ModelCard) -> list[Candidate]:
        return self._look.candidates(card, ways=self._ways, liked=self._liked)

    def _efforts_at(self, effort: Effort) -> tuple[Collection[Effort], ...]:
        """The efforts of each model that may run when one is asked for."""
        return tuple([self._efforts(card, effort) for card in self.cards])

    def _options(self, effort: Effort, efforts: tuple[Collection[Effort], ...]) -> list[Candidate]:
        """The rungs at each model's efforts; where it has none of them, at those up to the one asked for."""
        options: list[Candidate] = []
        for card, those in zip(self.cards, efforts, strict=True):
            rungs = self._rungs[card.id]
            options += _at(rungs, those) or _at(rungs, efforts_of(card, effort))
        return self._open(options)

    def _open(self, options: list[Candidate]) -> list[Candidate]:
        """What the conversation leaves of them."""
        session, failed = self._session, self._failed
        if session is None:
            return options
        if failed is not None:
            return [one for one in options if _above(one, failed)] or options  # the best there is has failed already
        if not self.goes_on:
            return options
        same = [one for one in options if one.effort == session.effort and affords(self._task.budget, one)]
        return same or [one for one in options if not harder(one.effort, session.effort)] or options


def _gains_by_samples(look: Look, task: Task) -> bool:
    """Whether several answers are weighed: a check can choose among them, or they were asked for, or the type gains."""
    asked = is_checked(task) or task.samples is not None
    return asked or sum(look.posterior.get(one, 0.0) for one in GAINING) >= LEAST_GAINING


def _at(rungs: Sequence[Candidate], efforts: Collection[Effort]) -> list[Candidate]:
    return [one for one in rungs if one.effort in efforts]


def _above(one: Candidate, failed: Candidate) -> bool:
    """Whether there is hope that it does what the other did not: about alike is not better."""
    same = one.model == failed.model
    return harder(one.effort, failed.effort) if same else one.quality > failed.quality + ALIKE


def _ways(task: Task, methods: Collection[str], *, alone: bool) -> list[Way]:
    """The methods to weigh: what the asker insists on, or else all there are; `alone`: a call can not be voted on."""
    if task.method is not None and task.method not in SAMPLES:
        return [(task.method, 1)]
    if task.method is not None:
        return _each(task.method, task.samples)
    named = task.model != "auto" and task.samples is None  # who names a model wants its answer, and no vote
    alone = alone or named or task.sampling.n > 1 or task.sampling.logprobs or task.samples == 1
    sampled = [way for method in SAMPLES if method in methods and not alone for way in _each(method, task.samples)]
    return sampled if sampled and task.samples else [("direct", 1), *sampled]


def _each(method: MethodName, samples: int | None) -> list[Way]:
    return [(method, often) for often in ((samples,) if samples else SAMPLES[method])]
