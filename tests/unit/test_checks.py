"""What the checks find, and above all what they do not let pass."""

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.checks import check, validate
from agents.errors import InvalidTask
from agents.records import CheckSpec, Json, JsonSchemaCheck, MathCheck, RegexCheck, Verdict
from tests.builders import a_context, a_task, an_answer
from tests.fakes import json_object

AGE: Json = json_object(age={"type": "integer", "minimum": 0})


def found(spec: CheckSpec, text: str, finish_reason: str = "stop") -> Verdict:
    return asyncio.run(check(spec, an_answer(text, finish_reason=finish_reason), a_task(), a_context()))


def math(reference: str, text: str) -> str:
    return found(MathCheck(reference=reference), text).outcome


# --- json_schema ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ['{"age": 3}', '  {"age": 3}\n', '```json\n{"age": 3}\n```', 'Here it is:\n```\n{"age": 3}\n```\nDone.']
)
def test_json_that_fits_passes_bare_or_in_one_fence(text: str) -> None:
    assert found(JsonSchemaCheck(schema=AGE), text).outcome == "pass"


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ('{"age": -1}', "$.age: -1 is less than the minimum of 0"),
        ('{"age": "3"}', "$.age: '3' is not of type 'integer'"),
        ('{"age": 3, "name": "x"}', "$: Additional properties are not allowed"),
        ("three", "not JSON"),
        ('{"age": NaN}', "NaN is not JSON"),
        ('```\n{"age": 3}\n```\n```\n{"age": 4}\n```', "not JSON"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_json_that_does_not_fit_fails_with_the_place(text: str, evidence: str) -> None:
    verdict = found(JsonSchemaCheck(schema=AGE), text)
    assert verdict.outcome == "fail"
    assert evidence in verdict.evidence


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "objekt"}, "objekt"),
        ({"$ref": "http://127.0.0.1:9/schema.json"}, "outside of the schema"),
        ({"properties": {"a": {"$ref": "other.json"}}}, "outside of the schema"),
        ({"properties": {"a": {"pattern": "("}}}, "'('"),
        ({"patternProperties": {"^(a+)+$": {}}}, "name the properties"),
        ({"$ref": "#/$defs/nothing"}, "refers to nothing"),
        ({"$ref": "#"}, "never end"),
    ],
)
def test_a_schema_that_could_not_be_checked_is_refused(schema: Json, message: str) -> None:
    with pytest.raises(InvalidTask, match="JSON Schema") as refused:
        validate(JsonSchemaCheck(schema=schema))
    assert message in str(refused.value)


def test_a_pattern_in_a_schema_that_backtracks_without_end_is_unsure_and_soon() -> None:
    schema: Json = {"type": "string", "pattern": "^(a|a)+$"}
    started = time.perf_counter()
    verdict = found(JsonSchemaCheck(schema=schema), f'"{"a" * 40}!"')
    assert verdict.outcome == "unsure"
    assert time.perf_counter() - started < 3


def test_a_small_schema_that_asks_for_endless_work_is_unsure_and_soon() -> None:
    levels: Json = {f"l{n}": {"anyOf": [{"$ref": f"#/$defs/l{n + 1}"}] * 8} for n in range(12)}
    schema: Json = {"$ref": "#/$defs/l0", "$defs": {**levels, "l12": {"type": "string"}}}
    started = time.perf_counter()
    assert found(JsonSchemaCheck(schema=schema), "1").outcome == "unsure"
    assert time.perf_counter() - started < 30


# --- regex ------------------------------------------------------------------------------------------------------------


def test_a_pattern_is_found_anywhere_in_the_answer() -> None:
    assert found(RegexCheck(pattern=r"\d{4}"), "in 1969 it was").outcome == "pass"
    assert found(RegexCheck(pattern=r"^\d+$"), " 42\n").outcome == "pass"
    assert found(RegexCheck(pattern=r"^\d+$"), "42 apples").outcome == "fail"


def test_a_pattern_that_backtracks_without_end_is_unsure() -> None:
    verdict = found(RegexCheck(pattern=r"^(a|a)+$"), "a" * 60 + "!")
    assert verdict.outcome == "unsure"
    assert "longer than" in verdict.evidence


@pytest.mark.parametrize("pattern", ["(", "[a", "(?P<x", "a" * 3000])
def test_a_bad_pattern_is_refused_before_it_is_used(pattern: str) -> None:
    with pytest.raises(InvalidTask):
        validate(RegexCheck(pattern=pattern))


# --- math -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("42", "The answer is 42."),
        ("42", "6 * 7 = 42"),
        ("42", "**42**"),
        ("42", "so it is **42**."),
        ("42", "Answer: $42$"),
        ("42", "Step 1: 6 times 7. Answer: 42.0"),
        ("42", r"Thus \boxed{42}, as 6 * 7 is that, see page 9."),
        ("42", r"first \boxed{41}, no: \boxed{42}"),
        ("-3", "x = -3"),
        ("-3", "x = −3"),
        ("1234567", "It is 1,234,567."),
        ("1234.5", "CHF 1'234.50"),
        ("1/2", "0.5"),
        ("0.75", "The share is 3/4"),
        ("0.75", r"\boxed{\frac{3}{4}}"),
        ("-3/4", r"\boxed{-\dfrac{3}{4}}"),
        ("17%", "It is 17 %"),
        ("0.17", "It is 17%."),
        ("17 percent", "17%"),
        ("$18", "She makes $18 every day."),
        ("18", r"\boxed{\$18}"),
        ("0.1", "1/10 = 0.1"),
        (".5", "about .5"),
    ],
)
def test_an_equal_number_passes_however_it_is_written(reference: str, text: str) -> None:
    assert math(reference, text) == "pass"


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("42", "The answer is 41."),
        ("42", r"\boxed{24}"),
        ("0.333", "1/3"),
        ("1234", "12,345"),
        ("3", "-3"),
        ("42", "4"),
        ("30", "25%"),
        ("€18", "She makes $18."),
    ],
)
def test_another_number_fails(reference: str, text: str) -> None:
    assert math(reference, text) == "fail"


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("42", "I do not know."),
        ("2", "y = 2x"),
        ("2", "x2"),
        ("3", "the answer is 2√3"),
        ("5", "3 * 10^5"),
        ("3", "10 - 3"),
        ("3", "10-3"),
        ("8", "8 ± 1"),
        ("1/2", "1 1/2"),
        ("5", "1e5"),
        ("1.5", "1,5"),
        ("4", "12.3.4"),
        ("3", "H2O and CO2, RFC2119"),
        ("2026", "3/4/2026"),
        ("4", "4/0"),
        ("25", "25%"),
        ("25%", "25"),
        ("x + 1", "2"),
        ("2", r"\boxed{2"),
        ("2", r"\boxed{2x}"),
        ("2", r"\boxed{}"),
        ("7", "7" * 300),
    ],
)
def test_what_is_not_a_plain_number_is_unsure_and_never_a_pass(reference: str, text: str) -> None:
    assert math(reference, text) == "unsure"


def test_the_last_number_of_a_text_that_was_cut_off_is_not_trusted() -> None:
    assert found(MathCheck(reference="12"), "it is 12", "length").outcome == "unsure"
    assert found(MathCheck(reference="12"), r"it is \boxed{12}, for", "length").outcome == "pass"


@given(st.integers(-(10**12), 10**12), st.integers(-(10**12), 10**12))
def test_integers_pass_exactly_when_they_are_equal(reference: int, answer: int) -> None:
    assert math(str(reference), f"The answer is {answer:,}.") == ("pass" if reference == answer else "fail")


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_text_at_all_breaks_the_math_check(reference: str, text: str) -> None:
    assert math(reference, text) in ("pass", "fail", "unsure")


def test_an_empty_reference_is_refused() -> None:
    with pytest.raises(InvalidTask):
        validate(MathCheck(reference=" "))
