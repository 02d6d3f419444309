"""What the router is told of the models, and the plan it draws up."""

from decimal import Decimal
from functools import cache
from typing import Literal, TypeVar

from pydantic import Field

from agents.records import Budget, Effort, Json, MethodName, Record, Usd

Modality = Literal["text", "image", "audio", "video"]


class ModelCard(Record):
    """One model as the router sees it: what it can do, what it costs, and whether it is there."""

    id: str
    parameters_billion: float = Field(gt=0)
    """Size, active parameters for a mixture of experts; places the model on the shipped quality tables."""
    served_as: str = ""
    """The name its makers gave it (`Qwen/Qwen3-8B`): finds what is known of it in the shipped tables, loosely."""
    context_tokens: int = Field(gt=0)
    """The most that one request may hold, prompt and answer together."""
    efforts: tuple[Effort, ...] = (Effort.NONE,)
    """The efforts that make a difference on this model, weakest first."""
    usd_per_million_input_tokens: Decimal = Decimal(0)
    usd_per_million_output_tokens: Decimal = Decimal(0)
    usd_per_hour: Decimal = Decimal(0)
    """Price of the machine while it works on a call; 0 for one's own laptop."""
    prefill_tokens_per_second: float = Field(default=1000.0, gt=0)
    decode_tokens_per_second: float = Field(default=50.0, gt=0)
    parallel_answers: float = Field(default=8.0, ge=1)
    """How many answers it writes at once at the pace of one: a graphics card many, a processor hardly more than one."""
    shared_prefix: bool = False
    """Samples of one prompt pay for its input once."""
    tools: bool = True
    json_schema: bool = True
    modalities: tuple[Modality, ...] = ("text",)
    """What it can be given to read."""
    languages: tuple[str, ...] = ()
    """ISO 639-1 codes of those it was made for; empty: it is not known, and none is held against it."""
    healthy: bool = True
    """False: it does not answer now, and no plan may use it."""
    queue: int = 0
    """Requests that wait in front of it."""


class Rung(Record):
    """One way to answer: a method with its model, effort and samples, and what is expected of it."""

    method: MethodName
    model: str | None = None
    effort: Effort = Effort.NONE
    samples: int = 1
    team: str | None = None
    quality: float
    """Chance of a right answer, 0 to 1, 1 is best."""
    quality_low: float
    """Lower end of the 90 % interval of `quality`."""
    quality_high: float
    input_tokens: int = 0
    output_tokens: int = 0
    """Tokens of all its calls together, input and output, as expected."""
    cost_usd: Usd = Decimal(0)
    seconds: float = 0.0
    gpu_seconds: float = 0.0
    """Of the machine that is paid by the hour; 0 where tokens are paid for."""
    worst_tokens: int = 0
    """The most that input and output together may come to."""
    worst_usd: Usd = Decimal(0)
    accept: Literal["exact", "checks", "agreement", "always"] = "always"
    """When its answer may stand.

    `exact`: it is computed; `checks`: those asked for pass; `agreement`: most of its samples came to the same answer;
    `always`: nothing is checked.
    """

    @property
    def short(self) -> str:
        """The rung in a few words: `self_consistency small low n<=8`."""
        if self.method == "calculate":
            return "calculate"
        if self.method == "team":
            return f"team {self.team}"
        return in_short(self.method, self.model, self.effort, self.samples)


def in_short(method: str, model: str | None, effort: Effort, samples: int) -> str:
    """Name a way of asking a model."""
    words = f"{method} {model} {effort.value}"
    return f"{words} n<={samples}" if samples > 1 else words


class Plan(Record):
    """The rungs to climb, in order, and the reasons."""

    rungs: tuple[Rung, ...]
    considered: tuple[Rung, ...] = ()
    """What else was weighed and left out, best first; of many, those worth a look."""
    task_type: dict[str, float] = Field(default_factory=dict)
    """Probability of each task type, summing to 1; empty where a gate or the asker decided."""
    features: Json = Field(default_factory=dict)
    """What the router saw in the prompt, by name."""
    why: str
    would_change: tuple[str, ...] = ()
    """What would change the choice, each a sentence that was tried and found true."""
    overrides: tuple[str, ...] = ()
    """The rules that had a say, and what each set."""
    limits: Budget = Budget()
    """What the run is held to: the tightest of the request's budget and of the rules that applied."""
    models: tuple[str, ...] = ()
    """Those that the rules leave, healthy or not: no other may see anything of the task, judges included."""

    @property
    def short(self) -> str:
        """The rungs in short form: what the header `x-pointsman-plan` says."""
        return " > ".join(rung.short for rung in self.rungs)


R = TypeVar("R", bound=Record)


def trusted(kind: type[R], **values: object) -> R:
    """Make a record of values that need no check, every field in its order: a plan has dozens of them to make."""
    made = kind.__new__(kind)
    hold = object.__setattr__
    hold(made, "__dict__", values)
    hold(made, "__pydantic_fields_set__", _names(kind))
    hold(made, "__pydantic_extra__", None)
    hold(made, "__pydantic_private__", None)
    return made


@cache
def _names(kind: type[Record]) -> set[str]:
    return set(kind.model_fields)
