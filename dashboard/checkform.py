"""The part of a form in which one says how an answer is to be checked, in the gateway's words."""

import json
from typing import Literal, NamedTuple

import streamlit as st
from pydantic import TypeAdapter, ValidationError

from dashboard.shapes import Json
from dashboard.spots import Spots

MOST_IN_A_COLUMN = 3


class Field(NamedTuple):
    """Something that a check wants to know."""

    name: str
    label: str
    kind: Literal["line", "code", "json", "lines", "words", "count", "share", "seconds", "flag", "one_of"]
    required: bool = False
    hint: str = ""
    options: tuple[str, ...] = ()


class Check(NamedTuple):
    """A kind of check."""

    label: str
    what: str
    fields: tuple[Field, ...] = ()


CHECKS: dict[str, Check] = {
    "json_schema": Check(
        "JSON schema",
        "The answer is JSON that the schema accepts.",
        (Field("schema", "Schema", "json", required=True, hint='{"type": "object", "required": ["name"]}'),),
    ),
    "regex": Check(
        "Pattern",
        "The pattern is found in the answer.",
        (Field("pattern", "Regular expression", "line", required=True, hint=r"^\d+$"),),
    ),
    "math": Check(
        "Mathematics",
        "The last number, or the boxed one, equals the reference.",
        (Field("reference", "Right result", "line", required=True, hint=r"\frac{3}{4}"),),
    ),
    "text": Check(
        "Text",
        "The words, the last line or the chosen option are the reference's.",
        (Field("reference", "Right words", "line", required=True, hint="Paris"),),
    ),
    "code": Check(
        "Code",
        "The program compiles and passes the tests, in the sandbox.",
        (
            Field("tests", "Tests (Python)", "code", hint="assert add(2, 3) == 5"),
            Field("seconds", "Time limit (s)", "seconds"),
        ),
    ),
    "arithmetic": Check("Arithmetic", "Every equation that the answer writes down is computed again."),
    "format": Check(
        "Form",
        "The answer has the shape that is asked for; what is left empty is not looked at.",
        (
            Field("boxed", r"Has a \boxed{}", "flag"),
            Field("tags", "Elements (by commas)", "words", hint="answer, reason"),
            Field("starts_with", "Begins with", "line"),
            Field("ends_with", "Ends with", "line"),
            Field("min_words", "Words, at least", "count"),
            Field("max_words", "Words, at most", "count"),
            Field("max_characters", "Characters, at most", "count"),
            Field("language", "Language (ISO 639-1)", "line", hint="en"),
        ),
    ),
    "citations": Check(
        "Citations",
        "Each span that it quotes stands in the attached files.",
        (Field("min_quotes", "Quotes, at least", "count"),),
    ),
    "numbering": Check(
        "Numbering",
        "Headings are numbered without gaps, and references have their targets.",
        (Field("of", "Of", "one_of", options=("answer", "attachments")),),
    ),
    "rubric": Check(
        "Rubric",
        "A model judges the answer by these points: an opinion, weaker than a check that is carried out.",
        (
            Field("points", "Points, one a line", "lines", required=True, hint="Names the year\nSays why"),
            Field("judge", "Judge (model id)", "line", hint="auto"),
            Field("min_score", "Score, at least", "share"),
        ),
    ),
}


_OBJECT: TypeAdapter[Json] = TypeAdapter(Json)


def draw(spots: Spots) -> tuple[list[Json], bool]:
    """The checks that are asked for, and whether nothing of them is missing."""
    with st.expander("Checks", icon=":material/verified:"):
        picked = st.pills(
            "An answer stands only if it passes",
            [*CHECKS],
            selection_mode="multi",
            format_func=lambda kind: CHECKS[kind].label,
            key="checks",
        )
        spots.here("checks")
        made = [_one(kind, number, spots) for number, kind in enumerate(picked)]
    return [body for body in made if body is not None], all(body is not None for body in made)


def _one(kind: str, number: int, spots: Spots) -> Json | None:
    """One check with its fields; None while something is missing."""
    with st.container(border=True, gap="small"):
        st.markdown(f"**{CHECKS[kind].label}**")
        st.caption(CHECKS[kind].what)
        body: Json = {"type": kind}
        complete = True
        fields = CHECKS[kind].fields
        abreast = 2 if len(fields) > MOST_IN_A_COLUMN else 1
        lines = [st.columns(abreast) for _ in fields[::abreast]]
        for place, field in enumerate(fields):
            with lines[place // abreast][place % abreast]:
                value, readable = _value(field, key=f"check {kind} {field.name}")
                if value not in (None, "", [], False):
                    body[field.name] = value
                elif field.required and readable:
                    st.caption(f":orange[{field.label}: needed]")
                complete = complete and readable and not (field.required and field.name not in body)
                spots.here(f"checks.{number}.{field.name}")
        spots.here(f"checks.{number}")
    return body if complete else None


def _value(field: Field, *, key: str) -> tuple[object, bool]:
    """What stands in the field, and whether it can be read as what it has to be."""
    match field.kind:
        case "line":
            return st.text_input(field.label, key=key, placeholder=field.hint).strip(), True
        case "code":
            return st.text_area(field.label, key=key, placeholder=field.hint, height=100), True
        case "lines":
            text = st.text_area(field.label, key=key, placeholder=field.hint, height=100)
            return [line.strip() for line in text.splitlines() if line.strip()], True
        case "words":
            text = st.text_input(field.label, key=key, placeholder=field.hint)
            return [word.strip() for word in text.split(",") if word.strip()], True
        case "json":
            return _object(field, key=key)
        case "count":
            return st.number_input(field.label, value=None, min_value=0, step=1, key=key), True
        case "share":
            return st.number_input(field.label, value=None, min_value=0.0, max_value=1.0, step=0.05, key=key), True
        case "seconds":
            return st.number_input(field.label, value=None, min_value=0.1, max_value=60.0, step=1.0, key=key), True
        case "flag":
            return st.checkbox(field.label, key=key), True
        case "one_of":
            return st.segmented_control(field.label, field.options, default=field.options[0], key=key), True


def _object(field: Field, *, key: str) -> tuple[Json | None, bool]:
    text = st.text_area(field.label, key=key, placeholder=field.hint, height=120)
    if not text.strip():
        return None, True
    try:
        return _OBJECT.validate_python(json.loads(text)), True
    except json.JSONDecodeError as error:
        st.error(f"This is not JSON: {error.msg} in line {error.lineno}, column {error.colno}.")
    except ValidationError:
        st.error("This is JSON, but a schema is an object in braces.")
    return None, False
