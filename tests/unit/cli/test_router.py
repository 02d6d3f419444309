"""`pointsman router score`, `calibrate` and `evaluate`, as a shell calls them."""

import io
import json
import sys
from pathlib import Path
from typing import Any, cast

import pyarrow
import pyarrow.parquet
import pytest

from agents.errors import InvalidTask, Unavailable
from agents.records import Effort
from router.score import score
from services.calibration.campaign import Failed, Gone, Job, Rung, carry_out, rungs_of
from services.calibration.files import read_graded
from services.calibration.prompts import Prompt, read_prompts, spread
from services.calibration.results import Result, read_results, results_file, writing
from services.calibration.scoring import MAX_LINE_BYTES, numbered
from services.calibration.summary import wilson
from tests.scripted_gateway import Reply
from tests.unit.cli.conftest import Outcome, Run, Serve

# --- score ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def scored(run: Run, monkeypatch: pytest.MonkeyPatch) -> Any:
    def call(*lines: str | bytes) -> tuple[Outcome, list[dict[str, Any]]]:
        raw = b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in lines)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
        outcome = run("router", "score")
        return outcome, [json.loads(line) for line in outcome.out.splitlines()]

    return call


def test_each_line_is_answered_in_order_with_its_own_keys(scored: Any) -> None:
    outcome, lines = scored('{"prompt": "What is 17% of 3482?", "id": 7}', '{"prompt": "Write a poem", "tags": ["x"]}')
    assert (outcome.code, outcome.err) == (0, "")
    assert [sorted(line) for line in lines] == [
        ["id", "plan", "score", "task_type"],
        ["plan", "score", "tags", "task_type"],
    ]
    assert (lines[0]["id"], lines[0]["plan"], lines[1]["tags"]) == (7, ["calculate"], ["x"])
    assert lines[1]["score"] == pytest.approx(score("Write a poem"), abs=1e-4)
    assert lines[1]["task_type"] == "creative"
    assert lines[1]["plan"][-1].split()[1] in ("small", "large")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nope", "line 2: it is not JSON"),
        ("[1]", "line 2: it is not a JSON object"),
        ('{"id": 1}', "line 2: 'prompt' is missing"),
        ('{"prompt": 3}', "line 2: 'prompt' has to be a text"),
        ('{"prompt": "x", "id": NaN}', "line 2: it is not JSON: NaN"),
        ("[" * 100_000, "line 2: it is nested too deeply"),
        (b'{"prompt": "\xff"}', "line 2: it is not JSON"),
        (b" " * MAX_LINE_BYTES + b"{}", f"line 2: it is longer than {MAX_LINE_BYTES} bytes"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_bad_line_is_named_in_its_place_and_the_rest_is_answered(scored: Any, line: str, reason: str) -> None:
    outcome, lines = scored('{"prompt": "one"}', line, '{"prompt": "three"}')
    assert outcome.code == 1
    assert outcome.err == "pointsman: 1 line was wrong: see 'error' in each\n"
    assert ["score" in one for one in lines] == [True, False, True]
    assert lines[1]["error"].startswith(reason)


def test_what_came_with_a_bad_line_is_passed_on(scored: Any) -> None:
    _, lines = scored('{"id": "a"}')
    assert lines == [{"id": "a", "error": "line 1: 'prompt' is missing"}]


def test_blank_lines_count_and_are_not_answered(scored: Any) -> None:
    outcome, lines = scored("", '{"prompt": "x"}', "  ", "oops")
    assert outcome.code == 1
    assert len(lines) == 2
    assert lines[1]["error"].startswith("line 4:")


def test_half_a_character_and_an_empty_prompt_are_answered(scored: Any) -> None:
    outcome, lines = scored('{"prompt": "\\ud83d hello", "id": "\\ud83d"}', '{"prompt": ""}')
    assert outcome.code == 0
    assert all("score" in line for line in lines)
    assert lines[0]["id"] == "\ud83d"


def test_a_prompt_that_fits_no_model_is_scored_and_has_no_plan(scored: Any) -> None:
    outcome, lines = scored(json.dumps({"prompt": "word " * 20_000}))
    assert outcome.code == 0
    assert lines[0]["plan"] == []
    assert "do not fit" in lines[0]["why"]
    assert isinstance(lines[0]["score"], float)


class OneLineAtATime(io.RawIOBase):
    """A pipe whose writer waits for the answer to each line before it writes the next."""

    def __init__(self, lines: list[bytes]) -> None:
        self.left = lines

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        line = self.left.pop(0) if self.left else b""
        buffer[: len(line)] = line
        return len(line)


def test_a_line_is_handed_on_before_the_next_is_read() -> None:
    pipe = OneLineAtATime([b'{"prompt": "a"}\n', b'{"prompt": "b"}\n', b'{"prompt": "c"}'])
    lines = numbered(io.BufferedReader(pipe))
    assert next(lines) == (1, b'{"prompt": "a"}\n')
    assert len(pipe.left) == 2
    assert [number for number, _ in lines] == [2, 3]


# --- the prompts of a calibration -------------------------------------------------------------------------------------


def a_file(folder: Path, *lines: object) -> Path:
    file = folder / "prompts.jsonl"
    file.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return file


def test_a_reference_becomes_a_check_of_its_kind(tmp_path: Path) -> None:
    file = a_file(
        tmp_path,
        {"prompt": "6 * 7?", "reference": 42},
        {"prompt": "Price?", "reference": "1,250.50"},
        {"prompt": "Capital?", "reference": "Paris"},
        {"prompt": "Which?", "reference": "3 apples"},
        {"messages": [{"role": "user", "content": "Digits?"}], "checks": [{"type": "regex", "pattern": "^\\d+$"}]},
        {"prompt": "An object?", "response_schema": {"type": "object"}, "id": "o"},
    )
    found, left_out = read_prompts(file)
    assert left_out == []
    assert [[check["type"] for check in one.checks] for one in found] == [
        *(["math"], ["math"], ["text"], ["text"], ["regex"], []),
    ]
    assert [one.id for one in found] == ["1", "2", "3", "4", "5", "o"]
    assert found[4].prompt == "Digits?"


def test_what_cannot_be_graded_is_named(tmp_path: Path) -> None:
    file = a_file(
        tmp_path,
        {"prompt": "6 * 7?", "reference": 42},
        {"prompt": "No reference", "id": "free"},
        {"prompt": "6 * 7?", "reference": 42, "id": "again"},
        "oops",
        {"id": "nothing asked", "reference": "1"},
        {"prompt": "x", "checks": [{"type": "regex", "pattern": "("}]},
        {"prompt": "x", "messages": [], "reference": "y"},
        {"prompt": "x", "messages": [{"role": "user", "content": "y"}], "reference": "y"},
        {"prompt": "  ", "reference": "y"},
    )
    found, left_out = read_prompts(file)
    assert len(found) == 2
    assert [one.name for one in left_out] == [
        *("line 2 (free)", "line 3 (again)", "line 4", "line 5", "line 6", "line 8", "line 9")
    ]
    assert left_out[0].reason == "it has no reference and no checks"
    assert left_out[1].reason == "the same as prompt 1"
    assert "regular expression" in left_out[4].reason


def a_prompt(number: int, kind: str, hard: float = 0.0) -> Prompt:
    asked = f"prompt {number}"
    message = {"role": "user", "content": asked}
    checks = ({"type": "text", "reference": "yes"},)
    return Prompt(
        key=f"key {number}",
        id=str(number),
        prompt=asked,
        messages=(message,),
        checks=checks,
        task_type=kind,
        score=hard,
    )


def test_prompts_are_spread_over_kinds_and_over_easy_and_hard() -> None:
    many = [a_prompt(number, "math", number / 100) for number in range(90)]
    few = [a_prompt(100 + number, "chat", number / 100) for number in range(4)]
    chosen = spread([*many, *few], 12)
    hard = [one.score for one in chosen if one.task_type == "math"]
    assert len(chosen) == 12
    assert len(hard) == 8
    assert (min(hard) < 0.1, max(hard) > 0.8) == (True, True)
    assert spread([*many, *few], 12) == chosen
    assert spread(few, 50) == few


# --- results on disk --------------------------------------------------------------------------------------------------


def a_result(prompt: Prompt, *, model: str = "small", outcome: Any = "pass", usd: str = "0.001") -> Result:
    return Result.model_validate(
        {
            **prompt.model_dump(include={"key", "id", "prompt", "task_type"}),
            "model": model,
            "effort": "none",
            "outcome": outcome,
            "input_tokens": 10,
            "output_tokens": 5,
            "seconds": 0.5,
            "usd": usd,
            "run_id": "run",
            "at": "2026-01-01T12:00:00Z",
        }
    )


def test_a_line_that_a_crash_cut_short_neither_counts_nor_spoils_the_next(tmp_path: Path) -> None:
    file = results_file(tmp_path)
    first, second = a_result(a_prompt(1, "chat")), a_result(a_prompt(2, "chat"))
    with writing(file) as writer:
        writer.append(first)
    with file.open("ab") as torn:
        torn.write(second.model_dump_json().encode()[:40])
    with writing(file) as writer:
        writer.append(second)
    assert read_results(file) == [first, second]


def test_two_calibrations_do_not_write_at_once(tmp_path: Path) -> None:
    file = results_file(tmp_path)
    with writing(file), pytest.raises(Unavailable, match="another calibration"), writing(file):
        pass


def test_what_was_done_again_counts_once_as_it_was_last(tmp_path: Path) -> None:
    file = results_file(tmp_path)
    prompt = a_prompt(1, "chat")
    with writing(file) as writer:
        writer.append(a_result(prompt, outcome="fail"))
        writer.append(a_result(prompt, outcome="pass"))
    assert [one.outcome for one in read_results(file)] == ["pass"]


def test_the_interval_of_a_share_is_wilsons() -> None:
    low, high = wilson(8, 10)
    assert (low, high) == (pytest.approx(0.4902, abs=1e-3), pytest.approx(0.9433, abs=1e-3))
    assert wilson(0, 5)[0] == 0
    assert wilson(5, 5)[1] == 1


# --- the rungs, and asking them ---------------------------------------------------------------------------------------

CARDS: list[dict[str, Any]] = [
    {"id": "small", "healthy": True, "efforts": ["none", "high"]},
    {"id": "large", "healthy": True, "efforts": ["none"]},
    {"id": "asleep", "healthy": False, "efforts": ["none"]},
]


def test_every_effort_of_every_model_that_answers_is_a_rung() -> None:
    rungs, silent = rungs_of(CARDS)
    assert rungs == [("small", "none"), ("small", "high"), ("large", "none")]
    assert silent == ["asleep"]
    assert rungs_of(CARDS, efforts=[Effort.HIGH])[0] == [("small", "high")]
    assert rungs_of(CARDS, models=["large"])[0] == [("large", "none")]


@pytest.mark.parametrize(
    ("models", "efforts", "message"),
    [
        (["huge"], [], "no model 'huge'; there are: small, large, asleep"),
        (["asleep"], [], "does not answer now"),
        (["large"], [Effort.MAX], "there are: large: none"),
    ],
)
def test_rungs_that_are_not_there_are_refused(models: list[str], efforts: list[Effort], message: str) -> None:
    with pytest.raises(InvalidTask, match=message):
        rungs_of(CARDS, models=models, efforts=efforts)


def reply(*outcomes: str, status: str = "succeeded") -> dict[str, Any]:
    verdicts = [{"check": "text", "outcome": outcome} for outcome in outcomes]
    used = {"input_tokens": 10, "output_tokens": 5}
    said = {"run_id": "r", "status": status, "usage": used, "cost_usd": "0.002", "seconds": 1.5}
    return {"pointsman": said | {"attempts": [{"verdicts": verdicts}] if verdicts else []}}


JOBS = [Job(a_prompt(number, "chat"), Rung("small", Effort.NONE)) for number in range(6)]


def test_the_worst_verdict_is_the_outcome() -> None:
    replies = iter([reply("pass", "pass"), reply("pass", "unsure"), reply("unsure", "fail")])
    came = list(carry_out(JOBS[:3], lambda _: next(replies), parallel=1))
    assert [one.outcome for one in came if isinstance(one, Result)] == ["pass", "unsure", "fail"]


def test_a_busy_gateway_is_asked_again_after_ever_longer_pauses() -> None:
    pauses: list[float] = []
    script = iter(
        [Unavailable("busy", retry_after_seconds=1), Unavailable("busy", retry_after_seconds=1), reply("pass")]
    )

    def ask(_: Any) -> dict[str, Any]:
        said = next(script)
        if isinstance(said, Unavailable):
            raise said
        return said

    (came,) = carry_out(JOBS[:1], ask, parallel=1, pause=pauses.append)
    assert isinstance(came, Result)
    assert pauses == [1, 2]


def test_what_is_refused_or_ends_unchecked_is_told_and_the_rest_goes_on() -> None:
    def ask(body: Any) -> dict[str, Any]:
        number = body["messages"][0]["content"][-1]
        if number == "1":
            raise InvalidTask("too long")
        return reply(status="truncated") if number == "2" else reply("pass")

    came = list(carry_out(JOBS, ask, parallel=3))
    reasons = {one.job.prompt.id: one.reason for one in came if isinstance(one, Failed)}
    assert reasons == {"1": "too long", "2": "no check saw its answer: the run ended truncated"}
    assert len(came) == 6


def test_nothing_more_is_asked_of_a_gateway_that_is_gone() -> None:
    asked: list[Any] = []

    def ask(body: Any) -> dict[str, Any]:
        asked.append(body)
        raise Gone("no gateway")

    with pytest.raises(Gone):
        list(carry_out(JOBS, ask, parallel=1))
    assert len(asked) == 1


# --- calibrate --------------------------------------------------------------------------------------------------------

PLAN = {"rungs": [{"cost_usd": "0.002", "seconds": 3.0, "input_tokens": 10, "output_tokens": 40}]}


def script(**more: Any) -> dict[str, Any]:
    return {
        "GET /api/models": Reply({"models": CARDS}),
        "POST /api/route": Reply(PLAN),
        "POST /v1/chat/completions": Reply(reply("pass")),
        "POST /api/router/learn": Reply({"outcomes": 4}),
        **more,
    }


TWO = ({"prompt": "6 * 7?", "reference": 42}, {"prompt": "Capital?", "reference": "Paris"}, {"prompt": "Why?"})


def test_calibrate_says_the_price_and_asks_before_it_spends(run: Run, serve: Serve, tmp_path: Path) -> None:
    server = serve(script())
    refused = run("router", "calibrate", "--prompts", str(a_file(tmp_path, *TWO)))
    assert refused.code == 2
    assert "6 answers: about 300 tokens, $0.01, and 18.0 s one after the other" in refused.err
    assert "--yes" in refused.err
    assert "left out: line 3: it has no reference and no checks" in refused.err
    assert {asked.path for asked in server.asked} == {"/api/models", "/api/route"}


def test_calibrate_asks_every_rung_grades_learns_and_does_it_once(run: Run, serve: Serve, tmp_path: Path) -> None:
    server = serve(script())
    command = ("router", "calibrate", "--prompts", str(a_file(tmp_path, *TWO)), "--yes", "--parallel", "1")
    done = run(*command)
    assert done.code == 0, done.err
    assert done.out.splitlines()[0].split() == [
        *("model", "effort", "right", "of", "95", "%", "interval", "unsure", "tokens", "time", "cost")
    ]
    assert done.out.splitlines()[1].split() == [
        "small",
        "none",
        "2",
        "2",
        *["34%", "to", "100%", "0", "5", "1.5", "s", "$0.0040"],
    ]
    chats = [asked.body for asked in server.asked if asked.path == "/v1/chat/completions"]
    assert [(body["model"], body["pointsman"]["effort"]) for body in chats[:3]] == [
        *(("small", "none"), ("small", "high"), ("large", "none"))
    ]
    assert chats[0]["pointsman"]["checks"] == [{"type": "math", "reference": "42"}]
    assert server.asked[-1].path == "/api/router/learn"
    again = json.loads(run(*command, "--json").out)
    assert len([asked for asked in server.asked if asked.path == "/v1/chat/completions"]) == 6
    assert [line["right"] for line in again["rungs"]] == [2, 2, 2]
    assert again["learned"] == {"outcomes": 4}
    assert again["left_out"] == [{"name": "line 3", "reason": "it has no reference and no checks"}]


def test_what_could_not_be_had_is_named_and_tried_again_at_the_next_start(
    run: Run, serve: Serve, tmp_path: Path
) -> None:
    refusal = Reply({"error": {"message": "the model said nothing"}}, 502)
    serve(script(**{"POST /v1/chat/completions": [Reply(reply("pass")), refusal, Reply(reply("fail"))]}))
    command = ("router", "calibrate", "--prompts", str(a_file(tmp_path, *TWO)), "--models", "large", "--yes")
    first = run(*command, "--parallel", "1")
    assert first.code == 1
    assert "1 of 2 answers could not be had, the first from large: the model said nothing" in first.err
    second = run(*command, "--parallel", "1")
    assert second.code == 0
    assert second.out.splitlines()[1].split()[:4] == ["large", "none", "1", "2"]


def test_a_gateway_that_does_not_learn_on_demand_is_no_failure(run: Run, serve: Serve, tmp_path: Path) -> None:
    serve(script(**{"POST /api/router/learn": Reply({"error": {"message": "no such path"}}, 404)}))
    done = run("router", "calibrate", "--prompts", str(a_file(tmp_path, *TWO)), "--yes")
    assert done.code == 0, done.err
    assert "at its next tick" in done.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--efforts", "huge"), "'huge' is none of none, low"),
        (("--models", "huge"), "no model 'huge'; there are: small, large, asleep"),
    ],
)
def test_calibrate_refuses_what_is_not_there(
    run: Run, serve: Serve, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    serve(script())
    refused = run("router", "calibrate", "--prompts", str(a_file(tmp_path, *TWO)), "--yes", *options)
    assert refused.code != 0
    assert message in refused.err.splitlines()[-1]


# --- evaluate ---------------------------------------------------------------------------------------------------------


def graded_lines(count: int = 40) -> list[dict[str, Any]]:
    return [
        {
            "prompt": f"question {number} " + "long " * (20 * (number % 2)),
            "s:mini": 1 - number % 2,
            "s:maxi": 1,
            "usd:mini": 0.001,
            "usd:maxi": 0.02,
        }
        for number in range(count)
    ]


def test_evaluate_prints_every_measure_and_draws(run: Run, tmp_path: Path) -> None:
    file = a_file(tmp_path, *graded_lines())
    shown = run("router", "evaluate", "--data", str(file), "--out", str(tmp_path / "plots"), "--resamples", "20")
    assert shown.code == 0, shown.err
    assert "prompts: 40 prompts, mini to maxi, cost in USD" in shown.out
    for name in ("pointsman", "task prior", "length", "random", "oracle", "always small", "always large"):
        assert f"\n{name} " in shown.out
    assert (tmp_path / "plots" / "frontier-prompts.png").read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "plots" / "frontier-prompts.html").read_text()
    assert "Cost of 1,000 answers" in page
    assert "<script src=" not in page.replace("'", '"')


def test_evaluate_takes_what_calibration_stored(run: Run, tmp_path: Path) -> None:
    with writing(results_file(tmp_path)) as writer:
        for number in range(30):
            prompt = a_prompt(number, "chat")
            writer.append(a_result(prompt, outcome="fail" if number % 3 == 0 else "pass"))
            writer.append(a_result(prompt, model="large", usd="0.02"))
    shown = run("router", "evaluate", "--json", "--resamples", "20")
    assert shown.code == 0, shown.err
    (found,) = json.loads(shown.out)
    assert (found["source"], found["small"], found["large"], found["prompts"]) == ("calibration", "small", "large", 30)
    assert Path(found["png"]).exists()


def test_evaluate_says_what_is_missing(run: Run, tmp_path: Path) -> None:
    assert "pointsman router calibrate" in run("router", "evaluate").err
    file = a_file(tmp_path, *graded_lines())
    wrong = run("router", "evaluate", "--data", str(file), "--small", "tiny")
    assert (wrong.code, "there are: mini, maxi" in wrong.err) == (1, True)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("oops", "line 1 is not JSON"),
        ("[]", "line 1 is not a JSON object"),
        ({"s:a": 1}, "row 1 has no text 'prompt'"),
        ({"prompt": "x", "s:a": "good"}, "row 1: 's:a' is 'good'"),
    ],
)
def test_a_file_that_is_not_graded_prompts_is_refused_with_the_place(
    tmp_path: Path, line: object, message: str
) -> None:
    with pytest.raises(InvalidTask, match=message):
        read_graded(a_file(tmp_path, line))


def test_parquet_and_jsonl_of_a_folder_are_read_alike(tmp_path: Path) -> None:
    rows = [{"prompt": "x", "s:a": 1.0, "s:b": None, "t:a": 7.0, "sub": "law"}]
    arrow, parquet = cast("Any", pyarrow), cast("Any", pyarrow.parquet)  # they have no types
    parquet.write_table(arrow.Table.from_pylist(rows), tmp_path / "one.parquet")
    (tmp_path / "two.jsonl").write_text(json.dumps(rows[0]))
    (tmp_path / "notes.txt").write_text("not read")
    found = read_graded(tmp_path)
    assert list(found) == ["one", "two"]
    assert found["one"] == found["two"]
    assert (found["one"][0].quality, found["one"][0].tokens, found["one"][0].sub) == ({"a": 1.0}, {"a": 7.0}, "law")
