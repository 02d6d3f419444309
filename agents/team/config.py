"""Reads a team file: YAML in, a `TeamSpec` out, or every problem at once with its line, column and nearest key."""

from collections.abc import Collection, Mapping, Sequence
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from agents.records import Budget, CheckSpec
from agents.team.inputs import fill
from agents.team.located import Located, Path, read
from agents.team.problems import Problem, TeamFileError
from agents.team.references import check_references
from agents.team.spec import (
    AgentSpec,
    Defaults,
    InputSpec,
    ProcessSpec,
    Scaling,
    TaskSpec,
    TeamSpec,
    Termination,
    narrowed,
    team_json_schema,
)
from agents.tools import TOOLS

__all__ = ["Problem", "TeamFileError", "TeamSpec", "fill", "narrowed", "parse_team", "team_json_schema"]

_UNION, _ = get_args(CheckSpec)
CHECKS: tuple[type[BaseModel], ...] = get_args(_UNION)
"""The record of each check."""
_CHECK_TYPES = ", ".join(str(kind.model_fields["type"].default) for kind in CHECKS)

_RECORDS: Mapping[tuple[str, ...], tuple[type[BaseModel], ...]] = {
    (): (TeamSpec,),
    ("defaults",): (Defaults,),
    ("agents", "*"): (AgentSpec,),
    ("team",): (ProcessSpec,),
    ("team", "termination"): (Termination,),
    ("tasks", "*"): (TaskSpec,),
    ("tasks", "*", "checks", "*"): CHECKS,
    ("inputs", "*"): (InputSpec,),
    ("limits",): (Budget,),
    ("scaling",): (Scaling,),
}
"""The records that read each place of the file: what keys it knows."""

_UNAVAILABLE: Mapping[tuple[str, ...], Mapping[str, str]] = {
    (): {
        "permissions": "the tools there are need no approval",
        "memory": "agents see the task and what was said in this run",
        "schedule": "a schedule is made beside the file, and names the team",
        "handoffs": "use process sequential or group_chat",
        "skills": "write what is to be done into 'instructions'",
        "mcp": "name tools in an agent's 'tools'",
        "sandbox": "how code is run is set for the whole installation",
    },
    ("agents", "*"): {
        "handoffs": "use process sequential or group_chat",
        "skills": "write what is to be done into 'instructions'",
        "mcp": "name tools in 'tools'",
        "sandbox": "how code is run is set for the whole installation",
        "memory": "agents see the task and what was said in this run",
        "method": "'scaling' names the method for the whole team",
        "limits": "limits hold for the whole team",
        "permissions": "the tools there are need no approval",
        "human_input": "agents ask nobody",
    },
    ("team",): {"manager": "use process sequential or group_chat"},
    ("tasks", "*"): {
        "human_input": "tasks ask nobody",
        "on_fail": "a failed check is told to the agent once; a second failure ends the attempt",
        "output_schema": "give the agent an 'output_schema', or the task a check of type json_schema",
    },
}
"""Keys that are part of the format and cannot be used, with what to do instead."""

_PROCESSES = ("hierarchical", "concurrent", "handoff")


def parse_team(
    yaml_text: str, *, environment: Mapping[str, str] | None = None, models: Collection[str] | None = None
) -> TeamSpec:
    """Read a team file.

    Args:
        yaml_text: The file.
        environment: What `${env:NAME}` may read. Give none for files that somebody else wrote.
        models: Names of the models there are, to see that those of the file exist; None leaves that to the run.

    Raises:
        TeamFileError: with every problem, in the order of the file.
    """
    located = read(yaml_text, environment=environment or {})
    spec = None
    try:
        spec = TeamSpec.model_validate(located.data)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            _translate(detail, located)
    check_references(located, tools=TOOLS.keys(), models=models)
    if spec is None or located.problems:
        raise TeamFileError(*sorted(located.problems, key=lambda problem: (problem.line, problem.column)))
    return spec


def _translate(detail: ErrorDetails, located: Located) -> None:
    path = _in_file(detail["loc"], located)
    written = detail["input"]
    match detail["type"]:
        case "extra_forbidden":
            _unknown_key(path, located)
        case "missing":
            located.report(path, f"the key {str(detail['loc'][-1])!r} is missing")
        case "union_tag_not_found":
            located.report(path, f"the key 'type' is missing; there are the types {_CHECK_TYPES}")
        case "string_pattern_mismatch":
            message = f"{written!r} is not an id: at most 40 small letters, digits, _ and -, the first a letter"
            located.report_key(path, message) if detail["loc"][-1] == "[key]" else located.report(path, message)
        case "literal_error" | "enum" | "union_tag_invalid":
            _not_one_of(path, detail, located)
        case "string_type" if path[-2:-1] == ("tools",):
            located.report(path, f"{written!r} is not the name of a tool; MCP servers and settings are not available")
        case "string_type":
            located.report(path, f"{written!r} is not text; put it in quotes if it is meant as text")
        case "value_error":
            located.report(path, detail["msg"].removeprefix("Value error, "))
        case "model_type" | "dict_type":
            located.report(path, f"{written!r} is not a mapping of keys to values")
        case "tuple_type":
            located.report(path, f"{written!r} is not a list")
        case _:
            located.report(path, f"{written!r} cannot be used: {detail['msg'].lower()}")


def _in_file(loc: Sequence[str | int], located: Located) -> Path:
    """Leave out what pydantic adds to a place: the tag of a union, the `[key]` of a key."""
    path: Path = ()
    for number, part in enumerate(loc):
        last = number == len(loc) - 1
        if (*path, part) in located.values or (last and part != "[key]"):
            path = (*path, part)
    return path


def _unknown_key(path: Path, located: Located) -> None:
    parent = _pattern(path[:-1])
    key = str(path[-1])
    if hint := _UNAVAILABLE.get(parent, {}).get(key):
        located.report_key(path, f"{key!r} is not available; {hint}")
        return
    records = _RECORDS.get(parent, ())
    known = [field.alias or name for record in records for name, field in record.model_fields.items()]
    located.report_key(path, f"unknown key {key!r}; there are: {', '.join(dict.fromkeys(known))}", known=known)


def _not_one_of(path: Path, detail: ErrorDetails, located: Located) -> None:
    written, context = detail["input"], detail.get("ctx", {})
    if path == ("team", "process") and written in _PROCESSES:
        located.report(path, f"process {written!r} is not available; use sequential or group_chat")
        return
    if detail["type"] == "union_tag_invalid":
        path, written = (*path, "type"), context["tag"]
    expected = str(context.get("expected") or context["expected_tags"]).replace(" or ", ", ")
    known = [name.strip().strip("'") for name in expected.split(",")]
    located.report(path, f"{written!r} is not one of: {', '.join(known)}", known=known, written=written)


def _pattern(path: Path) -> tuple[str, ...]:
    """The place with `*` for ids and numbers, as in `_RECORDS`."""
    named = ("agents", "inputs")
    return tuple(
        "*" if isinstance(part, int) or (number == 1 and path[0] in named) else part for number, part in enumerate(path)
    )
