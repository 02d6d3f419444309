"""Rules that override the router: per conversation, per API key, and from the configuration; the first that fits wins.

What a request says itself comes before all of them, and no rule loosens a limit.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import Field, field_validator

from agents.records import Budget, Effort, MethodName, Record, Task
from router.script import Script
from router.tasktype import Posterior, TaskType

if TYPE_CHECKING:
    import regex

PATTERN_SECONDS = 0.05
"""A pattern that takes longer is taken not to match, which is said."""
Source = Literal["conversation", "key", "config"]
_PRECEDENCE: Sequence[Source] = ("conversation", "key", "config")


class When(Record):
    """When a rule applies: everything that is given holds; with nothing given, always."""

    task_types: tuple[TaskType, ...] = ()
    """The prompt is of one of these, with `least_probability` together."""
    least_probability: float = Field(default=0.5, gt=0, le=1)
    pattern: str | None = None
    """A regular expression, found in the prompt."""
    contains: tuple[str, ...] = ()
    """Any of these is in the prompt; upper and lower case are the same."""
    keys: tuple[str, ...] = ()
    """Names of API keys."""
    teams: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    """Ids of a team's agents, for the turns of which plans are drawn up too."""
    min_prompt_tokens: int | None = Field(default=None, ge=0)
    max_prompt_tokens: int | None = Field(default=None, ge=0)
    scripts: tuple[Script, ...] = ()
    """What most of the prompt is written in: as much of its language as can be seen."""
    has_tools: bool | None = None
    models: tuple[str, ...] = ()
    """The model that was asked for, `auto` included. A name that no model has can be given one by the rule."""

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            _compiled(pattern)
        return pattern


class Then(Record):
    """What a rule sets; None leaves it."""

    model: str | None = None
    effort: Effort | None = None
    method: MethodName | None = None
    samples: int | None = Field(default=None, ge=1, le=64)
    quality_target: float | None = Field(default=None, ge=0, le=1)
    max_usd: Decimal | None = Field(default=None, ge=0)
    max_seconds: float | None = Field(default=None, gt=0)
    only_models: tuple[str, ...] = ()
    """The router chooses among these."""
    not_models: tuple[str, ...] = ()
    """The router chooses none of these."""


class Rule(Record):
    """Something that is decided before the router decides."""

    name: str = Field(min_length=1)
    source: Source = "config"
    when: When = When()
    then: Then


class Asked(NamedTuple):
    """All that conditions look at."""

    text: str
    posterior: Posterior
    prompt_tokens: int
    script: Callable[[], Script]
    key: str | None
    agent: str | None
    models: Collection[str]
    """The catalog's."""
    methods: Collection[str]
    """Those that may be planned."""


class Applied(NamedTuple):
    """A task, with what the rules made of it."""

    task: Task
    overrides: tuple[str, ...] = ()
    only: frozenset[str] | None = None
    """The models to choose among; None is all."""
    never: frozenset[str] = frozenset()
    model_by: str | None = None
    """The rule that named the model, where one did."""

    def allows(self, model: str) -> bool:
        """Whether the router may choose this model."""
        return (self.only is None or model in self.only) and model not in self.never


def applied(task: Task, rules: Sequence[Rule], *, asked: Asked) -> Applied:
    """Let the first rule of each source that fits have its say, in the order of precedence."""
    done, said = Applied(task=task), list[str]()
    for source in _PRECEDENCE:
        rule, slow = _first(rules, source, task, asked)
        said += [f"Rule '{name}' ({source}): its pattern took too long and counts as not found." for name in slow]
        if rule is not None:
            done, told = _with(done, rule, task, asked)
            said.append(f"Rule '{rule.name}' ({source}): {', '.join(told) or 'nothing to set'}.")
    return Applied(task=done.task, overrides=tuple(said), only=done.only, never=done.never, model_by=done.model_by)


def _first(rules: Sequence[Rule], source: Source, task: Task, asked: Asked) -> tuple[Rule | None, list[str]]:
    slow: list[str] = []
    for rule in rules:
        if rule.source != source:
            continue
        try:
            if _fits(rule.when, task, asked):
                return rule, slow
        except TimeoutError:
            slow.append(rule.name)
    return None, slow


def _fits(when: When, task: Task, asked: Asked) -> bool:
    return all(_conditions(when, task, asked))


def _conditions(when: When, task: Task, asked: Asked) -> Iterator[bool]:
    """Cheap ones first: what does not hold ends the search."""
    yield not when.keys or asked.key in when.keys
    yield not when.agents or asked.agent in when.agents
    yield not when.models or task.model in when.models
    yield not when.teams or (task.team or task.model.removeprefix("team/")) in when.teams
    yield when.has_tools is None or when.has_tools == bool(task.tools)
    yield when.min_prompt_tokens is None or asked.prompt_tokens >= when.min_prompt_tokens
    yield when.max_prompt_tokens is None or asked.prompt_tokens <= when.max_prompt_tokens
    if when.task_types:
        yield sum(asked.posterior.get(kind, 0.0) for kind in when.task_types) >= when.least_probability
    if when.scripts:
        yield asked.script() in when.scripts
    if when.contains:
        folded = asked.text.casefold()
        yield any(word.casefold() in folded for word in when.contains)
    if when.pattern is not None:
        yield _compiled(when.pattern).search(asked.text, timeout=PATTERN_SECONDS) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> "regex.Pattern[str]":
    import regex

    try:
        return regex.compile(pattern)
    except (regex.error, RecursionError) as error:
        raise ValueError(f"the pattern {pattern!r} is no regular expression: {error}") from None


def _with(done: Applied, rule: Rule, request: Task, asked: Asked) -> tuple[Applied, list[str]]:
    """Add what a rule sets; what the request, or a rule before this one, has set already stays."""
    then, told, changes = rule.then, list[str](), dict[str, object]()
    for name, value in _settings(then, done.task, rule.when, asked).items():
        changes[name] = value
        told.append(f"{name} {value}")
    told += _unusable(then, request, rule.when, asked)
    tightened = _tightened(done.task.budget, then)
    if tightened != done.task.budget:
        changes["budget"] = tightened
        told += [f"{name} at most {value}" for name, value in _limits(then).items() if value is not None]
    named, only = "model" in changes or done.task.model != "auto", done.only
    if then.only_models and only is None and not named:
        only = frozenset(then.only_models)
        told.append(f"only {' or '.join(then.only_models)}")
    never = done.never | frozenset(then.not_models) if not named else done.never
    told += [f"not {' nor '.join(then.not_models)}"] if then.not_models and not named else []
    task = done.task.model_copy(update=changes) if changes else done.task
    model_by = rule.name if "model" in changes else done.model_by
    return Applied(task=task, only=only, never=never, model_by=model_by), told


def _settings(then: Then, task: Task, when: When, asked: Asked) -> Mapping[str, object]:
    """What may be set: the request left it open."""
    found: dict[str, object] = {}
    if then.model in asked.models and _open_to_model(task, when, asked):
        found["model"] = then.model
    if then.effort is not None and task.effort == Effort.AUTO:
        found["effort"] = then.effort
    if then.method in asked.methods and task.method is None and task.team is None:
        found["method"] = then.method
    if then.samples is not None and task.samples is None:
        found["samples"] = then.samples
    if then.quality_target is not None and task.quality_target is None:
        found["quality_target"] = then.quality_target
    return found


def _open_to_model(task: Task, when: When, asked: Asked) -> bool:
    """Whether a rule may name the model: none was asked for, or one that is not there and that the rule speaks of."""
    unknown = task.model in when.models and task.model not in asked.models
    return task.team is None and (task.model == "auto" or (unknown and not task.model.startswith("team/")))


def _unusable(then: Then, request: Task, when: When, asked: Asked) -> list[str]:
    told: list[str] = []
    if then.model is not None and then.model not in asked.models:
        told.append(f"its model '{then.model}' is not in the catalog")
    if then.method is not None and then.method not in asked.methods:
        told.append(f"its method '{then.method}' is not available")
    if (then.model or then.only_models or then.not_models) and not _open_to_model(request, when, asked):
        told.append(f"'{request.team or request.model}', which was asked for by name, stays")
    return told


def _limits(then: Then) -> Mapping[str, Decimal | float | None]:
    return {"max_usd": then.max_usd, "max_seconds": then.max_seconds}


def _tightened(budget: Budget, then: Then) -> Budget:
    tighter = {
        name: value
        for name, value in _limits(then).items()
        if value is not None and (getattr(budget, name) is None or value < getattr(budget, name))
    }
    return budget.model_copy(update=tighter) if tighter else budget
