"""By which points an answer is judged where the task names none: a few for each kind of work."""

from collections.abc import Mapping
from typing import TypeAlias

from agents.records import RubricCheck, Task

Points: TypeAlias = tuple[str, ...]

ANY: Points = (
    "It does everything that was asked, and nothing else.",
    "What it states is true, and nothing in it contradicts anything else in it.",
    "It says what it does not know instead of making it up.",
)
_REASONED: Points = (
    "It uses every quantity and condition of the question, each as it was given.",
    "Each step follows from the ones before; each calculation is right.",
    "The final answer is that of the last step, answers the question, and is in the unit and form asked for.",
)
_CODE: Points = (
    "The program does what was asked for every input, also for empty, smallest, largest and repeated ones.",
    "Names, arguments and results are those that were asked for.",
    "It runs as it stands: imports, syntax, and nothing left out.",
)
_FAITHFUL: Points = (
    "All that it says stands in the text it is about, with names, numbers and dates as they are there.",
    "Nothing that matters for what was asked is left out.",
    "It is in the form and of the length asked for.",
)
_SAME_MEANING: Points = (
    "It means the same as the text it was made from: nothing added, left out or turned round.",
    "Grammar, spelling and wording are right in the language it is written in.",
    "Names, numbers, code and marks that are no words are unchanged.",
)

RUBRICS: Mapping[str, Points] = {
    "math": _REASONED,
    "reasoning": _REASONED,
    "planning": _REASONED,
    "data": _REASONED,
    "code_write": _CODE,
    "code_fix": _CODE,
    "extraction": _FAITHFUL,
    "classification": _FAITHFUL,
    "summarise": _FAITHFUL,
    "long_document": _FAITHFUL,
    "translation": _SAME_MEANING,
    "proofread": _SAME_MEANING,
    "rewrite": _SAME_MEANING,
}
"""By task type; a type that is not here is judged by `ANY`."""


def points_of(task: Task, task_type: str) -> Points:
    """The points that the task asks to be judged by; else those of its type."""
    asked = tuple(point for check in task.checks if isinstance(check, RubricCheck) for point in check.points)
    return asked or RUBRICS.get(task_type, ANY)
