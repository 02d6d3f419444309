"""The values that a run of a team is given, and the `{name}` places in its words that they fill."""

import difflib
from collections.abc import Iterator, Mapping

import regex
from pydantic import TypeAdapter, ValidationError

from agents.errors import InvalidTask
from agents.records import Json
from agents.team.spec import InputSpec, InputType, Scalar, TeamSpec, is_of_type

_PLACE = regex.compile(r"\{\{([A-Za-z_][A-Za-z0-9_]*)\}\}|\{([A-Za-z_][A-Za-z0-9_]*)\}")
_FROM_TEXT: dict[InputType, TypeAdapter[Scalar]] = {
    "string": TypeAdapter(str),
    "integer": TypeAdapter(int),
    "number": TypeAdapter(float),
    "boolean": TypeAdapter(bool),
}


def fill(spec: TeamSpec, inputs: Json, *, prompt: str = "") -> dict[str, str]:
    """Give each input's value as text, defaults in place, an optional one that is not given as the empty text.

    Where one required text alone is missing, the prompt is it: so a team can be asked like a model.

    Raises:
        InvalidTask: a value is missing, of another type, or of no input; it names the input.
    """
    for name in inputs:
        if name not in spec.inputs:
            raise _invalid(name, f"team {spec.name!r} has no input {name!r}{_known(name, spec)}")
    missing = [name for name, input_ in spec.inputs.items() if _is_missing(name, input_, inputs)]
    if len(missing) == 1 and prompt and spec.inputs[missing[0]].type == "string":
        return fill(spec, {**inputs, missing[0]: prompt})
    if missing:
        first = missing[0]
        about = spec.inputs[first].description
        raise _invalid(first, f"team {spec.name!r} needs the input {first!r}{f': {about}' if about else ''}")
    return {name: _as_text(name, input_, inputs.get(name)) for name, input_ in spec.inputs.items()}


def places(text: str) -> Iterator[str]:
    """Give the names of the `{name}` places in a text; `{{name}}` is no place, it stands for `{name}` itself."""
    return (found.group(2) for found in _PLACE.finditer(text) if found.group(2))


def filled(text: str, values: Mapping[str, str]) -> str:
    """Put the values into their places, in one pass: what they hold is not looked at again."""
    return _PLACE.sub(lambda found: f"{{{found.group(1)}}}" if found.group(1) else values[found.group(2)], text)


def unplaced(spec: TeamSpec, values: Mapping[str, str]) -> dict[str, str]:
    """Give the values that no agent's or task's words have a place for."""
    placed = {name for text in _texts(spec) for name in places(text)}
    return {name: value for name, value in values.items() if name not in placed and value}


def _texts(spec: TeamSpec) -> Iterator[str]:
    for agent in spec.agents.values():
        yield from (agent.role, agent.goal, agent.backstory, agent.instructions)
    for task in spec.tasks:
        yield from (task.description, task.expected_output)


def _is_missing(name: str, input_: InputSpec, inputs: Json) -> bool:
    return input_.required and input_.default is None and inputs.get(name) is None


def _as_text(name: str, input_: InputSpec, given: object) -> str:
    value = input_.default if given is None else given
    if value is None:
        return ""
    # The command line and a form give every value as text.
    if isinstance(value, str) and input_.type != "string":
        try:
            value = _FROM_TEXT[input_.type].validate_python(value)
        except ValidationError as error:
            raise _invalid(name, f"input {name!r} is {given!r}; it has to be a value of type {input_.type}") from error
    if not is_of_type(value, input_.type):
        raise _invalid(name, f"input {name!r} is {given!r}; it has to be a value of type {input_.type}")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _known(name: str, spec: TeamSpec) -> str:
    near = difflib.get_close_matches(name, spec.inputs, n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; it has: {', '.join(spec.inputs)}" if spec.inputs else "; it takes none"


def _invalid(name: str, message: str) -> InvalidTask:
    return InvalidTask(message, param=f"inputs.{name}", code="invalid_input")
