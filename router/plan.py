"""Draw up the plan for a task: gates first, then what the asker insists on, then the policy."""

import datetime as dt
from collections.abc import Collection, Sequence
from functools import cached_property

from agents.errors import InvalidTask, NotFound, Unavailable
from agents.records import Effort, Task
from router import explain
from router.costs import answer_tokens, cost, prompt_tokens
from router.features import Features, features
from router.gates import COMPUTED, exact
from router.policy import Candidate, Choice, Dial, candidate, choose, efforts_of, is_checked, left_out, mapped_effort
from router.quality import expected
from router.records import ModelCard, Plan, Rung
from router.tables import load_tables
from router.tasktype import Posterior, likely, task_type

METHODS = ("calculate", "direct", "team")
"""What may be insisted on."""
TEAM_CALLS = 6
"""Model calls that a team is taken to make, before anything is known of it."""


def plan(task: Task, *, cards: Sequence[ModelCard], teams: Collection[str] = (), today: dt.date | None = None) -> Plan:
    """Decide how to answer.

    Args:
        task: What is asked.
        cards: The catalog's models, with their health and load now.
        teams: Names of the teams there are.
        today: The asker's date, for calculations that depend on it.

    Raises:
        NotFound: the task names a model or a team that is not there.
        InvalidTask: no model of the catalog, healthy or not, can do what is asked.
        Unavailable: those that could do not answer now.
    """
    team = _team(task, teams)
    if task.method not in (None, *METHODS):
        raise InvalidTask(
            f"method '{task.method}' is not available; available are: {', '.join(METHODS)}", param="pointsman.method"
        )
    if team is not None:
        return _team_plan(team, _Look(task), cards)
    if task.model != "auto":
        return _named_plan(task, _named(task, cards, teams), cards)
    calculation = exact(task, today=today) if task.method in (None, "calculate") else None
    if calculation is not None:
        return _computed_plan(task, cards, why=explain.computed(calculation))
    if task.method == "calculate":
        raise InvalidTask(
            "method 'calculate' needs a prompt that is wholly a calculation, and this one is not",
            param="pointsman.method",
        )
    return _chosen_plan(_Look(task), cards)


_Options = dict[str, tuple[ModelCard, dict[Effort, Candidate]]]
"""By model and effort."""


class _Look:
    """What is seen of a task, once."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.features: Features = features(task.prompt)
        self.posterior: Posterior = task_type(task.prompt, self.features, tools=_offers_tools(task))
        self.input_tokens = prompt_tokens(task)
        self._tables = load_tables()
        self._likely = likely(self.posterior)

    @cached_property
    def output_tokens(self) -> dict[Effort, int]:
        """What is expected to be written, by effort."""
        return {effort: answer_tokens(self._tables, self._likely, self.task, effort) for effort in self._tables.efforts}

    def candidate(self, card: ModelCard, effort: Effort) -> Candidate:
        """One model at one effort."""
        words, size = self.features.words, card.parameters_billion
        quality = expected(self._tables, self._likely, words=words, parameters_billion=size, effort=effort)
        tokens = self.output_tokens[effort]
        priced = cost(card, self.task, input_tokens=self.input_tokens, output_tokens=tokens)
        return candidate(card, effort, self.task, quality=quality, priced=priced)

    def every(self, cards: Sequence[ModelCard]) -> _Options:
        """Each model at each of its efforts that leaves room for the thinking; at the weakest in any case."""
        return {
            card.id: (card, {effort: self.candidate(card, effort) for effort in self._roomy(card)}) for card in cards
        }

    def _roomy(self, card: ModelCard) -> list[Effort]:
        room = card.context_tokens - self.input_tokens
        known = efforts_of(card, Effort.AUTO)
        return [effort for effort in known if effort == known[0] or self.output_tokens[effort] <= room]


def _offers_tools(task: Task) -> bool:
    return bool(task.tools) and task.tool_choice != "none"


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


def _able(look: _Look, cards: Sequence[ModelCard]) -> list[ModelCard]:
    """The models that can do what is asked, healthy or not."""
    _require([card for card in cards if _has_tools(look, card)], cards, "call tools", param="tools")
    _require(
        [card for card in cards if _has_schema(look, card)], cards, "follow a JSON schema", param="response_format"
    )
    talking = [card for card in cards if _has_tools(look, card) and _has_schema(look, card)]
    _require(talking, cards, "both call tools and follow a JSON schema", param="response_format")
    fitting = [card for card in talking if _has_room(look, card)]
    if talking and not fitting:
        largest = max(talking, key=lambda card: card.context_tokens)
        raise InvalidTask(
            f"about {look.input_tokens} tokens of prompt and {look.output_tokens[Effort.NONE]} of answer do not fit: "
            f"{largest.id} takes the most, {largest.context_tokens} tokens in all",
            param="messages",
            code="context_length_exceeded",
        )
    return fitting


def _can(look: _Look, card: ModelCard) -> bool:
    return _has_tools(look, card) and _has_schema(look, card) and _has_room(look, card)


def _has_tools(look: _Look, card: ModelCard) -> bool:
    return card.tools or not _offers_tools(look.task)


def _has_schema(look: _Look, card: ModelCard) -> bool:
    return card.json_schema or look.task.response_schema is None


def _has_room(look: _Look, card: ModelCard) -> bool:
    return look.input_tokens + look.output_tokens[Effort.NONE] <= card.context_tokens


def _require(able: Sequence[ModelCard], cards: Sequence[ModelCard], ability: str, *, param: str) -> None:
    if cards and not able:
        raise InvalidTask(f"none of these models can {ability}: {', '.join(card.id for card in cards)}", param=param)


def _healthy(able: Sequence[ModelCard]) -> list[ModelCard]:
    healthy = [card for card in able if card.healthy]
    if healthy:
        return healthy
    names = ", ".join(card.id for card in able) or "the catalog is empty"
    raise Unavailable(f"no model that could answer this is ready ({names}): see GET /api/models")


def _computed_plan(task: Task, cards: Sequence[ModelCard], *, why: str) -> Plan:
    if not task.checks:
        return Plan(rungs=(COMPUTED,), why=why)
    first = COMPUTED.model_copy(update={"accept": "checks"})
    try:
        rest = _chosen_plan(_Look(task), cards)
    except (InvalidTask, Unavailable) as error:
        return Plan(rungs=(first,), why=f"{why} Should a check refuse it, nothing else can answer: {error}.")
    why = f"{why} Should a check refuse it: {rest.why}"
    return rest.model_copy(update={"rungs": (first, *rest.rungs[-2:]), "why": why})


def _chosen_plan(look: _Look, cards: Sequence[ModelCard]) -> Plan:
    task, options = look.task, look.every(_healthy(_able(look, cards)))
    choice = _choice(task, options, task.effort)
    others = left_out(_allowed(options, task.effort), choice, dial=_dial(task, task.effort))
    ends = {end: _choice(task, options, end).chosen[-1] for end in (Effort.NONE, Effort.MAX) if end != task.effort}
    return Plan(
        rungs=tuple(one.rung for one in choice.chosen),
        considered=tuple(one.rung for one in others),
        task_type=_rounded(look.posterior),
        features=dict(look.features),
        why=explain.chosen(choice, others, task, look.posterior, words=look.features.words, dials=ends),
    )


def _choice(task: Task, options: _Options, effort: Effort) -> Choice:
    """What this place on the effort dial would choose."""
    allowed, dial = _allowed(options, effort), _dial(task, effort)
    return choose(allowed, budget=task.budget, dial=dial, checked=is_checked(task))


def _allowed(options: _Options, effort: Effort) -> list[Candidate]:
    return [rungs[each] for card, rungs in options.values() for each in efforts_of(card, effort) if each in rungs]


def _dial(task: Task, effort: Effort) -> Dial:
    return Dial(effort=effort, target=task.quality_target)


def _named_plan(task: Task, card: ModelCard, cards: Sequence[ModelCard]) -> Plan:
    if task.method == "calculate":
        raise InvalidTask(f"method 'calculate' asks no model; leave out model '{card.id}'", param="pointsman.method")
    look = _Look(task)
    _able(look, [card])
    if task.effort == Effort.AUTO:
        one = _choice(task, look.every([card]), Effort.AUTO).chosen[-1]
    else:
        one = look.candidate(card, mapped_effort(card, task.effort))
    options = look.every([other for other in cards if other.healthy and other.id != card.id and _can(look, other)])
    others = [one.rung for _, rungs in options.values() for one in rungs.values()]
    ranked = tuple(sorted(others, key=lambda rung: (-rung.quality, rung.cost_usd, rung.seconds)))
    return Plan(
        rungs=(one.rung,),
        considered=ranked,
        task_type=_rounded(look.posterior),
        features=dict(look.features),
        why=explain.asked_for(one.rung, task, healthy=card.healthy, others=ranked),
    )


def _team_plan(name: str, look: _Look, cards: Sequence[ModelCard]) -> Plan:
    one = _choice(look.task, look.every(_healthy(cards)), look.task.effort).chosen[-1].rung
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
        accept="checks" if is_checked(look.task) else "always",
    )
    return Plan(
        rungs=(rung,), task_type=_rounded(look.posterior), features=dict(look.features), why=explain.team(name, rung)
    )


def _rounded(posterior: Posterior) -> dict[str, float]:
    """What is worth showing, likeliest first."""
    ranked = sorted(posterior.items(), key=lambda pair: -pair[1])
    return {kind: round(probability, 3) for kind, probability in ranked}
