"""The rules file: what it says, what is wrong with it and where, and what holds while it is broken."""

import logging
import os
from pathlib import Path

import pytest

from agents.records import Effort
from agents.team.problems import Problem, TeamFileError
from services.routes import Routes, RoutesError, parse_rules

MODELS = ("small", "large")
GOOD = """
rules:
  - name: our code stays here
    when: {task_types: [code_write, code_fix]}
    then: {only_models: [small]}
  - name: think about sums
    when: {contains: [sum]}
    then: {effort: high}
"""


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(TeamFileError) as refused:
        parse_rules(text, models=MODELS)
    return refused.value.problems


def test_a_file_holds_rules_in_order() -> None:
    code, sums = parse_rules(GOOD, models=MODELS)
    assert (code.name, code.when.task_types, code.then.only_models) == (
        "our code stays here",
        ("code_write", "code_fix"),
        ("small",),
    )
    assert (sums.source, sums.then.effort) == ("config", Effort.HIGH)


@pytest.mark.parametrize(
    ("text", "line", "path", "nearest"),
    [
        ("rules:\n  - name: x\n    then: {efort: high}\n", 3, "rules.0.then.efort", "effort"),
        ("rules:\n  - name: x\n    then: {effort: hihg}\n", 3, "rules.0.then.effort", "high"),
        ("rules:\n  - name: x\n    when: {task_types: [mth]}\n    then: {}\n", 3, "rules.0.when.task_types.0", "math"),
        ("rules:\n  - name: x\n    then: {model: smal}\n", 3, "rules.0.then.model", "small"),
        (
            "rules:\n  - name: x\n    then:\n      only_models:\n        - lrge\n",
            5,
            "rules.0.then.only_models.0",
            "large",
        ),
        ("rules:\n  - nam: x\n    then: {}\n", 2, "rules.0.nam", "name"),
        ("rules:\n  - name: x\n    source: key\n    then: {}\n", 3, "rules.0.source", None),
        ("rule: []\n", 1, "rule", "rules"),
        ("rules:\n  - name: x\n    when: {pattern: '('}\n    then: {}\n", 3, "rules.0.when.pattern", None),
        ("rules:\n  - name: x\n    then: {}\n  - name: x\n    then: {}\n", 4, "rules.1.name", None),
        ("rules: [\n", 2, "", None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_wrong_is_named_with_its_line_and_the_nearest_key(
    text: str, line: int, path: str, nearest: str | None
) -> None:
    found = [problem for problem in problems(text) if problem.path == path]
    assert [(problem.line, problem.nearest) for problem in found] == [(line, nearest)]


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    text = "rules:\n  - name: x\n    then: {efort: high}\n  - name: y\n    then: {modle: small}\n"
    assert [problem.line for problem in problems(text)] == [3, 5]


def written(path: Path, text: str) -> None:
    """Write the file as at another time: a clock of a file system may stand still for as long as a test takes."""
    path.write_text(text)
    later = path.stat().st_mtime_ns + 1_000_000_000 * len(text)
    os.utime(path, ns=(later, later))


def test_a_changed_file_is_read_anew_and_a_broken_one_keeps_what_held_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "routes.yaml"
    routes = Routes(path, models=MODELS)
    assert routes.rules() == ()
    written(path, GOOD)
    assert [rule.name for rule in routes.rules()] == ["our code stays here", "think about sums"]
    written(path, GOOD + "  - name: z\n    then: {efort: low}\n")
    with caplog.at_level(logging.ERROR, "pointsman.routes"):
        assert [rule.name for rule in routes.rules()] == ["our code stays here", "think about sums"]
        assert len(routes.rules()) == 2
    [said] = caplog.messages
    assert "line 10" in said
    assert "did you mean 'effort'?" in said
    written(path, "rules: []\n")
    assert routes.rules() == ()


def test_a_file_that_is_taken_away_takes_its_rules_along(tmp_path: Path) -> None:
    path = tmp_path / "routes.yaml"
    written(path, GOOD)
    routes = Routes(path, models=MODELS)
    path.unlink()
    assert routes.rules() == ()


def test_a_process_does_not_start_with_a_broken_file_or_without_one_that_was_named(tmp_path: Path) -> None:
    path = tmp_path / "routes.yaml"
    with pytest.raises(RoutesError, match="there is no such file"):
        Routes(path, models=MODELS, required=True)
    path.write_text("rules:\n  - name: x\n    then: {efort: high}\n")
    with pytest.raises(RoutesError, match=r"routes\.yaml: line 3, column 12: unknown key 'efort'"):
        Routes(path, models=MODELS)
