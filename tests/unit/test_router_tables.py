"""The shipped tables, and what is read off them: task type, expected quality, tokens."""

from itertools import pairwise

import pytest

from agents.records import Effort, Sampling
from router.costs import answer_tokens, cost, prompt_tokens
from router.features import features
from router.quality import expected
from router.records import ModelCard
from router.tables import load_tables
from router.tasktype import TASK_TYPES, likely, task_type
from tests.builders import a_task

TABLES = load_tables()
SIZES = (0.5, 1.5, 3.0, 8.0, 32.0, 70.0, 400.0)


@pytest.mark.parametrize(
    ("prompt", "kind"),
    [
        ("Solve 3x + 5 = 20 for x", "math"),
        ("A farmer has 12 cows and buys 5 more each year. How many cows has he after 7 years?", "math"),
        ("Write a Python function that merges two sorted lists", "code"),
        ("```python\ndef f(x): return x\n```\nWhy does this fail?", "code"),
        ("Extract all names and emails from this text: ...", "extraction"),
        ("Classify the sentiment of this review as positive or negative: great!", "classification"),
        ("Translate into German: the cat sat on the mat", "translation"),
        ("Please summarize the following article", "summarise"),
        ("Proofread this paragraph and fix the grammar", "rewrite"),
        ("Who was the president of France in 1995?", "knowledge"),
        ("Is this argument valid? All premises are true, therefore the conclusion must follow.", "reasoning"),
        ("Plan a three day trip to Rome", "planning"),
        ("Write a poem about rain", "creative"),
        ("hello!", "chat"),
    ],
)
def test_the_usual_request_is_seen_for_what_it_is(prompt: str, kind: str) -> None:
    guess = task_type(prompt, features(prompt))
    assert max(guess, key=lambda each: guess[each]) == kind
    assert sum(guess.values()) == pytest.approx(1)


def test_tools_on_offer_speak_for_tool_work() -> None:
    prompt = "What is on my calendar today?"
    seen = features(prompt)
    assert task_type(prompt, seen, tools=True)["tool"] > 0.5 > task_type(prompt, seen)["tool"]


def test_a_long_text_speaks_for_a_document() -> None:
    prompt = "According to the report, who signed? " + "The parties agree as follows. " * 700
    guess = task_type(prompt, features(prompt))
    assert max(guess, key=lambda each: guess[each]) == "long_document"


def test_what_hardly_counts_is_left_out_and_the_rest_sums_to_one() -> None:
    kept = likely({"math": 0.9, "code": 0.06, "chat": 0.04})
    assert set(kept) == {"math", "code"}
    assert sum(kept.values()) == pytest.approx(1)


def test_features_of_a_long_prompt_are_projected_from_its_ends() -> None:
    seen = features("word " * 20_000)
    assert seen.characters == 100_000
    assert seen.words == pytest.approx(20_000, rel=0.01)
    assert features("What is this?").question
    assert features("A. one\nB. two\nC. three").options == 3
    assert features("日本語").other_script == 1


def test_every_type_and_effort_has_its_row() -> None:
    assert set(TABLES.types) == set(TASK_TYPES)
    assert set(TABLES.efforts) == set(Effort) - {Effort.AUTO}
    assert TABLES.about["command"].startswith("python -m bench.fit_router")
    assert all(source["licence"] for source in TABLES.about["sources"])


@pytest.mark.parametrize("kind", TASK_TYPES)
@pytest.mark.parametrize("words", [1, 40, 400])
def test_a_larger_model_is_expected_to_be_better(kind: str, words: int) -> None:
    posterior = {kind: 1.0}
    found = [
        expected(TABLES, posterior, words=words, parameters_billion=size, effort=Effort.NONE)  # pyright: ignore[reportArgumentType]
        for size in SIZES
    ]
    assert all(small.mean < large.mean for small, large in pairwise(found))
    assert all(0 < each.low < each.mean < each.high < 1 for each in found)


def test_thinking_helps_where_there_is_something_to_think_about() -> None:
    def gain(kind: str) -> float:
        none, high = (
            expected(TABLES, {kind: 1.0}, words=40, parameters_billion=8, effort=effort)  # pyright: ignore[reportArgumentType]
            for effort in (Effort.NONE, Effort.HIGH)
        )
        return high.mean - none.mean

    assert gain("math") > 0.1 > gain("chat") >= 0


def test_votes_help_a_model_that_is_right_more_often_than_not_and_hurt_another() -> None:
    def gain(billion: float) -> float:
        one, eight = (
            expected(
                TABLES, {"math": 1.0}, words=40, parameters_billion=billion, effort=Effort.NONE, samples=samples
            ).mean
            for samples in (1, 8)
        )
        return eight - one

    assert gain(400) > 0 > gain(0.5)


def test_tokens_grow_with_effort_and_keep_to_the_limit() -> None:
    task = a_task("Solve it")
    by_effort = [
        answer_tokens(TABLES, {"math": 1.0}, task, effort) for effort in (Effort.NONE, Effort.LOW, Effort.HIGH)
    ]
    assert by_effort == sorted(set(by_effort))
    limited = a_task("Solve it", sampling=Sampling(max_output_tokens=16, n=3))
    assert answer_tokens(TABLES, {"math": 1.0}, limited, Effort.HIGH) == 48


def test_what_is_not_ascii_counts_by_its_bytes() -> None:
    assert prompt_tokens(a_task("日" * 350)) - prompt_tokens(a_task("a" * 350)) == 200
    assert prompt_tokens(a_task("\ud800")) > 0


def test_a_call_costs_its_tokens_its_machine_and_its_wait() -> None:
    card = ModelCard.model_validate(
        {
            "id": "one",
            "parameters_billion": 8,
            "context_tokens": 1000,
            "usd_per_million_input_tokens": "1",
            "usd_per_million_output_tokens": "2",
            "usd_per_hour": "3.6",
            "prefill_tokens_per_second": 100,
            "decode_tokens_per_second": 10,
            "queue": 1,
        }
    )
    found = cost(card, a_task(), input_tokens=100, output_tokens=90)
    assert found.seconds == pytest.approx(1 + 9 + 20), "prompt, answer, and 200 tokens of the one in front"
    assert float(found.usd) == pytest.approx(100e-6 + 180e-6 + 10 * 0.001), "the wait is not paid for"
    assert found.worst_tokens == 100 + 4 * 90
