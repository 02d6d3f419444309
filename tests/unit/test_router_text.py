"""The text model: what it reads, what it learns, and what it says of prompts it knows nothing about."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.features import excerpt, features
from router.fit.sparse import sparse, sparse_ridge
from router.fit.targets import by_group, by_others
from router.fit.text import USUAL, fit_text_model
from router.fit.trees import boosted
from router.residual import TextModel, TypeFit, gain, load_text_model, packed, term, trees_sum, unpacked
from router.score import score
from router.shape import NAMES, shape
from router.tasktype import task_type
from router.words import words

HARD = "Prove the theorem about the number {} in the ring"
EASY = "Name the colour of the flag with {} stars"
PROMPTS = [form.format(number) for number in range(60) for form in (HARD, EASY)]
GAINS = [0.8, 0.0] * 60
SETTINGS = replace(USUAL, trees=20, forests=1, pull=5.0)


@pytest.fixture(scope="module")
def model() -> TextModel:
    return fit_text_model(PROMPTS, GAINS, about={"of": "a test"}, settings=SETTINGS)


def said(model: TextModel, prompt: str) -> float:
    return model.said(excerpt(prompt), words(excerpt(prompt)), features(prompt))


def test_words_are_lower_case_with_numbers_as_0_and_marks_apart() -> None:
    assert words("It's 1,234.5 km - isn't ÉTÉ ___?") == ["it's", "0", "km", "-", "isn't", "été", "_", "?"]


@given(st.text(st.characters(codec="ascii")))
def test_a_text_is_cut_up_alike_whether_or_not_it_has_a_letter_beyond_ascii(text: str) -> None:
    assert words(f"{text} é") == [*words(text), "é"]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("def one():\n    return {}\n", 3),
        ("a => b() => c()", 4),
        ("```\nTraceback\n```", 3),
        ("Call me (now); then write", 0),
    ],
)
def test_places_that_look_like_program_text_are_counted(text: str, places: int) -> None:
    assert features(text).code == places


@pytest.mark.parametrize(
    "prompt", ["", " ", "?", "\n\n", "A. \nB. ", "数学の問題", "\x00", "_", "1" * 5000, "x " * 50_000]
)
def test_any_prompt_has_a_shape_of_finite_numbers_and_a_score(prompt: str) -> None:
    looks = shape(excerpt(prompt), words(excerpt(prompt)), features(prompt))
    assert len(looks) == len(NAMES)
    assert np.isfinite(looks).all()
    assert np.isfinite(score(prompt))


def test_shape_counts_options_and_the_stem_before_them() -> None:
    prompt = "Which planet is the largest?\nA. Mars\nB. Jupiter\nC. Venus\nAnswer:"
    looks = dict(zip(NAMES, shape(prompt, words(prompt), features(prompt)), strict=True))
    assert looks["options"] == 3
    assert looks["question"] == 1
    assert looks["stem_words"] == pytest.approx(np.log1p(5))


@pytest.mark.parametrize("cue", ["\nAnswer:", " Answer: \n", "\n\nAnswer"])
def test_the_cue_to_answer_is_no_part_of_the_question(cue: str) -> None:
    question = "Which planet is the largest?"
    bare, cued = (
        dict(zip(NAMES, shape(text, words(text), features(text)), strict=True)) for text in (question, question + cue)
    )
    assert {name: cued[name] for name in ("question", "stem_words", "sentences")} == {
        name: bare[name] for name in ("question", "stem_words", "sentences")
    }


def test_a_fitted_model_ranks_prompts_it_has_not_seen(model: TextModel) -> None:
    assert said(model, "Prove the theorem about the ideal in the ring") > said(model, "Name the colour of the sea")


def test_the_same_prompts_and_gains_give_the_same_file(model: TextModel) -> None:
    assert packed(fit_text_model(PROMPTS, GAINS, about={"of": "a test"}, settings=SETTINGS)) == packed(model)


def test_a_model_says_the_same_after_it_was_packed(model: TextModel) -> None:
    assert unpacked(packed(model)) == model


def test_the_linear_part_adds_up_weights_of_either_sign_over_the_length_of_the_squares() -> None:
    terms = {"prove": term(2.0, -0.25), "it": term(1.5, 0.75), "prove it": term(4.0, -1.0)}
    model = TextModel(about={}, terms=terms, trees=(), types={}, linear=1.0, length=0.0)
    assert said(model, "prove") == pytest.approx(-0.25 / np.sqrt(2.0))
    assert said(model, "it, it") == pytest.approx(0.75 / np.sqrt(1.5))
    assert said(model, "Prove it now") == pytest.approx(-0.5 / np.sqrt(7.5))
    assert said(model, "nothing known") == 0


def test_a_prompt_of_foreign_words_has_no_weight_and_only_length_speaks(model: TextModel) -> None:
    taught = replace(model, types={"math": TypeFit(trust=1.0, slope=0.1, usual_log_words=0.0)})
    foreign = "zwölf boxkämpfer jagen viktor quer über den großen sylter deich"
    seen = features(foreign)
    found = taught.gain(foreign, seen, {"math": 1.0})
    assert found.weight == 0
    assert found.score == pytest.approx(0.1 * np.log1p(seen.words))


def test_a_task_type_the_model_was_not_taught_has_neither_weight_nor_score(model: TextModel) -> None:
    taught = replace(model, types={"math": TypeFit(trust=1.0, slope=0.1, usual_log_words=0.0)})
    found = taught.gain(PROMPTS[0], features(PROMPTS[0]), {"chat": 1.0})
    assert (found.weight, found.score) == (0, 0)


def test_more_trust_in_a_type_gives_more_weight(model: TextModel) -> None:
    weights = [
        replace(model, types={"math": TypeFit(trust=trust, slope=0.0, usual_log_words=0.0)})
        .gain(PROMPTS[0], features(PROMPTS[0]), {"math": 1.0})
        .weight
        for trust in (0.2, 0.5, 1.0)
    ]
    assert weights == sorted(weights)
    assert weights[0] < weights[2]


def test_a_type_with_few_prompts_is_not_trusted(model: TextModel) -> None:
    assert [fit.trust for fit in model.types.values()] == [0.0] * len(model.types)
    assert model.types


@pytest.mark.parametrize("prompt", ["Write a poem about the sea", "Plan three days in Rome", "Hello, how are you?"])
def test_the_shipped_model_keeps_out_of_work_it_was_not_taught(prompt: str) -> None:
    seen = features(prompt)
    assert gain(prompt, seen, task_type(prompt, seen)).weight < 0.05


def test_the_shipped_model_speaks_of_work_it_was_taught() -> None:
    prompt = "A train travels 60 miles in two hours. How fast does it go?"
    seen = features(prompt)
    assert gain(prompt, seen, task_type(prompt, seen)).weight > 0.5


def test_the_shipped_model_says_how_it_was_made_and_knows_common_words() -> None:
    shipped = load_text_model()
    assert shipped.about["command"] == "python -m bench.fit_text --data DIR"
    assert {"the", "calculate", "following statements"} <= shipped.terms.keys()


def test_the_score_is_the_gain_of_the_shipped_model() -> None:
    prompt = "A train leaves at 9 and travels 60 miles an hour. How far is it by noon?"
    seen = features(prompt)
    assert score(prompt) == gain(prompt, seen, task_type(prompt, seen)).score


def test_sparse_ridge_solves_the_normal_equations() -> None:
    random = np.random.default_rng(0)
    dense = random.normal(size=(40, 6)) * (random.random((40, 6)) < 0.5)
    target = random.normal(size=40)
    table = sparse([{int(c): float(row[c]) for c in np.flatnonzero(row)} for row in dense], 6)
    exact = np.linalg.solve(dense.T @ dense + 2 * np.eye(6), dense.T @ target).astype(np.float64)
    assert sparse_ridge(table, target, penalty=2.0) == pytest.approx(exact, abs=1e-3)
    assert table.take(np.array([3, 1])).times(exact) == pytest.approx(dense[[3, 1]] @ exact)


def test_trees_learn_what_no_line_can() -> None:
    random = np.random.default_rng(0)
    table = random.normal(size=(400, 3))
    target = np.where((table[:, 0] > 0) == (table[:, 1] > 0), 1.0, -1.0)
    trees = boosted(table, target, trees=60, rate=0.2, pull=5.0, share=1.0)
    right = [trees_sum(trees, row.tolist()) * wanted > 0 for row, wanted in zip(table, target, strict=True)]
    assert np.mean(right) > 0.9


def test_a_prompt_without_a_gain_is_given_the_mean_of_its_group() -> None:
    gains = np.array([1.0] * 20 + [0.0] * 20 + [np.nan, np.nan])
    target = by_group(gains, ["hard"] * 20 + ["easy"] * 20 + ["hard", "easy"])
    assert target[40] == pytest.approx(0.75)
    assert target[41] == pytest.approx(0.25)
    assert target[0] == pytest.approx((1 + 0.75) / 2)


def test_other_models_results_steady_a_noisy_gain() -> None:
    random = np.random.default_rng(0)
    truth = random.random(600)
    others = (random.random((600, 10)) < truth[:, None]).astype(float)
    gains = (random.random(600) < truth).astype(float)
    steadied = by_others(gains, others)
    assert np.abs(steadied - truth).mean() < 0.8 * np.abs(gains - truth).mean()
