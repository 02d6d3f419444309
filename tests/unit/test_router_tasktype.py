"""The task type of a prompt, and the shipped weights that it is read off: how they are packed, and added up."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from router.features import features
from router.tasktype import TASK_TYPES, TaskType, likely, load_weights, packed, task_type, unpacked

HELD_OUT = Path(__file__).parent / "data" / "tasktype.jsonl"
"""Prompts that nothing was fitted on, in other words than the seeds of the fit."""
LEAST_RIGHT = 0.85

KEYS = [f"word {number}" for number in range(600)]


def _row(weight: int) -> bytes:
    return bytes([128 + weight, *[128] * (len(TASK_TYPES) - 1)])


def test_a_packed_table_reads_back_as_it_was() -> None:
    bias = [float(number) for number in range(len(TASK_TYPES))]
    weights = unpacked(packed({"command": "one"}, bias=bias, scale=0.5, keys=["a", "é b"], rows=_row(3) + _row(-5)))
    assert weights.about == {"command": "one"}
    assert weights.bias == tuple(bias)
    assert [weights.sums([key])[0] for key in ("a", "é b", "unknown")] == [1.5, -2.5, 0.0]


@pytest.mark.parametrize("weight", [-128, -1, 0, 127])
def test_any_number_of_weights_adds_up_without_a_carry_into_the_next_type(weight: int) -> None:
    rows = b"".join(_row(weight) for _ in KEYS)
    weights = unpacked(packed({}, bias=[0.0] * len(TASK_TYPES), scale=1.0, keys=KEYS, rows=rows))
    assert weights.sums(KEYS) == [weight * len(KEYS), *[0.0] * (len(TASK_TYPES) - 1)]


def _guess(prompt: str, *, tools: bool = False, attached: tuple[str, ...] = ()) -> dict[TaskType, float]:
    return task_type(prompt, features(prompt), tools=tools, attached=attached)


def _likeliest(guess: Mapping[TaskType, float]) -> TaskType:
    return max(guess, key=lambda kind: guess[kind])


def _held_out() -> list[tuple[TaskType, dict[TaskType, float]]]:
    rows = [json.loads(line) for line in HELD_OUT.read_text().splitlines()]
    return [
        (
            row["kind"],
            _guess(row["prompt"], tools=row.get("tools", False), attached=tuple(row.get("attached", ()))),
        )
        for row in rows
    ]


def test_most_prompts_that_nothing_was_fitted_on_are_seen_for_what_they_are() -> None:
    rows = _held_out()
    assert {kind for kind, _ in rows} == set(TASK_TYPES)
    right = [kind == _likeliest(guess) for kind, guess in rows]
    assert len(right) >= 360
    assert sum(right) / len(right) >= LEAST_RIGHT


@pytest.mark.parametrize("kind", TASK_TYPES)
def test_no_type_is_overlooked(kind: TaskType) -> None:
    chances = [guess[kind] for each, guess in _held_out() if each == kind]
    assert len(chances) >= 20
    assert sum(chances) / len(chances) > 0.5


def test_the_likeliest_type_is_about_as_often_right_as_it_says() -> None:
    rows = _held_out()
    said = sum(max(guess.values()) for _, guess in rows) / len(rows)
    right = sum(kind == _likeliest(guess) for kind, guess in rows) / len(rows)
    assert said == pytest.approx(right, abs=0.08)


@pytest.mark.parametrize(
    ("prompt", "kind"),
    [
        ("Solve 3x + 5 = 20 for x", "math"),
        ("A farmer has 12 cows and buys 5 more each year. How many cows has he after 7 years?", "math"),
        ("Write a Python function that merges two sorted lists", "code_write"),
        ("```python\ndef f(x): return x\n```\nWhy does this fail?", "code_fix"),
        ("Extract all names and emails from this text: ...", "extraction"),
        ("Classify the sentiment of this review as positive or negative: great!", "classification"),
        ("Translate into German: the cat sat on the mat", "translation"),
        ("Please summarize the following article", "summarise"),
        ("Proofread this paragraph and fix the grammar", "proofread"),
        ("Make this email sound friendlier", "rewrite"),
        ("Who was the president of France in 1995?", "knowledge"),
        ("Is this argument valid? All premises are true, therefore the conclusion must follow.", "reasoning"),
        ("Plan a three day trip to Rome", "planning"),
        ("Write a poem about rain", "creative"),
        ("hello!", "chat"),
        ("Which Excel formula sums only the visible cells?", "data"),
    ],
)
def test_the_usual_request_is_seen_for_what_it_is(prompt: str, kind: TaskType) -> None:
    assert _likeliest(_guess(prompt)) == kind


@pytest.mark.parametrize(
    "prompt",
    ["", " ", "?", "\n\n", "\ud800", "🎉🎉", "日本語", "Habari ya asubuhi", "a" * 100_000, '"' * 5000, "x: " * 4000],
)
def test_whatever_the_prompt_the_probabilities_sum_to_one_and_stay_the_same(prompt: str) -> None:
    guess = _guess(prompt)
    assert tuple(guess) == TASK_TYPES
    assert sum(guess.values()) == pytest.approx(1)
    assert min(guess.values()) >= 0
    assert _guess(prompt) == guess


def _odds(guess: Mapping[TaskType, float], *kinds: TaskType) -> float:
    chance = sum(guess[kind] for kind in kinds)
    return chance / (1 - chance)


def test_tools_on_offer_speak_for_tool_work() -> None:
    prompt = "Is there anything new from Anna?"
    assert _odds(_guess(prompt, tools=True), "tool") > 3 * _odds(_guess(prompt), "tool")


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("sales.csv", ("data",)),
        ("Book.XLSX", ("data",)),
        ("main.py", ("code_write", "code_fix", "code_explain")),
        ("report.pdf", ("long_document", "summarise")),
    ],
)
def test_a_file_speaks_for_the_work_that_is_done_on_such_files(name: str, kinds: tuple[TaskType, ...]) -> None:
    prompt = "Have a look at it and tell me what you find"
    assert _odds(_guess(prompt, attached=(name,)), *kinds) > 3 * _odds(_guess(prompt), *kinds)


def test_a_long_text_speaks_for_a_document() -> None:
    question = "According to the report, who signed? "
    long = question + "The parties agree as follows. " * 700
    assert _likeliest(_guess(long)) == "long_document"
    assert _guess(long)["long_document"] > _guess(question)["long_document"]


def test_what_is_pasted_does_not_hide_what_is_asked() -> None:
    pasted = "A train leaves at 9 and travels 120 km in two hours. What is its speed in km per hour?"
    assert _likeliest(_guess(pasted)) == "math"
    assert _likeliest(_guess(f"Translate the following text into French:\n{pasted}")) == "translation"
    assert _likeliest(_guess(f"{pasted}\n\nSummarize the text above.")) == "summarise"


def test_a_language_that_was_not_fitted_on_leaves_it_less_sure() -> None:
    known = _guess("Write a poem about the old fisherman and his boat")
    unknown = _guess("Kirjoita runo vanhasta kalastajasta ja hänen veneestään")
    assert max(unknown.values()) < max(known.values())


def test_what_hardly_counts_is_left_out_and_the_rest_sums_to_one() -> None:
    kept = likely({"math": 0.9, "code_write": 0.06, "chat": 0.04})
    assert set(kept) == {"math", "code_write"}
    assert sum(kept.values()) == pytest.approx(1)


def test_the_shipped_table_says_how_it_was_made() -> None:
    weights = load_weights()
    assert str(weights.about["command"]).startswith("python -m bench.fit_tasktype")
    assert len(weights.bias) == len(TASK_TYPES)
    assert {len(row) for row in weights.rows.values()} == {2 * len(TASK_TYPES)}
