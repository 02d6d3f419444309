"""A way to answer in words, as a plan or a team file says it, and the method that it names."""

from dataclasses import dataclass, replace
from typing import assert_never

from agents.errors import InvalidTask
from agents.methods.best_of_n import BestOfN
from agents.methods.calculate import Calculate
from agents.methods.direct import Direct
from agents.methods.loop import Loop
from agents.methods.method import Method
from agents.methods.refine import Refine
from agents.methods.self_consistency import SelfConsistency
from agents.methods.verify import Verify
from agents.records import Effort, MethodName

EXACT_BOUND_ONLY = 2.0
"""A probability of staying ahead that none reaches: only what can no longer change ends the drawing."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """A method, with the model it asks, how hard and how often."""

    model: str
    effort: Effort
    method: MethodName = "direct"
    samples: int = 1
    shared_prefix: bool = False
    """The model's server reads a prompt once for all the samples of a request."""
    early_stop: bool = True
    """Draw no more samples when the vote is as good as decided."""
    task_type: str = ""
    """The likeliest type of the task: chooses the rubric where the task brings none."""
    tools: tuple[str, ...] = ()
    """Those that `loop` may call."""


def method_of(way: Way) -> Method:
    """Make the method, ready to answer. Raises `InvalidTask` for one that takes more than this to make."""
    match way.method:
        case "calculate":
            return Calculate()
        case "direct":
            return Direct(way.model, way.effort)
        case "loop":
            return Loop(way.model, way.effort, way.tools)
        case "self_consistency":
            voting = SelfConsistency(way.model, way.effort, samples=way.samples, shared_prefix=way.shared_prefix)
            return voting if way.early_stop else replace(voting, threshold=EXACT_BOUND_ONLY)
        case "best_of_n":
            return BestOfN(way.model, way.effort, samples=way.samples, shared_prefix=way.shared_prefix)
        case "refine":
            return Refine(way.model, way.effort, rounds=way.samples, task_type=way.task_type)
        case "verify":
            # Half of the verifications look at the draft, half at what it is revised to.
            each = max(way.samples // 2, 1)
            return Verify(way.model, way.effort, rounds=1, samples=each, task_type=way.task_type)
        case "ladder" | "long_pass" | "team":
            raise InvalidTask(f"method '{way.method}' is made of other methods", param="pointsman.method")
        case _:
            assert_never(way.method)
