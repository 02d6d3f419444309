"""What an answer comes to: numbers, options, JSON, programs and short texts, whatever is written around them."""

import pytest

from agents.records import CodeCheck, Effort, MathCheck, Task
from agents.voting.extract import Kind, final_answer, kind_of, options_of
from agents.voting.numbers import number_in
from agents.voting.programs import program_in
from tests.builders import a_task

CITIES = "Which city is the capital of France?\nA. Rome\nB. Paris\nC. The Hague\nD. Oslo"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("16 miles", "16"),
        (r"\$18", "18"),
        (r"18\text{ dollars}", "18"),
        (r"\frac{16}{15}", "16/15"),
        (r"-\dfrac{1}{2}", "-1/2"),
        ("1,800", "1800"),
        (r"75\%", "75"),
        ("3 1/2", "7/2"),
        (r"3\frac{1}{2}", "7/2"),
        (r"1.2 \times 10^{5}", "120000"),
        ("2.5e3", "2500"),
        ("$-80$", "-80"),
        ("x = 5", "5"),
        ("5 million", "5000000"),
        ("14.00", "14"),
        (r"90^\circ", "90"),
        ("$1,234.50", "2469/2"),
    ],
)
def test_a_number_is_read_exactly_however_it_is_written(written: str, value: str) -> None:
    assert str(number_in(written)) == value


@pytest.mark.parametrize(
    "written",
    ["3,5", "(1,2)", "2 and 3", "5x", "12:30", "1/0", "3\\pi", "", "2 hours 30 minutes", "1e999", "five", "1" * 500],
)
def test_what_is_not_one_plain_number_is_no_number(written: str) -> None:
    assert number_in(written) is None


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("We add.\n\\[ 3 + 4 = \\boxed{7} \\]", "n:7"),
        (r"First \boxed{3}, and in the end \boxed{\frac{1}{2}}.", "n:1/2"),
        ("So the answer is 42 apples in total.", "n:42"),
        ("The answer is $3 + 4 = 7$.", "n:7"),
        ("**Answer:** 12", "n:12"),
        ("Add them.\n#### 1,200", "n:1200"),
        ("We get 5.\nThen we have 7", "n:7"),
        (r"\boxed{\dfrac{\sqrt{3}}{2}}", r"m:\frac{\sqrt{3}}{2}"),
        (r"\boxed{\text{Tuesday}}", "t:tuesday"),
        ("There is none.", None),
    ],
)
def test_the_last_settled_number_of_an_answer_is_what_it_comes_to(text: str, form: str | None) -> None:
    assert final_answer(text, "math").form == form


def test_an_answer_that_was_cut_off_abstains_unless_it_had_settled() -> None:
    assert final_answer("First there are 5, then", "math", cut=True).form is None
    assert final_answer(r"So \boxed{5}. To check this,", "math", cut=True).form == "n:5"


@pytest.mark.parametrize(
    "text",
    [
        "B",
        "(B)",
        "B. Paris",
        "**B**",
        "Paris",
        "The answer is (B) Paris",
        r"\boxed{\text{(B)}}",
        "Answer: B) Paris",
        "A is wrong.\nSo the correct option is B",
        "I thought of C: The Hague\nAnswer: B",
    ],
)
def test_an_option_is_its_letter(text: str) -> None:
    assert final_answer(text, "choice", options=options_of(CITIES)).form == "c:B"


@pytest.mark.parametrize("text", ["A lot of people think so.", "a", "E", "", "It may be (A) or (B)."])
def test_what_names_no_option_abstains(text: str) -> None:
    assert final_answer(text, "choice", options=options_of(CITIES)).form is None


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("json", '```json\n{"b": 1.0, "a": [1, 2]}\n```', '{"a":[1,2],"b":1}'),
        ("code", "```python\ndef f(x):\n    '''Adds.'''\n    return x+1  # one\n```", "def f(x): return x + 1"),
        ("code", "```python\ndef f(x): return x\n```\nTry it:\n```python\nprint(f(1))\n```", "def f(x): return x"),
        ("text", "The answer is Paris.", "paris"),
        ("text", "The answer is 1,000.", "1000"),
        ("math", r"\boxed{x=\left(2,3\right)}", r"\boxed{(2, 3)}"),
    ],
)
def test_equal_answers_have_equal_forms(kind: Kind, one: str, other: str) -> None:
    assert final_answer(one, kind).form == final_answer(other, kind).form is not None


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("json", '{"a": 1}', '{"a": "1"}'),
        ("code", "def f(x): return x + 1", "def f(x): return x + 2"),
        ("text", "Paris", "Rome"),
        ("math", r"\boxed{x^2}", r"\boxed{x^3}"),
    ],
)
def test_different_answers_have_different_forms(kind: Kind, one: str, other: str) -> None:
    assert final_answer(one, kind).form != final_answer(other, kind).form


def test_a_long_text_has_no_form_of_its_own() -> None:
    assert final_answer("A story.\nIt goes on.", "text").form is None


def test_the_program_is_what_the_fenced_blocks_give_together() -> None:
    text = "First:\n```python\nimport math\n```\nthen\n```python\ndef f(x):\n    return math.pi * x\n```\nDone."
    assert program_in(text) == "import math\n\n\ndef f(x):\n    return math.pi * x\n"
    assert program_in("no code at all, sorry") is None


@pytest.mark.parametrize("text", ["```python\ndef f(:\n```", "```python\n\n```", "There is none."])
def test_what_is_no_program_abstains(text: str) -> None:
    assert final_answer(text, "code").form is None


@pytest.mark.parametrize(
    ("task", "kind"),
    [
        (a_task("How many apples are left?"), "math"),
        (a_task(CITIES), "choice"),
        (a_task("Write a Python function that adds."), "code"),
        (a_task("Describe it.", json_object=True), "json"),
        (a_task("Tell me a story."), "text"),
        (a_task("And this one?", checks=(MathCheck(reference="3"),)), "math"),
        (a_task("And this one?", checks=(CodeCheck(tests="assert f(1) == 1"),)), "code"),
    ],
)
def test_the_kind_of_answer_follows_from_the_task(task: Task, kind: Kind) -> None:
    assert task.effort == Effort.AUTO
    assert kind_of(task) == kind
