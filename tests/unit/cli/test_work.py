"""`pointsman route`, `runs`, `teams` and `schedules` against a gateway that answers from a script."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.scripted_gateway import Reply
from tests.unit.cli.conftest import Run, Serve

RUN_ID = "0199d0c3-1111-4222-8333-123456789abc"

# --- route ----------------------------------------------------------------------------------------------------------

RUNG = {
    "method": "self_consistency",
    "model": "small",
    "effort": "low",
    "samples": 8,
    "quality": 0.81,
    "quality_low": 0.7,
    "cost_usd": "0.0021",
    "seconds": 2.5,
    "accept": "checks",
}


def test_route_shows_rungs_and_reasons(run: Run, serve: Serve) -> None:
    plan = {"task_type": {"math": 0.8, "chat": 0.2}, "rungs": [RUNG], "why": "a sum with a check"}
    server = serve({"POST /api/route": Reply(plan)})
    shown = run("route", "2 apples and 3 pears", "--effort", "low")
    assert "self_consistency small low n<=8  81%      70%       $0.0021  2.5 s  if its checks pass" in shown.out
    assert "kind of task: math 80%, chat 20%" in shown.out
    assert "why: a sum with a check" in shown.out
    assert server.asked[0].body["pointsman"] == {"effort": "low"}


# --- runs -----------------------------------------------------------------------------------------------------------


def a_run(**fields: Any) -> dict[str, Any]:
    run = {"id": RUN_ID, "status": "succeeded", "title": "a\nlong " * 20, "created_at": "2026-11-23T10:00:00.123Z"}
    return {
        **run,
        "model": "small",
        "rung": "direct small none",
        "cost_usd": "0",
        "verified_by": [],
        "plan": None,
        **fields,
    }


def test_runs_list_reads_on_until_it_has_enough(run: Run, serve: Serve) -> None:
    pages = [
        Reply({"runs": [a_run(id="run-1"), a_run(id="run-2")], "next": "c2"}),
        Reply({"runs": [a_run(id="run-3")], "next": "c3"}),
    ]
    server = serve({"GET /api/runs": pages})
    listed = run("runs", "list", "--status", "failed", "--search", "moon", "--limit", "3")
    assert [line.split()[0] for line in listed.out.splitlines()] == ["id", "run-1", "run-2", "run-3"]
    assert [asked.query for asked in server.asked] == [
        {"status": ["failed"], "q": ["moon"], "limit": ["3"]},
        {"status": ["failed"], "q": ["moon"], "limit": ["3"], "cursor": ["c2"]},
    ]


def test_runs_list_says_when_there_is_none(run: Run, serve: Serve) -> None:
    serve({"GET /api/runs": Reply({"runs": [], "next": None})})
    assert run("runs", "list") == (0, "", "no such run\n")
    assert run("runs", "list", "--json") == (0, "[]\n", "")


def test_runs_export_holds_each_step_once_in_its_last_state(run: Run, serve: Serve, tmp_path: Path) -> None:
    first = {"spans": [{"span_id": "a", "seq": 1, "status": "running"}, {"span_id": "b", "seq": 2}], "next_since": 2}
    second = {"spans": [{"span_id": "a", "seq": 3, "status": "ok"}], "next_since": 3}
    serve(
        {
            f"GET /api/runs/{RUN_ID}": Reply({"id": RUN_ID}),
            f"GET /api/traces/{RUN_ID}/spans": [Reply(first), Reply(second), Reply({"spans": [], "next_since": 3})],
        }
    )
    target = tmp_path / "run.json"
    assert run("runs", "export", RUN_ID, "--output", str(target)).code == 0
    document = json.loads(target.read_text())
    assert document["run"] == {"id": RUN_ID}
    assert {span["span_id"]: span["seq"] for span in document["spans"]} == {"a": 3, "b": 2}


# --- teams ----------------------------------------------------------------------------------------------------------


def event(type_: str, data: dict[str, Any], seq: int | None = None) -> str:
    head = f"id: {seq}\n" if seq else ""
    return f"{head}event: {type_}\ndata: {json.dumps(data)}\n\n"


def test_a_team_is_followed_over_a_lost_connection_and_its_answer_printed_once(run: Run, serve: Serve) -> None:
    said = {"id": "m1", "sender": "writer", "recipient": "critic", "type": "draft", "content": "a first draft"}
    end = {"status": "succeeded", "answer": {"text": "The moon is far.", "model": "team/review"}, "error": None}
    cut = [
        event("status", {"status": "running"}, 1),
        event("message", said, 2),
        event("delta", {"text": "The mo", "offset": 0}),
    ]
    rest = [
        event("delta", {"text": "The moon is", "offset": 0}),
        event("delta", {"text": " far.", "offset": 11}),
        event("end", end, 3),
    ]
    whole = a_run(model="team/review", cost_usd="0.01", verified_by=["regex"])
    server = serve(
        {
            "POST /api/runs": Reply({"id": RUN_ID, "status": "queued"}, 202),
            f"GET /api/runs/{RUN_ID}/events": [Reply(pieces=cut), Reply(pieces=rest)],
            f"GET /api/runs/{RUN_ID}": Reply(whole),
        }
    )
    followed = run("teams", "run", "review", "--input", "topic=the moon = far")
    assert followed.code == 0
    assert followed.out == "The moon is far.\n"
    assert "writer -> critic (draft): a first draft\n" in followed.err
    assert followed.err.endswith(f"· $0.01 · verified by regex · run {RUN_ID}\n")
    assert server.asked[0].body == {
        "team": "review",
        "inputs": {"topic": "the moon = far"},
        "messages": [],
        "pointsman": {},
    }
    assert server.asked[2].headers["last-event-id"] == "2"


def test_a_team_that_fails_ends_the_command_with_its_reason(run: Run, serve: Serve) -> None:
    end = {"status": "failed", "answer": None, "error": {"message": "the critic gave no verdict"}}
    serve(
        {
            "POST /api/runs": Reply({"id": RUN_ID, "status": "queued"}, 202),
            f"GET /api/runs/{RUN_ID}/events": Reply(pieces=[event("end", end, 1)]),
        }
    )
    failed = run("teams", "run", "review")
    assert failed.code == 1
    assert failed.err == f"pointsman: run {RUN_ID} failed: the critic gave no verdict\n"


def test_an_answer_that_was_written_anew_is_printed_whole(run: Run, serve: Serve) -> None:
    end = {"status": "succeeded", "answer": {"text": "Another answer.", "model": "small"}, "error": None}
    serve(
        {
            "POST /api/runs": Reply({"id": RUN_ID, "status": "queued"}, 202),
            f"GET /api/runs/{RUN_ID}/events": Reply(
                pieces=[event("delta", {"text": "One ans", "offset": 0}), event("end", end, 1)]
            ),
            f"GET /api/runs/{RUN_ID}": Reply(a_run()),
        }
    )
    assert run("teams", "run", "review").out == "One ans\nAnother answer.\n"


TEAM = """\
version: 1
name: tiny
agents:
  writer:
    descripton: Writes.
    instructions: Write.
team:
  process: sequential
tasks:
  - {id: write, description: Write, expected_output: A text, agent: writer}
"""


def test_a_team_file_is_checked_with_line_column_and_nearest_key_and_without_a_gateway(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "tiny.yaml"
    file.write_text(TEAM)
    checked = run("teams", "validate", str(file))
    assert checked.code == 1
    assert checked.out.startswith(f"{file}:5:5: unknown key 'descripton'")
    assert "did you mean 'description'?" in checked.out
    assert checked.err == "pointsman: 1 problems in 1 of 1 team files\n"
    [problem] = json.loads(run("teams", "validate", str(file), "--json").out)
    assert (problem["line"], problem["column"], problem["nearest"]) == (5, 5, "description")


def test_a_team_file_that_is_right_is_said_to_be(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "tiny.yaml"
    file.write_text(TEAM.replace("descripton", "description"))
    assert run("teams", "validate", str(file)) == (0, "", "1 team file is right\n")
    assert run("teams", "validate", str(file), "--json") == (0, "[]\n", "")


def test_an_input_without_a_value_is_refused(run: Run) -> None:
    assert run("teams", "run", "review", "--input", "topic") == (
        2,
        "",
        "pointsman: --input 'topic': give it as NAME=VALUE\n",
    )


# --- schedules ------------------------------------------------------------------------------------------------------


def a_schedule(**fields: Any) -> dict[str, Any]:
    rules = {"every": None, "cron": None, "at": None}
    return {
        "id": "s1",
        "name": "news",
        "timezone": "UTC",
        "paused": False,
        "next_due_at": "2026-12-01T07:00:00Z",
        **rules,
        **fields,
    }


def test_a_schedule_is_added_with_its_rule_and_its_task(run: Run, serve: Serve) -> None:
    server = serve({"POST /api/schedules": Reply(a_schedule(cron="0 7 * * 1-5"), 201)})
    added = run("schedules", "add", "--cron", "0 7 * * 1-5", "--timezone", "Europe/Zurich", "What is new?")
    assert added == (0, "s1: cron 0 7 * * 1-5, next at 2026-12-01 07:00:00 UTC\n", "")
    assert server.asked[0].body == {
        "name": None,
        "cron": "0 7 * * 1-5",
        "timezone": "Europe/Zurich",
        "misfire": "run_once",
        "task": {
            "messages": [{"role": "user", "content": "What is new?"}],
            "team": None,
            "inputs": {},
            "pointsman": {},
        },
    }


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("hello",), "give exactly one of --every, --cron and --at"),
        (("hello", "--every", "5", "--at", "2026-12-01"), "give exactly one of --every, --cron and --at"),
        (("--every", "5"), "give a prompt, or --team"),
        (("hello", "--at", "tomorrow"), "--at 'tomorrow' is no time: give it as 2026-12-01T07:00:00"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_before_anything_is_sent(
    run: Run, arguments: tuple[str, ...], line: str
) -> None:
    assert run("schedules", "add", *arguments) == (2, "", f"pointsman: {line}\n")


def test_a_schedule_rests_and_goes_on(run: Run, serve: Serve) -> None:
    server = serve({"PATCH /api/schedules/s1": Reply(a_schedule(every=60.0))})
    assert run("schedules", "pause", "s1").out == "s1 rests\n"
    assert run("schedules", "resume", "s1").out == "s1 goes on\n"
    assert [asked.body for asked in server.asked] == [{"paused": True}, {"paused": False}]


# --- queue ----------------------------------------------------------------------------------------------------------


def test_the_queues_show_what_waits_who_works_and_what_was_given_up(run: Run, serve: Serve) -> None:
    letter = {"id": "m1", "run_id": RUN_ID, "inbox": "runs", "type": "task", "reason": "5 workers died over it"}
    state = {
        "inboxes": [{"inbox": "runs", "state": "published", "messages": 3, "oldest_seconds": 12.5}],
        "dead": [letter],
        "processes": {"worker": 2, "upkeep": 1},
    }
    server = serve({"GET /api/queues": Reply(state), "POST /api/queues/dead/m1/retry": Reply({"id": "m1"})})
    shown = run("queue", "show").out.splitlines()
    assert shown[1].split() == ["runs", "published", "3", "12.5", "s"]
    assert shown[2:] == ["processes: 2 worker, 1 upkeep", "given up: 1"]
    assert "5 workers died over it" in run("queue", "dead").out
    assert run("queue", "retry", "m1").out == "message m1 waits to be worked on again\n"
    assert server.asked[-1].method == "POST"
