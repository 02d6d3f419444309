"""The bench of inference scaling: the methods run on the records as they are, and figures are counted as said."""

import random
from pathlib import Path
from statistics import fmean

import pytest

from agents.methods.direct import Direct
from agents.methods.self_consistency import SelfConsistency
from agents.records import ChatMessage, Effort, Sampling, Task, Usage
from agents.sandbox import NO_SANDBOX, Program, Ran
from bench.recorded_rows import Row as Sample
from bench.scaling import BEGIN, END, filled
from bench.scaling_ladder import least_chance
from bench.scaling_plot import spec
from bench.scaling_programs import Held
from bench.scaling_replay import Remembering, orders, replay
from bench.scaling_rows import Row, interval, markdown
from bench.scaling_votes import Outcome, Votes, gained, outcome

QUESTION = "How many apples are left?"


def a_sample(number: int, answer: str, **fields: object) -> Sample:
    values: dict[str, object] = {
        "problem": "1",
        "kind": "answer",
        "model": "large",
        "sample": number,
        "prompt": QUESTION,
        "reference": "4",
        "text": f"It is \\boxed{{{answer}}}",
        "cut": False,
        "input_tokens": 10,
        "output_tokens": 5,
        "logprobs": (-0.1, -0.2),
        "likeliest": (-1.0, -2.0),
    }
    return Sample(**{**values, **fields})  # pyright: ignore[reportArgumentType]


def the_task(**sampling: float) -> Task:
    asked = ChatMessage(role="user", content=QUESTION)
    return Task(messages=(asked,), sampling=Sampling.model_validate(sampling))


SAMPLES = [a_sample(0, "5"), a_sample(1, "4"), a_sample(2, "3"), a_sample(3, "4")]


async def test_a_drawn_sample_answers_where_a_temperature_is_set_and_the_greedy_one_where_none_is() -> None:
    direct = Direct("large", Effort.NONE)
    greedy = await replay(direct, the_task(), SAMPLES, order=(2, 1, 3), sandbox=NO_SANDBOX)
    drawn = await replay(direct, the_task(temperature=0.7), SAMPLES, order=(2, 1, 3), sandbox=NO_SANDBOX)
    assert [greedy.answer.text, drawn.answer.text] == ["It is \\boxed{5}", "It is \\boxed{3}"]


async def test_the_method_itself_votes_on_the_records_and_what_it_asked_for_is_charged() -> None:
    vote = SelfConsistency("large", Effort.NONE, samples=3)
    done = await replay(vote, the_task(), SAMPLES, order=(1, 3, 2), sandbox=NO_SANDBOX)
    assert done.answer.text == "It is \\boxed{4}"
    assert done.spent == {"large": Usage(input_tokens=20, output_tokens=10, model_calls=2)}
    assert (done.calls, done.tokens, done.cost) == (2, 30, 45.0)


async def test_what_was_never_recorded_is_not_made_up() -> None:
    asked = Task(messages=(ChatMessage(role="user", content="Something else"),))
    with pytest.raises(LookupError, match="no sample 0 of large"):
        await replay(Direct("large", Effort.NONE), asked, SAMPLES, order=(1,), sandbox=NO_SANDBOX)


async def test_logprobs_come_only_where_they_were_asked_for() -> None:
    direct = Direct("large", Effort.NONE)
    bare = await replay(direct, the_task(), SAMPLES, order=(), sandbox=NO_SANDBOX)
    asked = Task(messages=the_task().messages, sampling=Sampling(logprobs=True))
    given = await replay(direct, asked, SAMPLES, order=(), sandbox=NO_SANDBOX)
    assert bare.answer.choices[0].logprobs is None
    assert given.answer.choices[0].logprobs is not None
    assert [one["logprob"] for one in given.answer.choices[0].logprobs["content"]] == [-0.1, -0.2]


async def test_one_sample_counts_as_the_mean_over_all_that_were_drawn() -> None:
    direct = Direct("large", Effort.NONE)
    found = await outcome(direct, SAMPLES, NO_SANDBOX, samples=3, temperature=0.7)
    assert found.right == pytest.approx(2 / 3)
    assert found[1:] == (1, 15, 22.5)


def test_each_sample_comes_at_each_place_equally_often() -> None:
    made = list(orders("1101", 4))
    for place in range(4):
        column = [order[place] for order in made]
        assert {column.count(sample) for sample in (1, 2, 3, 4)} == {len(made) // 4}
    assert made == list(orders("1101", 4))
    assert made != list(orders("1102", 4))


def test_the_interval_is_paired_and_holds_the_mean() -> None:
    dice = random.Random(3)
    gains = [dice.choice((-1.0, 0.0, 0.0, 1.0, 1.0)) for _ in range(40)]
    low, high = interval(gains, fmean)
    assert low < fmean(gains) < high
    assert interval([0.5] * 10, fmean) == (0.5, 0.5)


def test_a_gain_is_that_on_the_same_problems() -> None:
    less = [Outcome(0.0, 1, 10, 15), Outcome(1.0, 1, 10, 15)]
    more = [Outcome(1.0, 8, 80, 120), Outcome(1.0, 8, 80, 120)]
    row = gained("voting", ">= +5 points", more, less)
    assert row.measured == "+50.0 points (100.0 % against 50.0 %)"
    assert (row.n, row.tokens) == ("2 problems", "80 against 10")


@pytest.mark.parametrize(
    ("told", "allowed", "least"),
    [
        ([(0.9, 0.0), (0.8, 0.0), (0.7, 1.0)], 0.5, 0.8),
        ([(0.9, 1.0), (0.8, -1.0)], 0.5, 1.0),  # nothing above a loss makes up for it
        ([(0.9, 0.0), (0.8, 1.0), (0.8, -1.0), (0.7, 0.0)], 0.0, 0.7),  # equal chances stand or fall together
        ([], 1.0, 1.0),
    ],
)
def test_answers_stand_down_to_the_chance_at_which_too_much_is_lost(
    told: list[tuple[float, float]], allowed: float, least: float
) -> None:
    assert least_chance(told, allowed=allowed) == least


class Counting:
    """A sandbox that counts."""

    def __init__(self) -> None:
        self.ran = 0

    async def run(self, program: Program) -> Ran:
        self.ran += 1
        return Ran(how="error", stderr="AssertionError")


async def test_the_same_program_runs_once() -> None:
    inner = Counting()
    sandbox = Remembering(inner)
    for code in ("1", "2", "1"):
        await sandbox.run(Program(code=code))
    assert inner.ran == 2


async def test_the_held_tests_grade_each_answer_once() -> None:
    inner = Counting()
    problem = a_sample(0, "", text="```python\ndef f():\n    return 1\n```", reference="assert f() == 2")
    held = Held(inner)
    assert [await held.passes(problem.answer, problem) for _ in range(2)] == [False, False]
    assert inner.ran == 1


def test_the_figures_of_a_page_are_written_anew_and_the_rest_stays() -> None:
    table = markdown([Row(what="voting", measured="+7", n="60 problems", listed=("one",))])
    once = filled(f"before\n{BEGIN}old\n{END}after\n", table)
    assert once == filled(once, table)
    assert once.startswith("before\n")
    assert once.endswith("after\n")
    assert "| voting |" in once
    assert "- one\n" in once
    assert "old" not in once
    with pytest.raises(SystemExit, match="no place for figures"):
        filled("a page", table)


def test_the_page_has_a_place_for_its_figures() -> None:
    page = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text("utf-8")
    assert page.index(BEGIN) < page.index(END)


def test_the_picture_has_every_way_at_its_cost() -> None:
    def way(right: float, cost: float) -> list[Outcome]:
        return [Outcome(right, 1, 1, cost)]

    fixed = [way(0.5 + number / 100, 100.0 * number) for number in range(1, 9)]
    done = Votes([[]], [], way(0.2, 50), way(0.5, 100), fixed, way(0.58, 450), way(0.58, 500), [1.0])
    drawn = spec(done, way(0.57, 400))["layer"]
    points = {(one["name"], one["right"], one["cost"]) for layer in drawn for one in layer["data"]["values"]}
    assert {("direct 0.5B", 0.2, 50), ("ladder", 0.57, 400), ("adaptive voting, n ≤ 8", 0.58, 450)} <= points
    assert ("n = 8", 0.58, 800.0) in points
