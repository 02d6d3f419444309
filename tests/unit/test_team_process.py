"""Who is spoken to next: every exchange ends, once, and a repetition changes nothing."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.errors import InvalidTask
from agents.records import Message
from agents.team.config import TeamSpec, parse_team
from agents.team.process import Turn, after_turn, cut_short, opening
from tests.builders import NOON, a_task
from tests.unit.test_team_config import CHAT, STEPS

REVIEW = parse_team(CHAT)
REPORT = parse_team(STEPS)
TASK = a_task("", inputs={"topic": "tea"})


def opened(spec: TeamSpec = REVIEW, run_id: str = "run", attempt: int = 1) -> list[Message]:
    task = TASK if spec.inputs else a_task("Report on tea.")
    return list(opening(spec, task, run_id=run_id, attempt=attempt, now=NOON))


def answered(spec: TeamSpec, history: list[Message], text: str, **fields: bool) -> Message:
    """Let the agent that the last message is for answer it, and give the message that this causes."""
    turn = Turn(agent=history[-1].recipient, message_id=history[-1].id, text=text, **fields)
    (caused,) = after_turn(spec, TASK, history, turn, run_id="run", attempt=1, now=NOON)
    history.append(caused)
    return caused


def played(spec: TeamSpec, dones: list[bool]) -> list[Message]:
    """The whole exchange, if the agents mark their turns as done in this way, and as not done from then on."""
    history = opened(spec)
    for number in range(1000):
        done = dones[number] if number < len(dones) else False
        if answered(spec, history, f"text {number}", done=done).type == "final":
            return history
    raise AssertionError("the exchange does not end")


def path(messages: list[Message]) -> list[tuple[str, str, str]]:
    return [(message.sender, message.recipient, message.type) for message in messages]


def test_a_draft_goes_to_the_critic_and_the_critique_back() -> None:
    assert path(played(REVIEW, [False, False, False, True])) == [
        ("user", "writer", "task"),
        ("writer", "critic", "draft"),
        ("critic", "writer", "critique"),
        ("writer", "critic", "draft"),
        ("critic", "user", "final"),
    ]


def test_the_final_message_brings_the_last_draft_and_not_the_critics_words() -> None:
    final = played(REVIEW, [False, False, False, True])[-1]
    assert final.content == "text 2"
    assert not final.truncated


def test_an_exchange_that_runs_out_of_turns_says_so() -> None:
    history = played(REVIEW, [])
    assert len(history) == 6 + 1
    assert history[-1].content == "text 4"
    assert history[-1].truncated


def test_only_the_agent_that_stop_when_names_can_end_it() -> None:
    assert len(played(REVIEW, [True, False, True, True])) == 4 + 1


def test_a_chat_that_nobody_can_end_is_complete_after_its_turns() -> None:
    spec = parse_team(CHAT.replace(", stop_when: critic.done", ""))
    history = played(spec, [True] * 6)
    assert len(history) == 6 + 1
    assert not history[-1].truncated


def test_a_draft_that_was_cut_off_makes_the_result_truncated() -> None:
    history = opened()
    answered(REVIEW, history, "a te", truncated=True)
    assert answered(REVIEW, history, "Good.", done=True).truncated


def test_what_comes_from_something_untrusted_stays_marked() -> None:
    history = [message.model_copy(update={"tainted": True}) for message in opened()]
    assert answered(REVIEW, history, "draft").tainted
    assert answered(REVIEW, history, "good", done=True).tainted


def test_tasks_are_done_one_after_the_other() -> None:
    assert path(played(REPORT, [])) == [
        ("user", "researcher", "task"),
        ("researcher", "writer", "task"),
        ("writer", "user", "final"),
    ]
    assert played(REPORT, [])[-1].content == "text 1"


def test_another_agents_words_can_be_the_result() -> None:
    spec = parse_team(STEPS + "team: {result: researcher}\n")
    assert played(spec, [])[-1].content == "text 0"


def test_the_opening_says_the_inputs_that_have_no_place_of_their_own() -> None:
    spec = parse_team(CHAT.replace("topic: {}", "topic: {}\n  tone: {default: dry}"))
    task = a_task("Be quick.", inputs={"topic": "tea"})
    (message,) = opening(spec, task, run_id="run", attempt=1, now=NOON)
    assert message.content == "Be quick.\ntone: dry"
    (message,) = opening(spec, TASK, run_id="run", attempt=1, now=NOON)
    assert message.content == "tone: dry"
    with pytest.raises(InvalidTask, match="'topic'"):
        opening(spec, a_task(""), run_id="run", attempt=1, now=NOON)


def test_the_opening_always_says_something() -> None:
    assert opened()[0].content == "topic: tea"
    assert opening(REPORT, a_task(""), run_id="run", attempt=1, now=NOON)[0].content == "Begin."


def test_a_budget_that_ends_the_exchange_leaves_the_best_draft() -> None:
    history = opened()
    assert cut_short(REVIEW, history, run_id="run", attempt=1, now=NOON) is None
    answered(REVIEW, history, "draft")
    cut = cut_short(REVIEW, history, run_id="run", attempt=1, now=NOON)
    assert cut is not None
    assert (cut.type, cut.recipient, cut.content, cut.truncated) == ("final", "user", "draft", True)
    assert cut.id == answered(REVIEW, history, "Good.", done=True).id


def test_a_turn_that_answers_no_message_of_the_exchange_is_a_defect() -> None:
    turn = Turn(agent="writer", message_id="f" * 32, text="a")
    with pytest.raises(ValueError, match="not in the history"):
        after_turn(REVIEW, TASK, opened(), turn, run_id="run", attempt=1, now=NOON)


def chat_of(turns: int, agents: int, decides: bool) -> TeamSpec:
    names = ", ".join(f"a{number}: {{}}" for number in range(agents))
    stop = ", stop_when: a0.done" if decides else ""
    return parse_team(
        f"version: 1\nname: any\nagents: {{{names}}}\n"
        f"team:\n  process: group_chat\n  termination: {{max_turns: {turns}{stop}}}\n"
    )


TEAMS = st.builds(chat_of, st.integers(1, 12), st.integers(1, 4), st.booleans())


@given(TEAMS, st.lists(st.booleans(), max_size=15))
def test_whatever_is_said_there_is_one_end_within_the_turns(spec: TeamSpec, dones: list[bool]) -> None:
    history = played(spec, dones)
    assert [message.type for message in history].count("final") == 1
    assert len(history) - 1 <= spec.team.termination.max_turns
    assert len({message.id for message in history}) == len(history)
    assert all(message.in_reply_to == before.id for before, message in pairwise(history))


@given(st.lists(st.booleans(), max_size=8), st.data())
def test_repeating_a_turn_makes_the_same_message_whatever_came_after(dones: list[bool], data: st.DataObject) -> None:
    history = played(REVIEW, dones)
    again = data.draw(st.integers(0, len(history) - 2))
    turn = Turn(
        agent=history[again].recipient,
        message_id=history[again].id,
        text=f"text {again}",
        done=again < len(dones) and dones[again],
    )
    assert after_turn(REVIEW, TASK, history, turn, run_id="run", attempt=1, now=NOON) == (history[again + 1],)


def test_ids_differ_between_runs_and_attempts() -> None:
    ids = {opened(run_id=run_id, attempt=attempt)[0].id for run_id in ("a", "b") for attempt in (1, 2)}
    assert len(ids) == 4
    assert all(len(id_) == 32 for id_ in ids)
