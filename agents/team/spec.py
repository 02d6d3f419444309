"""The team file as records: what a team is, and the JSON Schema that editors complete it by."""

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator

from agents.checks import validate
from agents.errors import InvalidTask
from agents.records import Budget, CheckSpec, Effort, Json, JsonSchemaCheck, MethodName, Record

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"

Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
"""Small letters, digits, `-` and `_`, beginning with a letter."""
InputName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
InputType = Literal["string", "integer", "number", "boolean"]
Scalar = str | int | float | bool


def _usable(check: CheckSpec) -> CheckSpec:
    try:
        validate(check)
    except InvalidTask as error:
        raise ValueError(str(error)) from error
    return check


def _usable_schema(schema: Json) -> Json:
    _usable(JsonSchemaCheck(schema=schema))
    return schema


class TeamRecord(Record):
    """A record of the team file; the words under a field are what an editor shows."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Defaults(TeamRecord):
    """What holds for agents that say nothing else."""

    model: str = "auto"
    """`auto`, or a model of the catalog."""
    effort: Effort = Effort.AUTO
    """How hard to think: auto, none, low, medium, high or max."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    """How freely to write: 0 is always the likeliest word."""


class AgentSpec(TeamRecord):
    """One agent: who it is, what it does, and by what means."""

    description: str = ""
    """What it is for, in a few words, for people."""
    role: str = ""
    """Who it is: `Senior researcher`."""
    goal: str = ""
    """What it wants to reach."""
    backstory: str = ""
    """Where it comes from; colours how it writes."""
    instructions: str = ""
    """What it has to do, and how."""
    model: str | None = None
    """`auto`, or a model of the catalog; left out: that of `defaults`."""
    effort: Effort | None = None
    """How hard to think; left out: that of `defaults`."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    """How freely to write; left out: that of `defaults`."""
    tools: tuple[str, ...] = ()
    """Names of the tools it may call."""
    output_schema: Annotated[Json, AfterValidator(_usable_schema)] | None = None
    """JSON Schema that its words have to follow."""


class Termination(TeamRecord):
    """When a group chat ends."""

    max_turns: int = Field(default=10, ge=1, le=200)
    """The most turns of all agents together."""
    stop_when: str | None = None
    """`<agent>.done`: that agent says that nothing is left to do."""


class ProcessSpec(TeamRecord):
    """How the agents work together."""

    process: Literal["sequential", "group_chat"] = "sequential"
    """sequential: the tasks one after the other. group_chat: the agents speak in turn until one of them says done."""
    order: tuple[str, ...] = ()
    """group_chat: who speaks after whom; left out: as the agents stand in the file."""
    entry: str | None = None
    """group_chat: who speaks first; left out: the first in the order."""
    result: str | None = None
    """Whose last words are the answer; left out: the first speaker's, or the last task's."""
    termination: Termination = Termination()
    """group_chat: when it ends."""


class TaskSpec(TeamRecord):
    """One piece of work in a sequential team."""

    id: Id
    """Its name, for `context`."""
    description: str
    """What is to be done."""
    expected_output: str = ""
    """What the result looks like."""
    agent: str
    """Who does it."""
    context: tuple[str, ...] | None = None
    """Earlier tasks whose results are shown; left out: the one before."""
    checks: tuple[Annotated[CheckSpec, AfterValidator(_usable)], ...] = ()
    """What the result has to pass. A failed one is told to the agent once; a second failure ends the attempt."""


class InputSpec(TeamRecord):
    """A value that is given when the team is run."""

    type: InputType = "string"
    """What kind of value it is."""
    required: bool = True
    """Whether a run without it is refused; one with a default never is."""
    default: Scalar | None = None
    """Its value when none is given."""
    description: str = ""
    """What it means, for the form and the command line."""

    @model_validator(mode="after")
    def _default_is_of_its_type(self) -> "InputSpec":
        if self.default is not None and not is_of_type(self.default, self.type):
            raise ValueError(f"the default {self.default!r} is not of type {self.type}")
        return self


class Scaling(TeamRecord):
    """How the turns of agents without tools are answered."""

    method: Literal["direct", "auto", "self_consistency", "best_of_n", "refine", "verify"] = "direct"
    """direct: by one reply. self_consistency: several replies vote. best_of_n: the best of several. refine: a reply is
    criticised and rewritten. verify: a reply is verified and revised. auto: what the router thinks worth its price."""
    samples: int | None = Field(default=None, ge=1, le=8)
    """How many replies a turn may take, with another method than direct; left out: the router says."""
    early_stop: bool = True
    """self_consistency: stop when the vote is as good as decided."""

    @model_validator(mode="after")
    def _samples_have_a_method(self) -> "Scaling":
        if self.method == "direct" and (self.samples or 1) > 1:
            raise ValueError(f"samples: {self.samples} needs another method than direct: direct is one reply")
        return self

    @property
    def named(self) -> MethodName | None:
        """The method as a task names it; None leaves it to the router."""
        return None if self.method == "auto" else self.method


class TeamSpec(TeamRecord):
    """A team of agents: who they are, how they work together, and within which limits."""

    version: Literal[1]
    """Version of this format."""
    name: Id
    """The team is called `team/<name>` where a model is chosen."""
    description: str = ""
    """What it is for, in one line."""
    defaults: Defaults = Defaults()
    agents: dict[Id, AgentSpec] = Field(min_length=1, max_length=20)
    """The agents, by id."""
    team: ProcessSpec = ProcessSpec()
    tasks: tuple[TaskSpec, ...] = Field(default=(), max_length=100)
    """The work of a sequential team, in order."""
    scaling: Scaling = Scaling()
    limits: Budget = Budget()
    """The most that a run of the team may spend, over all its agents."""
    inputs: dict[InputName, InputSpec] = Field(default_factory=dict)
    """Values that are given with each run; `{name}` in an agent's or a task's words stands for one."""
    metadata: dict[str, str] = Field(default_factory=dict)
    """Your own notes; nothing reads them."""

    @property
    def speakers(self) -> tuple[str, ...]:
        """The order of a group chat, from its first speaker on."""
        order = self.team.order or tuple(self.agents)
        first = order.index(self.team.entry) if self.team.entry else 0
        return order[first:] + order[:first]

    @property
    def decider(self) -> str | None:
        """The agent that ends a group chat by saying done."""
        stop_when = self.team.termination.stop_when
        return stop_when.removesuffix(".done") if stop_when else None

    @property
    def result(self) -> str:
        """The agent whose last words are the answer."""
        if self.team.result:
            return self.team.result
        return self.tasks[-1].agent if self.team.process == "sequential" else self.speakers[0]


def is_of_type(value: object, type_: InputType) -> bool:
    """Tell whether a value is what an input asks for; true and false are no numbers."""
    match type_:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)


def team_json_schema() -> Json:
    """Give the JSON Schema of the team file, made from the records that read it."""
    return {"$schema": SCHEMA_DIALECT, "title": "Pointsman team", **TeamSpec.model_json_schema()}


def narrowed(budget: Budget, limits: Budget) -> Budget:
    """Take the smaller of each limit: a team may narrow what its run may spend, and never widen it."""
    both = {name: (getattr(budget, name), getattr(limits, name)) for name in Budget.model_fields}
    return Budget(
        **{name: min((value for value in pair if value is not None), default=None) for name, pair in both.items()}
    )
