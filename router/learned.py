"""What was learned from this installation's own graded answers: what `router.learn` writes and the plan reads."""

from pydantic import Field

from agents.records import Effort, MethodName, Record
from router.tasktype import TaskType


class LearnedModel(Record):
    """How a model differs from what the shipped tables say."""

    shift: float
    """Ability above the shipped one, in decades."""
    spread: float
    """Standard deviation of its ability now."""
    offsets: dict[TaskType, tuple[float, float]]
    """Logits by which it is better in a type than its ability says, and their standard deviation."""
    rows: float
    """Graded answers behind it, older ones counting less."""


class LearnedRung(Record):
    """How one way of answering one type of task differs from what its model's ability says: Beta counts, read off."""

    shift: float
    """Logits."""
    prior: float
    """Answers that the estimate without counts weighs as much as."""
    rows: float


class LearnedUse(Record):
    """What a model writes in one type of task, and how long it takes."""

    output_tokens: float
    """Of one answer, thinking included."""
    slowness: float
    """Seconds taken for each second that the card's paces say."""
    rows: float


class Learned(Record):
    """All that was learned; without anything in it, the shipped tables stand."""

    models: dict[str, LearnedModel] = Field(default_factory=dict)
    """By catalog id."""
    rungs: dict[str, LearnedRung] = Field(default_factory=dict)
    """By `rung_key`."""
    uses: dict[str, LearnedUse] = Field(default_factory=dict)
    """By `use_key`."""
    length: dict[TaskType, float] = Field(default_factory=dict)
    """What is added to the slope over the prompt's length, in logits for each e-fold of words."""
    text_weight: float = 0.0
    """How far the text model's opinion of the prompt counts, 0 to 1."""
    labels: float = 0.0
    """Graded answers in all, older ones counting less."""


NOTHING = Learned()


def use_key(kind: TaskType, model: str, effort: Effort) -> str:
    """Name what `uses` goes by."""
    return f"{kind}|{model}|{effort.value}"


def rung_key(kind: TaskType, model: str, effort: Effort, method: MethodName, samples: int) -> str:
    """Name what `rungs` goes by."""
    return f"{kind}|{model}|{effort.value}|{method}|{samples}"
