"""What the router is told of the models, and the plan it draws up."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from agents.records import Effort, Json, MethodName, Record, Usd


class ModelCard(Record):
    """One model as the router sees it: what it can do, what it costs, and whether it is there."""

    id: str
    parameters_billion: float = Field(gt=0)
    """Size, active parameters for a mixture of experts; places the model on the shipped quality tables."""
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
    tools: bool = True
    json_schema: bool = True
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
    cost_usd: Usd = Decimal(0)
    seconds: float = 0.0
    accept: Literal["exact", "checks", "always"] = "always"
    """When its answer may stand: `exact` it is computed, `checks` those asked for pass, `always` nothing is checked."""

    @property
    def short(self) -> str:
        """The rung in a few words: `self_consistency small low n<=8`."""
        if self.method == "calculate":
            return "calculate"
        if self.method == "team":
            return f"team {self.team}"
        words = f"{self.method} {self.model} {self.effort}"
        return f"{words} n<={self.samples}" if self.samples > 1 else words


class Plan(Record):
    """The rungs to climb, in order, and the reasons."""

    rungs: tuple[Rung, ...]
    considered: tuple[Rung, ...] = ()
    """What else was weighed and left out, best first."""
    task_type: dict[str, float] = Field(default_factory=dict)
    """Probability of each task type, summing to 1; empty where a gate or the asker decided."""
    features: Json = Field(default_factory=dict)
    """What the router saw in the prompt, by name."""
    why: str

    @property
    def short(self) -> str:
        """The rungs in short form: what the header `x-pointsman-plan` says."""
        return " > ".join(rung.short for rung in self.rungs)
