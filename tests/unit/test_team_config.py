"""A team file is read whole or refused whole, with every problem in its place."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.errors import InvalidTask
from agents.records import Budget, Effort
from agents.team.config import Problem, TeamFileError, TeamSpec, fill, narrowed, parse_team, team_json_schema
from agents.team.inputs import filled

REPOSITORY = Path(__file__).resolve().parents[2]

CHAT = """\
version: 1
name: review
agents:
  writer: {instructions: "Write about {topic}."}
  critic: {effort: high}
team:
  process: group_chat
  termination: {max_turns: 6, stop_when: critic.done}
inputs:
  topic: {}
"""
STEPS = """\
version: 1
name: report
agents:
  researcher: {}
  writer: {}
tasks:
  - {id: gather, description: Gather., agent: researcher}
  - {id: write, description: Write., agent: writer, context: [gather]}
"""


def problems(text: str, **options: object) -> tuple[Problem, ...]:
    with pytest.raises(TeamFileError) as refused:
        parse_team(text, **options)  # pyright: ignore[reportArgumentType]: each test gives what it is about
    return refused.value.problems


def problems_if_any(text: str) -> tuple[Problem, ...]:
    try:
        parse_team(text)
    except TeamFileError as error:
        return error.problems
    return ()


def only_problem(text: str, **options: object) -> Problem:
    found = problems(text, **options)
    assert len(found) == 1, [str(problem) for problem in found]
    return found[0]


def test_a_group_chat_is_read() -> None:
    spec = parse_team(CHAT)
    assert spec.speakers == ("writer", "critic")
    assert spec.decider == "critic"
    assert spec.result == "writer"
    assert spec.agents["critic"].effort is Effort.HIGH
    assert spec.team.termination.max_turns == 6


def test_a_sequential_team_is_read() -> None:
    spec = parse_team(STEPS)
    assert [task.agent for task in spec.tasks] == ["researcher", "writer"]
    assert spec.decider is None
    assert spec.result == "writer"


def test_the_entry_speaks_first_and_the_others_follow_in_order() -> None:
    spec = parse_team(CHAT.replace("process: group_chat", "process: group_chat\n  entry: critic"))
    assert spec.speakers == ("critic", "writer")
    assert spec.result == "critic"


@pytest.mark.parametrize("path", sorted((REPOSITORY / "examples" / "teams").glob("*.yaml")), ids=lambda path: path.stem)
def test_each_example_team_is_read(path: Path) -> None:
    spec = parse_team(path.read_text())
    assert spec.name == path.stem
    assert spec.description


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    text = (
        CHAT.replace("name: review", "nmae: review")
        .replace("effort: high", "effort: hihg")
        .replace("topic: {}", "tpic: {}")
    )
    found = problems(text)
    assert [(problem.line, problem.nearest) for problem in found] == [(1, None), (2, "name"), (4, "tpic"), (5, "high")]
    assert "name" in found[0].message
    assert "(and 3 more)" in str(parse_error(text))


def parse_error(text: str) -> TeamFileError:
    with pytest.raises(TeamFileError) as refused:
        parse_team(text)
    return refused.value


def test_an_error_is_an_invalid_task_with_its_code() -> None:
    error = parse_error(CHAT.replace("name: review", "name: 5"))
    assert isinstance(error, InvalidTask)
    assert (error.code, error.param) == ("invalid_team", "yaml")


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "path", "message", "nearest"),
    [
        ("name: review", "name: Review!", 2, 7, "name", "is not an id", None),
        ("  writer:", "  The Writer:", 4, 3, "agents.The Writer", "is not an id", None),
        ("effort: high", "efort: high", 5, 12, "agents.critic.efort", "unknown key 'efort'", "effort"),
        ("effort: high", "temperature: 9", 5, 25, "agents.critic.temperature", "9 cannot be used", None),
        ("effort: high", "tools: [calculatr]", 5, 20, "agents.critic.tools.0", "no tool 'calculatr'", "calculator"),
        ("effort: high", "tools: [{mcp: docs}]", 5, 20, "agents.critic.tools.0", "not available", None),
        ("effort: high", "skills: [./cite]", 5, 12, "agents.critic.skills", "'skills' is not available", None),
        ("effort: high", "handoffs: [writer]", 5, 12, "agents.critic.handoffs", "not available", None),
        ("effort: high", "sandbox: {}", 5, 12, "agents.critic.sandbox", "not available", None),
        ("effort: high", "output_schema: {}", 5, 12, "agents.critic.output_schema", "has a form already", None),
        ("effort: high", "instructions: 7", 5, 26, "agents.critic.instructions", "7 is not text", None),
        ("group_chat", "hierarchical", 7, 12, "team.process", "'hierarchical' is not available; use sequential", None),
        ("group_chat", "groupchat", 7, 12, "team.process", "is not one of: sequential, group_chat", "group_chat"),
        ("max_turns: 6", "max_turns: 0", 8, 28, "team.termination.max_turns", "0 cannot be used", None),
        ("critic.done", "critc.done", 8, 42, "team.termination.stop_when", "no agent 'critc'", "critic"),
        ("critic.done", "critic", 8, 42, "team.termination.stop_when", "<agent>.done", "critic.done"),
        ("inputs:", "memory: {session: true}\ninputs:", 9, 1, "memory", "'memory' is not available", None),
        ("inputs:", "permissions: {}\ninputs:", 9, 1, "permissions", "not available", None),
        ("inputs:", "schedule: []\ninputs:", 9, 1, "schedule", "not available", None),
        ("inputs:", "scaling: {method: bestofn}\ninputs:", 9, 19, "scaling.method", "one of: direct", "best_of_n"),
        ("inputs:", "scaling: {samples: 4}\ninputs:", 9, 10, "scaling", "needs another method than direct", None),
        ("inputs:", "scaling: {method: verify, samples: 9}\ninputs:", 9, 36, "scaling.samples", "cannot", None),
        ("inputs:", "limits: {max_usd: -1}\ninputs:", 9, 19, "limits.max_usd", "-1 cannot be used", None),
        ("inputs:", "limits: {max_dollar: 1}\ninputs:", 9, 10, "limits.max_dollar", "unknown key", None),
        ("inputs:", "tasks: []\ninputs:", 9, 1, "tasks", "process sequential", None),
        ("topic: {}", "topic: {type: int}", 10, 17, "inputs.topic.type", "is not one of: string, integer", "integer"),
        ("topic: {}", "topic: {default: 5}", 10, 10, "inputs.topic", "5 is not of type string", None),
        ("version: 1", "version: 2", 1, 10, "version", "2 is not one of: 1", None),
    ],
)
def test_a_wrong_group_chat_is_refused_at_its_place(
    old: str, new: str, line: int, column: int, path: str, message: str, nearest: str | None
) -> None:
    assert CHAT.count(old) == 1
    problem = only_problem(CHAT.replace(old, new))
    assert (problem.line, problem.column, problem.path) == (line, column, path)
    assert message in problem.message
    assert problem.nearest == nearest


@pytest.mark.parametrize(
    ("old", "new", "line", "path", "message", "nearest"),
    [
        ("agent: researcher", "agent: reseacher", 7, "tasks.0.agent", "no agent 'reseacher'", "researcher"),
        ("[gather]", "[gahter]", 8, "tasks.1.context.0", "no earlier task 'gahter'", "gather"),
        ("[gather]", "[write]", 8, "tasks.1.context.0", "no earlier task 'write'", None),
        ("id: write", "id: gather", 8, "tasks.1.id", "is the id of an earlier task", None),
        ("Gather.", '"{topic}"', 7, "tasks.0.description", "no input 'topic'", None),
        ("[gather]", "[gather], human_input: false", 8, "tasks.1.human_input", "not available", None),
        ("[gather]", "[gather], on_fail: {retry: 1}", 8, "tasks.1.on_fail", "not available", None),
        ("[gather]", "[gather], checks: [{type: rubrik}]", 8, "tasks.1.checks.0.type", "is not one of", "rubric"),
        ("[gather]", "[gather], checks: [{type: rubric}]", 8, "tasks.1.checks.0.points", "is missing", None),
        ("[gather]", "[gather], checks: [{type: code, test: a}]", 8, None, "", "tests"),
        ("[gather]", "[gather], checks: [{type: json_schema}]", 8, "tasks.1.checks.0.schema", "is missing", None),
        ("writer: {}", "writer: {output_schema: {type: no}}", 5, "agents.writer.output_schema", "JSON Schema", None),
        ("[gather]", "[gather], checks: [{}]", 8, "tasks.1.checks.0", "'type' is missing", None),
        ("[gather]", "[gather], checks: [{type: regex, patern: a}]", 8, None, "", "pattern"),
        ("[gather]", "[gather], checks: [{type: regex, pattern: '('}]", 8, "tasks.1.checks.0", "regular", None),
        ("tasks:", "team: {entry: writer}\ntasks:", 6, "team.entry", "is for process group_chat", None),
        ("writer: {}", "writer: {}\n  idler: {}", 6, "agents.idler", "'idler' has no task", None),
    ],
)
def test_a_wrong_sequential_team_is_refused_at_its_place(
    old: str, new: str, line: int, path: str | None, message: str, nearest: str | None
) -> None:
    assert old in STEPS
    found = problems(STEPS.replace(old, new, 1))
    problem = next(one for one in found if path is None or one.path == path)
    assert problem.line == line
    assert message in problem.message
    assert nearest is None or nearest in [one.nearest for one in found]


def test_every_kind_of_check_may_stand_in_a_team() -> None:
    checks = (
        "[{type: arithmetic}, {type: code, tests: assert f()}, {type: format, max_words: 9}, {type: citations}, "
        "{type: numbering}, {type: rubric, points: [it is short], judge: large}, {type: agreement}]"
    )
    spec = parse_team(STEPS.replace("[gather]", f"[gather], checks: {checks}"))
    assert [check.type for check in spec.tasks[1].checks] == [
        "arithmetic",
        "code",
        "format",
        "citations",
        "numbering",
        "rubric",
        "agreement",
    ]


def test_a_method_that_no_agent_could_use_is_told() -> None:
    text = STEPS.replace("{}", "{tools: [calculator]}") + "scaling: {method: self_consistency}\n"
    problem = only_problem(text)
    assert (problem.line, problem.path) == (9, "scaling.method")
    assert "agents with tools" in problem.message


def test_a_sequential_team_without_tasks_is_refused() -> None:
    assert "needs 'tasks'" in only_problem("version: 1\nname: a\nagents:\n  b: {}\n").message


def test_an_agent_that_the_order_leaves_out_is_told() -> None:
    problem = only_problem(CHAT.replace("process: group_chat", "process: group_chat\n  order: [critic]"))
    assert problem.message == "agent 'writer' never speaks: it is not in the order"


def test_models_are_looked_up_where_they_are_known() -> None:
    text = CHAT.replace("effort: high", "model: larg")
    assert parse_team(text).agents["critic"].model == "larg"
    problem = only_problem(text, models=["small", "large"])
    assert (problem.line, problem.nearest) == (5, "large")


# --- the YAML itself --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "empty"),
        ("a: [1, 2", 1, "not YAML"),
        ("version: 1\n\tname: a", 2, "not YAML"),
        ("version: 1\n--- \nversion: 1", 2, "not YAML"),
        ("version: 1\nname: a\x00b", 2, "not YAML"),
        ("- a\n- b", 1, "not a mapping"),
        ("a: " + "[" * 3000 + "]" * 3000, 1, "deeper than"),
        ("a: &x {}\nb: [" + "*x, " * 30 + "]", 2, "aliases"),
        ("a: &x [*x]", 1, "holds itself"),
        ("a: !!python/object:os.system {}", 1, "unknown key"),
        ("name: !!binary aGk=", 1, "are not read"),
        ("a: " + "x" * 300_000, 1, "at most 262144"),
    ],
)
def test_what_is_not_plain_yaml_is_refused_with_its_line(text: str, line: int, message: str) -> None:
    found = problems(text)
    assert any(problem.line == line and message in problem.message for problem in found), found


def test_a_key_that_is_there_twice_is_an_error() -> None:
    problem = only_problem(CHAT + "name: other\n")
    assert (problem.line, problem.message) == (11, "'name' is there twice, first on line 2")


def test_a_key_that_yaml_reads_as_something_else_is_an_error() -> None:
    assert any(
        "keys are text" in problem.message for problem in problems(CHAT.replace("topic: {}", "topic: {}\n  on: {}"))
    )


def test_a_few_aliases_are_read() -> None:
    spec = parse_team(CHAT.replace("{effort: high}", "&c {effort: high}").replace("team:", "  other: *c\nteam:", 1))
    assert spec.agents["other"] == spec.agents["critic"]


@given(st.text(max_size=200))
def test_no_text_at_all_breaks_the_reader(text: str) -> None:
    with pytest.raises(TeamFileError):
        parse_team(text)


@given(
    st.integers(0, len(CHAT)),
    st.integers(0, 12),
    st.sampled_from(["", "x", ": ", "[", "{", "- ", "\n  ", "null", "{y}"]),
)
def test_no_damage_to_a_file_breaks_the_reader(start: int, length: int, put: str) -> None:
    damaged = CHAT[:start] + put + CHAT[start + length :]
    lines = damaged.count("\n") + 2
    assert all(1 <= problem.line <= lines and problem.column >= 1 for problem in problems_if_any(damaged))


# --- the environment and the inputs -----------------------------------------------------------------------------------


def test_the_environment_is_read_where_it_is_given() -> None:
    text = CHAT.replace("effort: high", 'role: "a critic of ${env:OFFICE}"')
    assert parse_team(text, environment={"OFFICE": "${env:X}"}).agents["critic"].role == "a critic of ${env:X}"
    problem = only_problem(text)
    assert (problem.line, problem.path) == (5, "agents.critic.role")
    assert "'OFFICE'" in problem.message


def test_files_are_not_read() -> None:
    problem = only_problem(CHAT.replace("effort: high", 'role: "${file:/etc/passwd}"'))
    assert "${file:/etc/passwd}" in problem.message


INPUTS = CHAT.replace(
    "  topic: {}",
    "  topic: {description: What to write about.}\n"
    "  words: {type: integer, default: 80}\n"
    "  draft: {type: boolean, required: false}",
)


def test_inputs_are_filled_with_defaults_in_place() -> None:
    spec = parse_team(INPUTS)
    assert fill(spec, {"topic": "tea"}) == {"topic": "tea", "words": "80", "draft": ""}
    assert fill(spec, {"topic": "tea", "words": "90", "draft": True}) == {
        "topic": "tea",
        "words": "90",
        "draft": "true",
    }


@pytest.mark.parametrize(
    ("inputs", "param", "message"),
    [
        ({}, "inputs.topic", "needs the input 'topic': What to write about."),
        ({"topic": 5}, "inputs.topic", "5; it has to be a value of type string"),
        ({"topic": "a", "words": "many"}, "inputs.words", "'many'; it has to be a value of type integer"),
        ({"topic": "a", "words": True}, "inputs.words", "type integer"),
        ({"topic": "a", "word": 5}, "inputs.word", "no input 'word'; did you mean 'words'?"),
    ],
)
def test_a_wrong_input_is_named(inputs: dict[str, object], param: str, message: str) -> None:
    with pytest.raises(InvalidTask) as refused:
        fill(parse_team(INPUTS), inputs)
    assert refused.value.param == param
    assert message in str(refused.value)


def test_the_prompt_is_the_one_text_that_is_missing() -> None:
    assert fill(parse_team(CHAT), {}, prompt="tea")["topic"] == "tea"


def test_places_are_filled_in_one_pass() -> None:
    values = {"a": "{b}", "b": "no"}
    assert filled('{a} {{a}} {"json": 1} {}', values) == '{b} {a} {"json": 1} {}'


# --- limits and the published schema ----------------------------------------------------------------------------------


def test_a_team_narrows_a_budget_and_never_widens_it() -> None:
    budget = Budget(max_model_calls=5, max_seconds=60)
    limits = Budget(max_model_calls=9, max_seconds=30, max_tool_calls=1)
    assert narrowed(budget, limits) == Budget(max_model_calls=5, max_seconds=30, max_tool_calls=1)


def test_the_published_schema_is_the_one_of_the_records() -> None:
    published = json.loads((REPOSITORY / "docs" / "team.v1.json").read_text())
    assert published == team_json_schema(), "write it anew: see docs/teams.md, 'The schema'"


def test_the_schema_knows_every_key_that_the_reader_knows() -> None:
    schema = team_json_schema()
    assert set(schema["properties"]) == set(TeamSpec.model_fields)
    assert schema["additionalProperties"] is False
    assert schema["$defs"]["AgentSpec"]["properties"]["instructions"]["description"] == "What it has to do, and how."


def test_the_teams_in_the_guide_are_read() -> None:
    guide = (REPOSITORY / "docs" / "teams.md").read_text()
    blocks = [block for block in guide.split("```yaml\n")[1:] if block.startswith("version: 1")]
    assert [parse_team(block.partition("```")[0]).name for block in blocks] == ["slogan", "report"]
