"""Which ways to answer go with what is asked: a wish that would be dropped in silence is refused instead."""

from collections.abc import Collection

from agents.errors import InvalidTask
from agents.records import MethodName, Task
from router.records import Plan

SAMPLED: Collection[MethodName] = ("self_consistency", "best_of_n", "refine", "verify", "ladder", "long_pass")
"""Methods that ask more than once and give one answer."""


def refuse_contradictions(task: Task, plan: Plan) -> None:
    """See that what is asked for goes together, and that each rung can do it, whoever chose its method.

    Raises:
        InvalidTask: with what does not go with what.
    """
    named = "team" if any(rung.method == "team" for rung in plan.rungs) else task.method
    if (task.samples or 1) > 1:
        if named is not None and named not in SAMPLED:
            raise InvalidTask(
                f"samples={task.samples} does not go with method '{named}'; use one of: {', '.join(SAMPLED)}",
                param="pointsman.samples",
            )
        _refuse_for_sampled(f"samples={task.samples}", task)
    for rung in plan.rungs:
        if rung.method in SAMPLED:
            _refuse_for_sampled(f"method '{rung.method}'", task)
        if rung.method == "loop" and task.tools:
            raise InvalidTask(
                "method 'loop' carries out its own tools; use method 'direct' to get calls of yours", param="tools"
            )


def _refuse_for_sampled(wish: str, task: Task) -> None:
    if task.tools and task.tool_choice != "none":
        raise InvalidTask(
            f"{wish} does not go with tools: the calls of several answers cannot be made one; use method 'direct'",
            param="tools",
        )
    if task.sampling.n > 1:
        raise InvalidTask(
            f"{wish} does not go with n={task.sampling.n}: one answer is chosen of several; leave n out", param="n"
        )
