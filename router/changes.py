"""What would change a choice: each possibility is tried, and told only where it leads elsewhere."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from agents.records import Effort, Task
from router.policy import WORTH_USD, Candidate, Choice, Dial, choose, contenders, is_checked

EFFORTS = (Effort.NONE, Effort.LOW, Effort.AUTO, Effort.MEDIUM, Effort.HIGH, Effort.MAX)
_LIMITS = ("max_usd", "max_seconds", "max_tokens_total", "max_model_calls")

Allowed = Callable[[Effort], Sequence[Candidate]]
"""The contenders at an effort."""


def changes(now: Choice, task: Task, *, allowed: Allowed, ready: Mapping[str, Sequence[Candidate]]) -> tuple[str, ...]:
    """Say what would lead to another choice.

    Args:
        now: What is chosen.
        task: What is asked.
        allowed: What was weighed, by effort.
        ready: By model that could do it and does not answer, what it would add.
    """
    weighed, dial, checked = allowed(task.effort), Dial(task.effort, task.quality_target), is_checked(task)
    found: dict[str, Choice] = {}
    same: dict[object, Choice] = {(id(weighed), _strive(dial)): now}
    for effort in EFFORTS:
        options, turned = allowed(effort), Dial(effort, dial.target)
        place = (id(options), _strive(turned))
        if place not in same:
            same[place] = choose(options, budget=task.budget, dial=turned, checked=checked)
        found[f"effort {effort.value}"] = same[place]
    for field in _LIMITS:
        if getattr(task.budget, field) is not None:
            wider = task.budget.model_copy(update={field: None})
            found[f"no {field}"] = choose(weighed, budget=wider, dial=dial, checked=checked)
    if not checked:
        found["a check of the answer"] = choose(weighed, budget=task.budget, dial=dial, checked=True)
    higher = _higher_target(now, weighed)
    if higher is not None:
        aimed = Dial(dial.effort, higher)
        found[f"quality_target {higher:g}"] = choose(weighed, budget=task.budget, dial=aimed, checked=checked)
    for model, added in ready.items():
        more = contenders([*weighed, *added])
        found[f"{model} answering again"] = choose(more, budget=task.budget, dial=dial, checked=checked)
    return tuple(_told(now, found))


def _strive(dial: Dial) -> object:
    """What of a dial bears on a choice among the same rungs."""
    return dial.target, WORTH_USD.get(dial.effort)


def _higher_target(now: Choice, weighed: Sequence[Candidate]) -> float | None:
    """The best that there is, in whole hundredths, where more than what is chosen."""
    best = math.floor(max(one.quality for one in weighed) * 100) / 100
    return best if best > max(one.quality for one in now.chosen) else None


def _told(now: Choice, found: Mapping[str, Choice]) -> Iterator[str]:
    """One sentence for each other outcome, which names all that leads there."""
    outcomes: dict[tuple[Candidate, ...], list[str]] = {}
    for cause, choice in found.items():
        if choice.chosen != now.chosen:
            outcomes.setdefault(choice.chosen, []).append(cause)
    for chosen, (first, *rest) in outcomes.items():
        taken = " > ".join(one.short for one in chosen)
        yield f"{' or '.join([first[0].upper() + first[1:], *rest])} would take {taken}."
