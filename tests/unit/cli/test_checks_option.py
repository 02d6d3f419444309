"""`--check`: what is typed, as the API takes it; and what is refused before anything is sent."""

from pathlib import Path
from typing import Any

import pytest

from services.cli.checks import NAMES, parse_checks
from tests.scripted_gateway import Reply
from tests.unit.cli.conftest import Run, Serve

PLAN = {
    "rungs": [
        {
            "method": "self_consistency",
            "model": "small",
            "effort": "none",
            "samples": 8,
            "quality": 0.8,
            "quality_low": 0.7,
            "cost_usd": "0",
            "seconds": 1.0,
            "accept": "agreement",
        }
    ],
    "why": "samples are cheap.",
}


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("math=12", {"type": "math", "reference": "12"}),
        ("text=Paris", {"type": "text", "reference": "Paris"}),
        ("regex=^a=b$", {"type": "regex", "pattern": "^a=b$"}),
        ("arithmetic", {"type": "arithmetic"}),
        ("rubric=is short; is true", {"type": "rubric", "points": ["is short", "is true"]}),
        ("agreement=large", {"type": "agreement", "model": "large"}),
        ('{"type": "format", "max_words": 5}', {"type": "format", "max_words": 5}),
    ],
)
def test_a_check_is_sent_as_the_api_takes_it(typed: str, sent: dict[str, Any]) -> None:
    assert parse_checks((typed,)) == [sent]


def test_tests_and_schemas_are_read_from_files(tmp_path: Path) -> None:
    (tmp_path / "tests.py").write_text("assert f(1) == 2")
    (tmp_path / "schema.json").write_text('{"type": "object"}')
    assert parse_checks((f"code={tmp_path / 'tests.py'}", f"json_schema={tmp_path / 'schema.json'}")) == [
        {"type": "code", "tests": "assert f(1) == 2"},
        {"type": "json_schema", "schema": {"type": "object"}},
    ]


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("maths=12", "there is no check 'maths'; there are: "),
        ("math", "reference: Field required"),
        ("code=/no/such/file", "/no/such/file cannot be read"),
        ("arithmetic=yes", "arithmetic takes no value"),
        ('{"type": "regex"', "is no check"),
        ('{"type": "regex", "patern": "a"}', "Field required"),
    ],
)
def test_a_wrong_check_is_refused_before_anything_is_sent(run: Run, serve: Serve, typed: str, told: str) -> None:
    server = serve({})
    asked = run("ask", "How many?", "--check", typed)
    assert asked.code == 2
    assert told in asked.err
    assert server.asked == []


def test_the_help_names_every_check(run: Run) -> None:
    shown = " ".join(run("ask", "--help").out.split())
    assert all(name in shown for name in NAMES)


def test_ask_and_route_send_the_way_to_answer(run: Run, serve: Serve) -> None:
    server = serve({"POST /api/route": Reply(PLAN)})
    words = ("--method", "self_consistency", "--samples", "8", "--check", "math=12")
    shown = run("route", "How many?", *words)
    assert shown.code == 0
    assert "self_consistency small none n<=8" in shown.out
    assert "if its samples agree" in shown.out
    wanted = {"method": "self_consistency", "samples": 8, "checks": [{"type": "math", "reference": "12"}]}
    assert server.asked[0].body["pointsman"] == wanted
    run("ask", "How many?", *words)
    assert server.asked[1].body["pointsman"] == wanted
