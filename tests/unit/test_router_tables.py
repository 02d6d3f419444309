"""The shipped tables, and what is read off them: expected quality with its interval, tokens, seconds, money."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from agents.records import Effort, Sampling
from router.costs import answer_tokens, cost, prompt_tokens
from router.learned import Learned
from router.quality import Outlook, ability, expected
from router.records import ModelCard
from router.residual import Gain
from router.tables import canonical, load_tables
from router.tasktype import TASK_TYPES, TaskType
from tests.builders import a_task

TABLES = load_tables()
SIZES = (0.5, 1.5, 3.0, 8.0, 32.0, 70.0, 400.0)


def a_card(billion: float = 8.0, **fields: Any) -> ModelCard:
    values: dict[str, Any] = {"id": "one", "parameters_billion": billion, "context_tokens": 8192, **fields}
    return ModelCard.model_validate(values)


def quality(kind: TaskType, card: ModelCard, *, words: int = 40, **fields: Any) -> float:
    asked: dict[str, Any] = {"effort": Effort.NONE, **fields}
    return expected(TABLES, {kind: 1.0}, words=words, card=card, **asked).mean


def test_every_type_effort_and_way_of_asking_has_its_row() -> None:
    assert set(TABLES.types) == set(TASK_TYPES)
    assert set(TABLES.efforts) == set(Effort) - {Effort.AUTO}
    assert set(TABLES.methods) == {"direct", "loop", "self_consistency", "best_of_n", "refine", "verify"}
    assert TABLES.about["command"].startswith("python -m bench.fit_router")
    assert all(source["licence"] for source in TABLES.about["sources"])


def test_what_is_assumed_says_so() -> None:
    assumed = {kind: row for kind, row in TABLES.types.items() if row.rows == 0}
    assert {"code_fix", "proofread", "data", "tool"} <= set(assumed)
    assert all("assumed" in row.source for row in assumed.values())
    assert all(row.source == "fitted" for row in TABLES.types.values() if row.rows)


@pytest.mark.parametrize("kind", TASK_TYPES)
@pytest.mark.parametrize("words", [1, 40, 400])
def test_a_larger_model_is_expected_to_be_better(kind: TaskType, words: int) -> None:
    found = [expected(TABLES, {kind: 1.0}, words=words, card=a_card(size), effort=Effort.NONE) for size in SIZES]
    assert all(small.mean < large.mean for small, large in pairwise(found))
    assert all(0 < each.low < each.mean < each.high < 1 for each in found)


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", "Meta-Llama-3_1-8B-Instruct"),
        ("hugging-quants/Meta-Llama-3.1-8B-Instruct-AWQ-INT4", "llama3.1:8b"),
        ("Qwen/Qwen2.5-Coder-1.5B-Instruct", "qwen2.5-coder:1.5b-instruct-q4_K_M"),
        ("google/gemma-2-9b-it", "gemma-2-9b"),
    ],
)
def test_a_models_name_is_found_whoever_packed_it(name: str, same: str) -> None:
    assert canonical(name) == canonical(same)
    assert ability(TABLES, a_card(served_as=name)).known


def test_names_of_other_sizes_and_versions_differ() -> None:
    names = ("Llama-3.1-8B", "Llama-3-8B", "Llama-3.1-70B", "Qwen2.5-7B", "Qwen2.5-Coder-7B", "Qwen2-7B")
    assert len({canonical(name) for name in names}) == len(names)


def test_a_model_that_was_in_the_data_is_known_better_than_one_of_its_size() -> None:
    known, unknown = a_card(70, served_as="Llama-3.1-70B-Instruct"), a_card(70)
    wide, narrow = (
        expected(TABLES, {"knowledge": 1.0}, words=40, card=card, effort=Effort.NONE) for card in (unknown, known)
    )
    assert narrow.high - narrow.low < wide.high - wide.low
    assert ability(TABLES, known).spread < ability(TABLES, unknown).spread == TABLES.sizes.spread


def test_thinking_helps_where_there_is_something_to_think_about() -> None:
    def gain(kind: TaskType) -> float:
        return quality(kind, a_card(), effort=Effort.HIGH) - quality(kind, a_card())

    assert gain("math") > 0.1 > gain("chat") >= 0


def test_votes_help_a_model_that_is_right_more_often_than_not_and_hurt_another() -> None:
    def gain(billion: float) -> float:
        voted = quality("math", a_card(billion), method="self_consistency", samples=8)
        return voted - quality("math", a_card(billion))

    assert gain(400) > 0 > gain(0.5)


def test_a_text_model_that_sees_a_greater_gain_sets_the_sizes_further_apart() -> None:
    trusting = Learned(text_weight=1.0)

    def apart(score: float, *, weight: float = 1.0, learned: Learned = trusting) -> float:
        said = Gain(score=score, weight=weight)
        return quality("math", a_card(70), gain=said, learned=learned) - quality(
            "math", a_card(8), gain=said, learned=learned
        )

    usual = quality("math", a_card(70)) - quality("math", a_card(8))
    assert apart(0.1) > usual > apart(-0.1) > 0
    assert apart(0.0) == pytest.approx(usual)
    assert apart(0.1, weight=0.0) == apart(0.1, learned=Learned()) == usual


def test_the_estimate_is_the_mean_over_the_types_that_the_prompt_may_be_of() -> None:
    outlook = Outlook(TABLES, {"math": 0.25, "chat": 0.75}, words=40)
    mixed = 0.25 * quality("math", a_card()) + 0.75 * quality("chat", a_card())
    assert outlook.quality(a_card(), Effort.NONE).mean == pytest.approx(mixed)


def test_tokens_grow_with_effort_and_keep_to_the_limit() -> None:
    outlook, task = Outlook(TABLES, {"math": 1.0}, words=2), a_task("Solve it")
    efforts = (Effort.NONE, Effort.LOW, Effort.HIGH)
    by_effort = [answer_tokens(outlook, task, a_card(), effort) for effort in efforts]
    assert by_effort == sorted(set(by_effort))
    limited = a_task("Solve it", sampling=Sampling(max_output_tokens=16, n=3))
    assert answer_tokens(outlook, limited, a_card(), Effort.HIGH) == 48


def test_what_is_not_ascii_counts_by_its_bytes() -> None:
    assert prompt_tokens(a_task("日" * 350)) - prompt_tokens(a_task("a" * 350)) == 200
    assert prompt_tokens(a_task("\ud800")) > 0


PRICED: dict[str, Any] = {
    "context_tokens": 1000,
    "usd_per_million_input_tokens": "1",
    "usd_per_million_output_tokens": "2",
    "prefill_tokens_per_second": 100,
    "decode_tokens_per_second": 10,
}


def test_a_call_costs_its_tokens_its_machine_and_its_wait() -> None:
    card = a_card(**PRICED, usd_per_hour="3.6", queue=1)
    found = cost(card, a_task(), input_tokens=100, output_tokens=90, tables=TABLES)
    assert found.seconds == pytest.approx(1 + 9 + 20), "prompt, answer, and 200 tokens of the one in front"
    assert float(found.usd) == pytest.approx(100e-6 + 180e-6 + 10 * 0.001), "the wait is not paid for"
    assert found.gpu_seconds == pytest.approx(10)
    assert found.worst_tokens == 100 + 4 * 90


def test_rented_tokens_take_no_machine_time_and_cost_their_price_exactly() -> None:
    found = cost(a_card(**PRICED), a_task(), input_tokens=100, output_tokens=90, tables=TABLES)
    assert found.gpu_seconds == 0
    assert found.usd == Decimal("0.000280")


def test_what_was_slower_here_is_expected_to_be_slower() -> None:
    usual, slow = (
        cost(a_card(**PRICED), a_task(), input_tokens=100, output_tokens=90, tables=TABLES, slowness=slowness)
        for slowness in (1.0, 2.0)
    )
    assert slow.seconds == pytest.approx(2 * usual.seconds)


def test_samples_are_written_each_and_read_the_prompt_once_where_it_is_shared() -> None:
    def asked(samples: int, **fields: Any) -> tuple[int, int, float]:
        found = cost(
            a_card(**PRICED, **fields),
            a_task(),
            input_tokens=100,
            output_tokens=90,
            tables=TABLES,
            method="self_consistency",
            samples=samples,
        )
        return found.input_tokens, found.output_tokens, found.seconds

    assert asked(5)[:2] == (500, 450)
    assert asked(5, shared_prefix=True)[:2] == (100, 450)
    assert asked(5, shared_prefix=True)[2] == asked(1)[2], "side by side"


@pytest.mark.parametrize("method", ["loop", "best_of_n", "refine", "verify"])
def test_every_way_of_asking_costs_more_than_asking_once(method: Any) -> None:
    once, more = (
        cost(a_card(**PRICED), a_task(), input_tokens=100, output_tokens=90, tables=TABLES, method=each, samples=2)
        for each in ("direct", method)
    )
    assert more.usd > once.usd
    assert more.worst_usd >= more.usd
