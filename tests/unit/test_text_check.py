"""What the text check takes for the reference, what it refuses, and where it does not know."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.checks import check, validate
from agents.checks.text import MAX_REFERENCE_CHARACTERS
from agents.errors import InvalidTask
from agents.records import TextCheck
from agents.voting.words import normal
from tests.builders import a_context, a_task, an_answer

CITIES = "Which city is the capital of France?\nA. Rome\nB. Paris\nC. The Hague\nD. Oslo"


def found(reference: str, text: str, *, prompt: str = "What is the capital?", finish_reason: str = "stop") -> str:
    answer = an_answer(text, finish_reason=finish_reason)
    return asyncio.run(check(TextCheck(reference=reference), answer, a_task(prompt), a_context())).outcome


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The Eiffel Tower", "eiffel tower"),
        ("Café Müller", "cafe  muller."),
        ("**New York**", "new york"),
        ("twenty-one", "Twenty one"),
        ("three apples", "3 apples"),
        ("1,000", "1000"),
        ("3.50", "3.5"),
        ("−5", "-5"),
        ("don't", "don’t"),
        ("ＰＡＲＩＳ", "paris"),
        ("Straße", "strasse"),
        ("$20", "20"),
        ("A", "a"),
        ("x = 3", "x=3"),
    ],
)
def test_spelling_and_marks_do_not_count(one: str, other: str) -> None:
    assert normal(one) == normal(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [("C++", "C"), ("C#", "C"), ("50%", "50"), ("-5", "5"), ("3.5", "35"), ("1,5", "15"), ("が", "か"), ("no", "not")],
)
def test_what_means_something_else_stays_different(one: str, other: str) -> None:
    assert normal(one) != normal(other)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_a_normal_form_is_its_own_normal_form(text: str) -> None:
    assert normal(normal(text)) == normal(text)


@pytest.mark.parametrize(
    "text",
    [
        "paris",
        "**Paris.**",
        "Let me think.\nIt is in France, on the Seine.\n\nParis",
        "The capital of France is Paris.",
        "The answer is Paris. It lies on the Seine.",
        "Some thoughts first.\n**Answer:** Paris",
        "Answer:\nParis",
        "The final answer is: \\boxed{\\text{Paris}}",
    ],
)
def test_the_reference_passes_where_an_answer_settles_on_it(text: str) -> None:
    assert found("Paris", text) == "pass"


@pytest.mark.parametrize("text", ["Rome", "The answer is Rome.", "", "\\boxed{Rome}", "I do not know."])
def test_another_answer_fails(text: str) -> None:
    assert found("Paris", text) == "fail"


@pytest.mark.parametrize(
    "text",
    [
        "It is not Paris.",
        "The capital is Rome and not Paris.",
        "It could be London or Paris.",
        "Many think that it is Paris.\nOthers do not.",
        "It is Paris. No, it is Rome.",
    ],
)
def test_a_mention_in_passing_is_unsure(text: str) -> None:
    assert found("Paris", text) == "unsure"


def test_an_answer_that_was_cut_off_is_unsure_unless_it_had_settled() -> None:
    assert found("Paris", "First, consider the history of", finish_reason="length") == "unsure"
    assert found("Paris", "The answer is Paris. It was", finish_reason="length") == "pass"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "B",
            "b",
            "(B)",
            "B)",
            "**B**",
            "B. Paris",
            "(B) Paris",
            "Paris",
            "Option B",
            "The answer is (B).",
            "\\boxed{B}",
        ),
        "A is in Italy, D in Norway.\nSo the answer is **B**.",
        "To answer this, compare A and C.\n\nB: Paris",
    ],
)
@pytest.mark.parametrize("reference", ["B", "B) Paris", "Paris"])
def test_an_option_is_chosen_by_its_letter_or_its_text(reference: str, text: str) -> None:
    assert found(reference, text, prompt=CITIES) == "pass"


@pytest.mark.parametrize("text", ["C", "The answer is (C).", "C. The Hague", "B is near.\nThe answer is D", "A dog"])
def test_another_option_fails(text: str) -> None:
    assert found("B", text, prompt=CITIES) == "fail"


def test_the_letter_a_is_no_article_when_it_stands_alone() -> None:
    assert found("A", "A", prompt=CITIES) == "pass"
    assert found("A", "The answer is A.", prompt=CITIES) == "pass"
    assert found("A", "B", prompt=CITIES) == "fail"


def test_a_very_long_answer_is_looked_at_from_its_end() -> None:
    assert found("Paris", "some words " * 100_000 + "\n\nParis") == "pass"
    assert found("Paris", "a. " * 300_000) == "fail"


@pytest.mark.parametrize("reference", ["", " ", "...", "**", "x" * (MAX_REFERENCE_CHARACTERS + 1)])
def test_a_reference_that_nothing_could_equal_is_refused(reference: str) -> None:
    with pytest.raises(InvalidTask, match="text check"):
        validate(TextCheck(reference=reference))
