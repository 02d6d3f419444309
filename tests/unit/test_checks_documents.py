"""Shape, citations and numbering: what is wrong with a text is found and named, and what is right is let alone."""

import asyncio

import pytest

from agents.checks import check, validate
from agents.checks.languages import LANGUAGES, language_of
from agents.errors import InvalidTask
from agents.records import Attachment, CheckSpec, CitationsCheck, FormatCheck, NumberingCheck, Verdict
from tests.builders import a_context, a_task, an_answer

SOURCE = (
    "The lease begins on 1 March 2024. The tenant shall pay the rent in advance, no later\nthan the third working day "
    "of each month. “Repairs” are the landlord’s duty — except for minor ones up to 100 euros. Das Mietver-\n"
    "hältnis endet ohne Kündigung nicht."
)
LEASE = (Attachment(name="lease.txt", text=SOURCE), Attachment(name="note.txt", text="Nothing else was agreed upon."))


def found(spec: CheckSpec, text: str, attachments: tuple[Attachment, ...] = ()) -> Verdict:
    return asyncio.run(check(spec, an_answer(text), a_task(attachments=attachments), a_context()))


# --- format -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "right", "wrong", "evidence"),
    [
        (FormatCheck(boxed=True), r"so \boxed{\frac{1}{2}}", "so 1/2", "boxed"),
        (FormatCheck(boxed=True), r"\boxed{4}", r"\boxed{4", "boxed"),
        (FormatCheck(boxed=True), r"\boxed{4}", r"\boxed{ }", "boxed"),
        (FormatCheck(tags=("answer",)), "<answer>4</answer>", "<answer>4", "<answer>"),
        (FormatCheck(tags=("a", "b")), "<a>1</a><b>2</b>", "<a>1</a>", "<b>"),
        (FormatCheck(tags=("a",)), '<a href="x">1</a>', "<a>1</a><a>2", "unequal"),
        (FormatCheck(tags=("a",)), "<a>1</a>", "</a>1<a>", "<a>"),
        (FormatCheck(starts_with="Dear"), "Dear Sir", "Hello", "starts with 'Hello'"),
        (FormatCheck(ends_with="Regards"), "x\nRegards\n", "Regards, x", "ends with"),
        (FormatCheck(min_words=3), "one two three", "one two", "2 words"),
        (FormatCheck(max_words=3), "it's a well-known", "one two three four", "4 words"),
        (FormatCheck(max_words=4), "你好世界", "你好世界们", "5 words"),
        (FormatCheck(max_characters=5), "12345\n", "123456", "6 characters"),
    ],
)
def test_a_shape_passes_and_its_absence_is_named(spec: FormatCheck, right: str, wrong: str, evidence: str) -> None:
    assert found(spec, right).outcome == "pass"
    verdict = found(spec, wrong)
    assert verdict.outcome == "fail"
    assert evidence in verdict.evidence


TEXTS = {
    "en": "The cat sat on the mat and looked at the moon, which was full that night.",
    "de": "Die Katze saß auf der Matte und sah den Mond an, der in dieser Nacht voll war.",
    "fr": "Le chat était assis sur le tapis et regardait la lune, qui était pleine cette nuit.",
    "es": "El gato estaba sentado en la alfombra y miraba la luna, que estaba llena esa noche.",
    "it": "Il gatto era seduto sul tappeto e guardava la luna, che era piena quella notte con le stelle.",
    "pt": "O gato estava sentado no tapete e olhava para a lua, que não era cheia mas também já brilhava.",
    "nl": "De kat zat op de mat en keek naar de maan, die vol was in deze nacht.",
    "pl": "Kot siedział na macie i patrzył na księżyc, który był w pełni tej nocy, ale nie spał.",
    "sv": "Katten satt på mattan och såg på månen, som var full den natten, och det var inte kallt.",
    "tr": "Kedi halının üzerinde oturdu ve bu gece için dolunay olan aya baktı, çok güzel bir geceydi.",
    "cs": "Kočka seděla na koberci a dívala se na měsíc, který byl v úplňku, ale nebylo to jako včera.",
    "ru": "Кошка сидела на коврике и смотрела на луну, которая была полной в эту ночь, но не спала.",
    "uk": "Кішка сиділа на килимку і дивилася на місяць, який був повним, але вона не спала.",
    "ja": "猫はマットの上に座って、その夜の満月を見ていました。",
    "zh": "猫坐在垫子上看着那天晚上的满月。",
    "ko": "고양이는 매트 위에 앉아 그날 밤 보름달을 바라보았다.",
    "ar": "جلست القطة على السجادة ونظرت إلى القمر الذي كان بدرا في تلك الليلة.",
    "el": "Η γάτα κάθισε στο χαλί και κοίταξε το φεγγάρι.",
    "hi": "बिल्ली चटाई पर बैठी और उस रात पूरे चाँद को देखा।",
}


@pytest.mark.parametrize("language", sorted(TEXTS))
def test_a_language_is_told_from_the_others(language: str) -> None:
    assert language_of(TEXTS[language]) == language
    assert found(FormatCheck(language=language), TEXTS[language]).outcome == "pass"
    other = "en" if language != "en" else "de"
    assert found(FormatCheck(language=other), TEXTS[language]).outcome == "fail"


def test_code_says_nothing_about_the_language_and_too_little_text_is_unsure() -> None:
    assert found(FormatCheck(language="de"), "```\nfor the in of and\n```").outcome == "unsure"
    assert found(FormatCheck(language="de"), "42").outcome == "unsure"
    german = (
        "Das ist die Funktion:\n```python\nwhile the and or not in is if for with as from\n```\nSie gibt nicht nach."
    )
    assert found(FormatCheck(language="de"), german).outcome == "pass"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (FormatCheck(), "asks for nothing"),
        (FormatCheck(tags=("<a>",)), "'<a>' is no tag"),
        (FormatCheck(min_words=5, max_words=4), "min_words is 5"),
        (FormatCheck(language="xx"), "'xx' is not known"),
        (FormatCheck(language="German"), "known are"),
        (CitationsCheck(min_quotes=100_000), "100000"),
    ],
)
def test_what_cannot_be_checked_is_refused_with_the_reason(spec: CheckSpec, message: str) -> None:
    with pytest.raises(InvalidTask) as refused:
        validate(spec)
    assert message in str(refused.value)


def test_each_known_language_may_be_asked_for() -> None:
    for language in LANGUAGES:
        validate(FormatCheck(language=language))


# --- citations --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        'It says "The lease begins on 1 March 2024."',
        "It says “the tenant shall pay the rent in advance, no later than the third working day”.",
        'It says "The tenant shall pay … no later than the third working day of each month".',
        'It says "The tenant shall pay [...] of each month."',
        'It says "[t]he tenant shall pay the rent".',
        "> The tenant shall pay the rent in advance,\n> no later than the third working day of each month.\n",
        '> "The lease begins on 1 March 2024." — lease.txt',
        'It says "“Repairs” are the landlord\'s duty - except for minor ones".',
        "Dort steht: „Das Mietverhältnis endet ohne Kündigung nicht.“",
        'The **"lease begins on 1 March 2024"** clause',
        'and "nothing else was agreed upon"',
        'a "word" is talked about, and "the lease begins on 1 March" is quoted',
    ],
)
def test_a_quotation_that_is_in_a_source_passes(text: str) -> None:
    assert found(CitationsCheck(), text, LEASE).outcome == "pass"


@pytest.mark.parametrize(
    "text",
    [
        'It says "The lease begins on 2 March 2024."',
        'It says "The tenant shall not pay the rent in advance".',
        'It says "of each month … The tenant shall pay".',
        'It says "he lease begins on 1 March".',
        "> The landlord shall pay the rent in advance.\n",
        'It says "the third working day of each mont".',
        "Dort steht: „Das Mietverhältnis endet mit Kündigung.“",
        'Right: "the lease begins on 1 March". Wrong: "the lease ends on 1 March".',
    ],
)
def test_a_quotation_that_is_in_no_source_is_cited(text: str) -> None:
    verdict = found(CitationsCheck(), text, LEASE)
    assert verdict.outcome == "fail"
    assert "not in the sources" in verdict.evidence


def test_too_few_quotations_fail_and_none_is_unsure_where_none_is_asked_for() -> None:
    assert found(CitationsCheck(), "The lease begins in March.", LEASE).outcome == "fail"
    assert found(CitationsCheck(min_quotes=0), "The lease begins in March.", LEASE).outcome == "unsure"
    assert found(CitationsCheck(min_quotes=2), 'Once: "the lease begins on 1 March".', LEASE).outcome == "fail"


def test_without_sources_it_is_unsure() -> None:
    assert found(CitationsCheck(), 'It says "the lease begins on 1 March".').outcome == "unsure"


# --- numbering --------------------------------------------------------------------------------------------------------

GOOD = """# 1 Introduction

As Section 2.1 says, and Table 1 shows.

# 2 Method

## 2.1 Data

See Sections 1 and 2.2, and Figure 1.

Table 1: Counts

## 2.2 Limits

Figure 1: A plot

1. a list
2. of two
1. another
"""


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        GOOD.replace("# 1 ", "# 1. ").replace("## 2.1 ", "## 2.1. "),
        "1 Introduction\n\nText, see Section 2.\n\n2 Method\n\n2.1 Data\n\nText.\n\n2.2 More\n\nText.",
        "Anlage 1: Plan\n\nsiehe Anlage 2.\n\nAnlage 2: Liste",
        "# 0 Preface\n\n# 1 Start",
        "See Annex B.\n\nAnnex A: first\n\nAnnex B: second",
        "# 1 One\n\nUnder Article 5 of the Treaty and Section 9 of the Act and Section 12 BGB.",
    ],
)
def test_numbers_that_fit_pass(text: str) -> None:
    verdict = found(NumberingCheck(), text)
    assert verdict.outcome == "pass", verdict.evidence


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        (GOOD.replace("# 2 Method", "# 3 Method"), "line 5: section 3 where 2 should follow"),
        (GOOD.replace("## 2.2 Limits", "## 2.1 Limits"), "section 2.1 again, after line 7"),
        (GOOD.replace("## 2.2 Limits", "## 2.3 Limits"), "section 2.3 where 2.2 should follow"),
        (GOOD.replace("Sections 1 and 2.2", "Sections 1 and 4.2"), "line 9: there is no section 4.2"),
        (GOOD.replace("Table 1 shows", "Table 2 shows"), "line 3: there is no table 2"),
        (GOOD.replace("Figure 1.", "Fig. 7."), "there is no figure 7"),
        (GOOD.replace("Table 1: Counts", "Table 3: Counts"), "table 3 is the first of its kind there"),
        ("1 Introduction\n\nText.\n\n3 Method\n\nText.", "line 5: section 3 where 2 should follow"),
        ("Anlage 1: Plan\n\nsiehe Anlage 3.\n\nAnlage 2: Liste", "line 3: there is no annex 3"),
        ("See Annex C.\n\nAnnex A: first\n\nAnnex B: second", "there is no annex C"),
    ],
)
def test_a_gap_a_repetition_and_a_reference_to_nothing_are_listed_with_their_lines(text: str, evidence: str) -> None:
    verdict = found(NumberingCheck(), text)
    assert verdict.outcome == "fail"
    assert evidence in verdict.evidence


def test_a_text_without_numbers_is_unsure_and_code_is_not_looked_at() -> None:
    assert found(NumberingCheck(), "Just prose, 3 of them.\n\n1. a\n1. b").outcome == "unsure"
    assert found(NumberingCheck(), "```\n# 1 a\n# 3 b\n```").outcome == "unsure"


def test_the_attachments_are_looked_through_by_name() -> None:
    bad = Attachment(name="plan.md", text="# 1 a\n\n# 3 b")
    verdict = found(NumberingCheck(of="attachments"), "fine", (bad,))
    assert verdict.outcome == "fail"
    assert verdict.evidence.startswith("plan.md, line 3")
