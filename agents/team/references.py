"""What a team file says across its parts: names that must exist, keys that belong together, places that inputs fill.

It looks at the plain data, not at the records, so that its findings stand beside those about the shape.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import cast

from agents.records import Json
from agents.team.inputs import places
from agents.team.located import Located, Path

_GROUP_CHAT_ONLY = ("order", "entry", "termination")
_AGENT_TEXTS = ("role", "goal", "backstory", "instructions")
_TASK_TEXTS = ("description", "expected_output")


def check_references(located: Located, *, tools: Collection[str], models: Collection[str] | None) -> None:
    """Note every name that leads nowhere and every key that does not belong to the team's process."""
    data = _mapping(located.data)
    agents = _mapping(data.get("agents"))
    _check_agents(located, agents, tools=tools)
    _check_scaling(located, data, agents)
    _check_models(located, data, models)
    _check_process(located, data, agents)
    _check_tasks(located, data, agents)
    _check_places(located, data)


def _check_agents(located: Located, agents: Json, *, tools: Collection[str]) -> None:
    for name, agent in agents.items():
        for number, tool in enumerate(_sequence(_mapping(agent).get("tools"))):
            if isinstance(tool, str) and tool not in tools:
                message = f"there is no tool {tool!r}; there are: {', '.join(sorted(tools))}"
                located.report(("agents", name, "tools", number), message, known=tools, written=tool)


def _check_scaling(located: Located, data: Json, agents: Json) -> None:
    method = _mapping(data.get("scaling")).get("method", "direct")
    if method != "direct" and agents and all(_sequence(_mapping(agent).get("tools")) for agent in agents.values()):
        message = f"method {method!r} has nobody to work for: agents with tools answer by their calls"
        located.report(("scaling", "method"), message)


def _check_models(located: Located, data: Json, models: Collection[str] | None) -> None:
    if models is None:
        return
    paths: list[Path] = [("defaults", "model"), *(("agents", name, "model") for name in _mapping(data.get("agents")))]
    for path in paths:
        model = _at(data, path)
        if isinstance(model, str) and model != "auto" and model not in models:
            message = f"there is no model {model!r}; there are: {', '.join(('auto', *models))}"
            located.report(path, message, known=("auto", *models), written=model)


def _check_process(located: Located, data: Json, agents: Json) -> None:
    team = _mapping(data.get("team"))
    for path, name in _named_agents(team):
        if name not in agents:
            _no_agent(located, path, name, agents)
    if team.get("process", "sequential") == "sequential":
        _check_sequential(located, data, team, agents)
    elif team.get("process") == "group_chat":
        _check_group_chat(located, data, team, agents)


def _check_sequential(located: Located, data: Json, team: Json, agents: Json) -> None:
    for key in _GROUP_CHAT_ONLY:
        if key in team:
            located.report_key(("team", key), f"{key!r} is for process group_chat; a sequential team does its tasks")
    tasks = [_mapping(task) for task in _sequence(data.get("tasks"))]
    if not tasks:
        located.report(("tasks",), "a sequential team needs 'tasks'")
        return
    busy = {task.get("agent") for task in tasks}
    for name in agents:
        if name not in busy:
            located.report_key(("agents", name), f"agent {name!r} has no task")


def _check_group_chat(located: Located, data: Json, team: Json, agents: Json) -> None:
    if "tasks" in data:
        located.report_key(("tasks",), "'tasks' are for process sequential; in a group chat the agents speak in turn")
    order = _sequence(team.get("order"))
    for name in agents:
        if order and name not in order:
            located.report(("team", "order"), f"agent {name!r} never speaks: it is not in the order")
    stop_when = _mapping(team.get("termination")).get("stop_when")
    if isinstance(stop_when, str) and _decider(team) is None:
        known = [f"{name}.done" for name in agents]
        message = f"{stop_when!r} is not of the form <agent>.done"
        located.report(("team", "termination", "stop_when"), message, known=known, written=f"{stop_when}.done")
    decider = _decider(team)
    if decider and _mapping(agents.get(decider)).get("output_schema") is not None:
        located.report_key(
            ("agents", decider, "output_schema"),
            f"{decider!r} ends the chat, so its reply has a form already; leave 'output_schema' out",
        )


def _named_agents(team: Json) -> Iterator[tuple[Path, str]]:
    for key in ("entry", "result"):
        if isinstance(team.get(key), str):
            yield ("team", key), team[key]
    for number, name in enumerate(_sequence(team.get("order"))):
        if isinstance(name, str):
            yield ("team", "order", number), name
    decider = _decider(team)
    if decider is not None:
        yield ("team", "termination", "stop_when"), decider


def _decider(team: Json) -> str | None:
    stop_when = _mapping(team.get("termination")).get("stop_when")
    return stop_when.removesuffix(".done") if isinstance(stop_when, str) and stop_when.endswith(".done") else None


def _check_tasks(located: Located, data: Json, agents: Json) -> None:
    earlier: list[str] = []
    for number, task in enumerate(_mapping(task) for task in _sequence(data.get("tasks"))):
        path: Path = ("tasks", number)
        agent = task.get("agent")
        if isinstance(agent, str) and agent not in agents:
            _no_agent(located, (*path, "agent"), agent, agents)
        for place, wanted in enumerate(_sequence(task.get("context"))):
            if isinstance(wanted, str) and wanted not in earlier:
                message = f"there is no earlier task {wanted!r}"
                located.report((*path, "context", place), message, known=earlier, written=wanted)
        if task.get("id") in earlier:
            located.report((*path, "id"), f"{task['id']!r} is the id of an earlier task")
        elif isinstance(task.get("id"), str):
            earlier.append(task["id"])


def _check_places(located: Located, data: Json) -> None:
    inputs = _mapping(data.get("inputs"))
    paths: list[Path] = [("agents", name, key) for name in _mapping(data.get("agents")) for key in _AGENT_TEXTS]
    paths += [("tasks", number, key) for number in range(len(_sequence(data.get("tasks")))) for key in _TASK_TEXTS]
    for path in paths:
        text = _at(data, path)
        for name in places(text) if isinstance(text, str) else ():
            if name not in inputs:
                message = f"there is no input {name!r}; write {{{{{name}}}}} for these very signs"
                located.report(path, message, known=inputs, written=name)


def _no_agent(located: Located, path: Path, name: str, agents: Mapping[str, object]) -> None:
    located.report(path, f"there is no agent {name!r}; there are: {', '.join(agents)}", known=agents, written=name)


def _at(data: object, path: Path) -> object:
    for part in path:
        if isinstance(part, int):
            items = _sequence(data)
            data = items[part] if part < len(items) else None
        else:
            data = _mapping(data).get(part)
    return data


def _mapping(value: object) -> Json:
    return cast("Json", value) if isinstance(value, dict) else {}


def _sequence(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []
