"""Draw up the plan for a task: gates first, then what the asker insists on, then the policy."""

import datetime as dt
from collections.abc import Collection, Sequence
from functools import cached_property

from agents.errors import InvalidTask, NotFound, Unavailable
from agents.records import ChatMessage, Json, Task
from router import explain
from router.able import able, can, healthy
from router.changes import changes
from router.gates import COMPUTED, exact
from router.learned import NOTHING, Learned
from router.look import Look
from router.policy import Candidate, Dial, is_checked, left_out, mapped_effort
from router.records import ModelCard, Plan, Rung, trusted
from router.rules import Applied, Asked, Rule, applied
from router.session import Session
from router.tasktype import TaskType
from router.weigh import Weighed

METHODS = ("calculate", "direct", "team")
"""What may be planned where the caller says nothing else."""
TEAM_CALLS = 6
"""Model calls that a team is taken to make, before anything is known of it."""
MOST_CONSIDERED = 24
"""Rungs that a plan shows besides those it takes."""
_UNSEEN = 0.0004
"""A probability that is shown as 0."""


def plan(
    task: Task,
    *,
    cards: Sequence[ModelCard],
    teams: Collection[str] = (),
    methods: Collection[str] = METHODS,
    today: dt.date | None = None,
    learned: Learned = NOTHING,
    session: Session | None = None,
    rules: Sequence[Rule] = (),
    key: str | None = None,
    agent: str | None = None,
) -> Plan:
    """Decide how to answer.

    Args:
        task: What is asked.
        cards: The catalog's models, with their health and load now.
        teams: Names of the teams there are.
        methods: The methods there are.
        today: The asker's date, for calculations that depend on it.
        learned: What this installation's graded answers have taught.
        session: Who answered last in the conversation; None where it begins.
        rules: What is decided beforehand, each source's in the order they are tried.
        key: Name of the API key that asks; rules may look at it.
        agent: The agent for whose turn the plan is, where it is one's; rules may look at it.

    Raises:
        NotFound: the task names a model or a team that is not there.
        InvalidTask: no model of the catalog, healthy or not, can do what is asked.
        Unavailable: those that could do not answer now.
    """
    scene = _Scene(task, cards, methods, learned, session)
    if rules:
        scene.obey(rules, key=key, agent=agent)
    task, team = scene.task, _team(scene.task, teams)
    if task.method is not None and task.method not in methods:
        there = ", ".join(methods)
        raise InvalidTask(f"method '{task.method}' is not available; available are: {there}", param="pointsman.method")
    if team is not None:
        return _team_plan(team, scene)
    if task.model != "auto":
        return _named_plan(_named(task, cards, teams), scene)
    calculation = exact(task, today=today) if task.method in (None, "calculate") else None
    if calculation is not None:
        return _computed_plan(scene, why=explain.computed(calculation))
    if task.method == "calculate":
        raise InvalidTask(
            "method 'calculate' needs a prompt that is wholly a calculation, and this one is not",
            param="pointsman.method",
        )
    return _chosen_plan(scene)


def warm() -> None:
    """Load the tables and all else that the first plan of a process would have to wait for."""
    card = ModelCard(id="none", parameters_billion=1, context_tokens=8192)
    task = Task(messages=(ChatMessage(role="user", content="Why is the sky blue?"),))
    plan(task, cards=(card,)).model_dump_json()


class _Scene:
    """A task, after the rules have had their say, with what its plan depends on."""

    def __init__(
        self,
        task: Task,
        cards: Sequence[ModelCard],
        methods: Collection[str],
        learned: Learned,
        session: Session | None,
    ) -> None:
        self.cards, self.methods, self.session = cards, methods, session
        self.ruled = Applied(task=task)
        self._asked, self._learned = task, learned

    @property
    def task(self) -> Task:
        return self.ruled.task

    @cached_property
    def look(self) -> Look:
        """What is seen of the task; no rule changes it."""
        return Look(self._asked, learned=self._learned, session=self.session)

    def obey(self, rules: Sequence[Rule], *, key: str | None, agent: str | None) -> None:
        """Let the rules have their say."""
        asked = Asked(
            text=self.look.work.text,
            posterior=self.look.posterior,
            prompt_tokens=self.look.input_tokens,
            script=lambda: self.look.script,
            key=key,
            agent=agent,
            models=[card.id for card in self.cards],
            methods=self.methods,
        )
        self.ruled = applied(self._asked, rules, asked=asked)

    def allowed_cards(self) -> Sequence[ModelCard]:
        """The models that the rules leave to choose among."""
        left = [card for card in self.cards if self.ruled.allows(card.id)]
        if self.cards and not left:
            told = " ".join(self.ruled.overrides)
            raise InvalidTask(f"the rules leave no model of the catalog to choose: {told}", param="model")
        return left

    def plan(
        self,
        rungs: Sequence[Rung],
        why: str,
        *,
        considered: Sequence[Candidate] = (),
        would_change: tuple[str, ...] = (),
        seen: bool = True,
    ) -> Plan:
        """Put the plan together."""
        accept = "checks" if is_checked(self.task) else "always"
        return trusted(
            Plan,
            rungs=tuple(rungs),
            considered=tuple([one.rung(accept) for one in considered[:MOST_CONSIDERED]]),
            task_type=_rounded(self.look.ranked) if seen else {},
            features=_features(self.look) if seen else {},
            why=" ".join((*self.ruled.overrides, why)),
            would_change=would_change,
            overrides=self.ruled.overrides,
            limits=self.task.budget,
            models=tuple([card.id for card in self.cards if self.ruled.allows(card.id)]),
        )


def _chosen_plan(scene: _Scene) -> Plan:
    look, task, session = scene.look, scene.task, scene.session
    able_cards = able(look, scene.allowed_cards())
    cards = healthy(able_cards)
    weighed = Weighed(look, task, cards, methods=scene.methods, session=session)
    choice = weighed.choice(task.effort)
    others = left_out(weighed.allowed(task.effort), choice, dial=Dial(task.effort, task.quality_target))
    final = choice.chosen[-1]
    asleep = weighed.added([card for card in able_cards if not card.healthy])
    return scene.plan(
        choice.rungs,
        explain.chosen(choice, others, task, look, _card(final, cards), held=explain.held(look, final, cards)),
        considered=others,
        would_change=changes(choice, task, allowed=weighed.contenders, ready=asleep),
    )


def _named_plan(card: ModelCard, scene: _Scene) -> Plan:
    task, look = scene.task, scene.look
    if task.method == "calculate":
        raise InvalidTask(f"method 'calculate' asks no model; leave out model '{card.id}'", param="pointsman.method")
    able(look, [card])
    weighed = Weighed(look, task, [card], methods=scene.methods, session=scene.session, efforts=mapped_effort)
    choice = weighed.choice(task.effort)
    rest = [other for other in scene.cards if other.healthy and other.id != card.id and can(look, other)]
    others = Weighed(look, task, rest, methods=scene.methods, session=scene.session).allowed(task.effort)
    ranked = sorted(others, key=lambda one: (-one.quality, one.price))
    return scene.plan(
        choice.rungs,
        explain.asked_for(choice, task, look, card, others=ranked, by=scene.ruled.model_by),
        considered=ranked,
        would_change=changes(choice, task, allowed=weighed.contenders, ready={}),
    )


def _computed_plan(scene: _Scene, *, why: str) -> Plan:
    if not scene.task.checks:
        return scene.plan((COMPUTED,), why, seen=False)
    first = COMPUTED.model_copy(update={"accept": "checks"})
    try:
        rest = _chosen_plan(scene)
    except (InvalidTask, Unavailable) as error:
        return scene.plan((first,), f"{why} Should a check refuse it, nothing else can answer: {error}.", seen=False)
    why = f"{why} Should a check refuse it: {rest.why}"
    return rest.model_copy(update={"rungs": (first, *rest.rungs[-2:]), "why": why})


def _team_plan(name: str, scene: _Scene) -> Plan:
    task, cards = scene.task.model_copy(update={"method": "direct"}), healthy(scene.allowed_cards())
    weighed = Weighed(scene.look, task, cards, methods=scene.methods, session=None)
    one = weighed.choice(task.effort).rungs[-1]
    rung = Rung(
        method="team",
        team=name,
        effort=one.effort,
        quality=one.quality,
        quality_low=one.quality_low,
        quality_high=max(one.quality_high, 0.95),
        input_tokens=one.input_tokens * TEAM_CALLS,
        output_tokens=one.output_tokens * TEAM_CALLS,
        cost_usd=one.cost_usd * TEAM_CALLS,
        seconds=one.seconds * TEAM_CALLS,
        gpu_seconds=one.gpu_seconds * TEAM_CALLS,
        worst_tokens=one.worst_tokens * TEAM_CALLS,
        worst_usd=one.worst_usd * TEAM_CALLS,
        accept="checks" if is_checked(task) else "always",
    )
    return scene.plan((rung,), explain.team(name, rung))


def _team(task: Task, teams: Collection[str]) -> str | None:
    by_model = task.model.removeprefix("team/") if task.model.startswith("team/") else None
    if task.team and by_model and task.team != by_model:
        raise InvalidTask(f"two teams are named: '{task.team}' and model 'team/{by_model}'", param="pointsman.team")
    name = task.team or by_model
    known = ", ".join(sorted(teams)) or "none"
    if task.method == "team" and name is None:
        raise InvalidTask(f"method 'team' needs the name of a team; there are: {known}", param="pointsman.team")
    if name is not None and task.method not in (None, "team"):
        raise InvalidTask(
            f"method '{task.method}' does not work with a team; leave it out, or ask for 'team'",
            param="pointsman.method",
        )
    if name is not None and name not in teams:
        raise NotFound(
            f"no team '{name}'; there are: {known}",
            param="model" if by_model else "pointsman.team",
            code="team_not_found",
        )
    return name


def _named(task: Task, cards: Sequence[ModelCard], teams: Collection[str]) -> ModelCard:
    for card in cards:
        if card.id == task.model:
            return card
    known = ", ".join(["auto", *sorted(card.id for card in cards), *sorted(f"team/{name}" for name in teams)])
    raise NotFound(f"no model '{task.model}'; there are: {known}", param="model", code="model_not_found")


def _card(one: Candidate, cards: Sequence[ModelCard]) -> ModelCard:
    return next(card for card in cards if card.id == one.model)


def _rounded(ranked: Sequence[tuple[TaskType, float]]) -> dict[str, float]:
    """What is worth showing, likeliest first; most of it is next to nothing, and rounding takes its time."""
    return {kind: round(probability, 3) if probability > _UNSEEN else 0.0 for kind, probability in ranked}


def _features(look: Look) -> Json:
    """What was seen, by name; the text model's opinion too, where it has one."""
    gain = look.gain
    return look.features._asdict() | ({"gain": round(gain.score, 4)} if gain.weight else {})
