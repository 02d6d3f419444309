"""What the last words really ask for: an assent stands for the work it approves, and nothing else does."""

from collections.abc import Sequence
from typing import Any

import pytest

from agents.records import ChatMessage
from router.assent import is_approval
from router.script import script, written_in
from router.session import is_tool_turn, work

HARD = "Design a zero-downtime migration of our billing database from MySQL to PostgreSQL, with rollback at each stage."
OFFER = "1. Rename the variable.\n2. Rewrite the parser in Rust, with a test suite.\n3. Do nothing.\n\nWhich one?"


def talk(*said: str) -> tuple[ChatMessage, ...]:
    """Turns of a user and an assistant, the user's first."""
    roles: Sequence[Any] = ("user", "assistant")
    return tuple(ChatMessage(role=roles[place % 2], content=text) for place, text in enumerate(said))


@pytest.mark.parametrize(
    "said",
    """yes|Yes.|yes, do it|Yes please|yep|yeah, go for it|sure|Sure, go ahead|ok|OK!|okay, do that|go on|Go ahead.
    |go ahead and do it|continue|please continue|keep going|carry on|proceed|proceed with the plan|do it|just do it
    |please do|let's do it|let's go|sounds good|Sounds good, proceed|looks good to me, ship it|lgtm|LGTM, merge it
    |perfect, please continue|great, now do the rest|fix it|please fix it|can you fix it?|could you fix that, please?
    |fix the second error|please fix all of them|try again|retry|run it again|ok, the second one|the second one|option 2
    |2|b|the first option, please|use the last one|both|do both|I'd like the third option|all of them please
    |yes, the first approach|approved|confirmed|I agree|agreed|implement it|yes, implement the plan|apply the changes
    |make the change|start with step 1|now do the same for the tests|next|next step|more|ja|ja bitte|oui|sí, por favor
    |да|好的|はい|yes, but in French|ok but use PostgreSQL 16|yes, and add tests for the edge cases
    |yes, without the index|sure, but keep the old name|ok, with tabs please|no problem, go ahead
    |why not|of course|By all means|don’t stop
    |that's right, do it|yes exactly|that sounds great, go for it|could you go on?|will you do it?|finish it|go
    |do what you suggested|yes do as you proposed""".replace("\n", "").split("|"),
)
def test_an_assent_stands_for_the_work_it_approves(said: str) -> None:
    found = work(talk(HARD, "Here is how I would do it: ... Shall I write it out?", said.strip()))
    assert found.approved
    assert found.text.startswith(HARD)
    assert found.text.endswith(said.strip())


@pytest.mark.parametrize(
    "said",
    """thanks|ok thanks|great, thank you!|thank you very much|bye|no|no thanks|nope|don't do it|stop|wait|cancel that
    |never mind|not that one|what is it?|what does that mean?|why?|how?|is it done?|are you sure?|which one is better?
    |what is 2 + 2?|hello|hi there|what about the second one?|ok, what is the capital of France?|yes or no: is 7 prime?
    |new question: is 91 prime?|ok, different topic, write a poem|Write a poem about cats|translate it to French
    |Sure thing is a song by Miguel, who wrote it?|The second law of thermodynamics|Yes is a progressive rock band
    |go is a programming language|fix my car|do androids dream of electric sheep?|continue the story about the dragon
    |make me a sandwich|good morning|explain it|it does not work|you are wrong|the answer is 42|option pricing
    |ok so I was thinking about how the parser works and whether we could replace it altogether with something simpler
    |yes```print(1)```|test the hypothesis that mice prefer cheese|Run the London Marathon: how do I train?|?|...| |🎉
    |ok, who won?|great, how does it work?|could you tell me why it fails?|first man on the moon|next US president"""
    .replace("\n", "").split("|"),
)  # fmt: skip
def test_words_of_their_own_are_taken_by_themselves(said: str) -> None:
    found = work(talk(HARD, "Here is how I would do it: ... Shall I write it out?", said))
    assert not found.approved
    assert found.text == said


def test_there_is_nothing_to_approve_at_the_start() -> None:
    assert work(talk("yes, do it")).text == "yes, do it"
    assert work((ChatMessage(role="system", content="Be brief."), *talk("go on"))).text == "go on"
    assert work(()).text == ""


def test_assents_in_a_row_go_back_to_the_request() -> None:
    found = work(talk(HARD, "A plan.", "yes", "First step is done.", "go on", "Second step is done.", "continue"))
    assert found.text == f"{HARD}\ncontinue"


def test_the_choice_of_an_offer_is_what_will_be_done() -> None:
    request = "My parser is slow"
    assert work(talk(request, OFFER, "ok, the second one")).text == (
        f"{request}\nRewrite the parser in Rust, with a test suite.\nok, the second one"
    )
    assert "Do nothing." in work(talk(request, OFFER, "the last one")).text
    assert "Rename" in work(talk(request, OFFER, "option 1")).text
    assert "Rewrite" in work(talk(request, OFFER.replace("2.", "- **B)"), "b")).text


def test_the_question_that_ends_an_offer_is_part_of_the_work() -> None:
    found = work(talk("Our checkout is slow.", "There is no index. Shall I write the migration that adds it?", "yes"))
    assert found.text.split("\n") == ["Our checkout is slow.", "Shall I write the migration that adds it?", "yes"]


def test_an_offer_without_a_request_before_it_is_the_work() -> None:
    messages = (ChatMessage(role="assistant", content="I can prove the theorem for you."), *talk("yes please"))
    assert work(messages).text == "I can prove the theorem for you.\nyes please"


def test_a_tool_turn_is_judged_by_what_the_user_asked() -> None:
    result = ChatMessage(role="tool", content="1 row", tool_call_id="1")
    messages = (*talk(HARD, "Shall I?", "yes", "Calling a tool."), result)
    assert is_tool_turn(messages)
    assert work(messages).text.startswith(HARD)
    assert not is_tool_turn(messages[:-1])
    assert not is_tool_turn(())


def test_long_texts_are_no_assents() -> None:
    assert not is_approval("yes " * 1000)
    assert not is_approval("ok " * 25)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Why is the sky blue?", "latin"),
        ("Où est la bibliothèque ?", "latin"),
        ("", "latin"),
        ("12 + 30 = 42 ✓", "latin"),
        ("Почему небо голубое?", "cyrillic"),
        ("为什么天空是蓝色的？", "han"),
        ("空はなぜ青いのですか？", "kana"),
        ("하늘은 왜 파란가요?", "hangul"),
        ("لماذا السماء زرقاء؟", "arabic"),
        ("आसमान नीला क्यों है?", "devanagari"),
        ("Γιατί ο ουρανός είναι μπλε;", "greek"),
        ("למה השמיים כחולים?", "hebrew"),
        ("ทำไมท้องฟ้าถึงเป็นสีฟ้า", "thai"),
        ("আকাশ নীল কেন?", "other"),
        ("Translate this report about Москва into plain English, and keep every number as it is", "latin"),
    ],
)
def test_the_script_of_most_letters_counts(text: str, expected: str) -> None:
    assert script(text) == expected


def test_a_language_has_its_script() -> None:
    assert [written_in(code) for code in ("en", "pt-BR", "ru", "zh-Hant", "ja", "bn", "xx")] == [
        "latin",
        "latin",
        "cyrillic",
        "han",
        "kana",
        "other",
        "latin",
    ]
