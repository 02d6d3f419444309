"""Self-consistency: who wins, when it stops, what it cancels, what it tolerates, and that it can be replayed."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.errors import BudgetExceeded, InvalidTask, MalformedOutput, NotFound, Unavailable
from agents.methods.self_consistency import SelfConsistency
from agents.model import Completion, Delta, ModelRequest
from agents.records import Budget, Choice, Effort, Json, Sampling, Step, Usage
from tests.builders import a_completion, a_context, a_task
from tests.fakes import Crash, MemoryJournal, Reply, ScriptedModel

QUESTION = "How many apples are left?"


def boxed(answer: object) -> str:
    return f"Let us see. \\boxed{{{answer}}}"


def voting(samples: int = 8, **options: object) -> SelfConsistency:
    return SelfConsistency(model="small", effort=Effort.NONE, samples=samples, **options)  # type: ignore[arg-type]


def vote_of(journal: MemoryJournal) -> Step:
    (vote,) = journal.of("vote")
    return vote


def by_seed(replies: list[Reply]) -> Callable[[ModelRequest], Reply]:
    """The reply of each sample, whatever the order in which they are asked for."""
    seeds: list[int] = []

    def reply(request: ModelRequest) -> Reply:
        assert request.sampling.seed is not None
        seeds.append(request.sampling.seed)
        return replies[(request.sampling.seed - min(seeds)) % len(replies)]

    return reply


async def test_the_answer_of_most_samples_is_given_in_the_words_of_one_of_them() -> None:
    journal = MemoryJournal()
    model = ScriptedModel(says=[boxed(3), boxed(4), boxed("3.0"), "So the answer is 4.", boxed("4.0")])
    answer = await voting(5).answer(a_task(QUESTION), a_context(model, journal=journal))
    assert answer.text == boxed(4)
    assert answer.confidence == pytest.approx(4 / 7)
    assert (answer.model, answer.usage, answer.truncated) == (
        "small",
        Usage(input_tokens=10, output_tokens=5, model_calls=1),
        False,
    )
    attributes = vote_of(journal).attributes
    assert attributes["candidates"] == [
        {"answer": "4", "votes": 3, "weight": 3.0, "samples": ["sample.1", "sample.3", "sample.4"]},
        {"answer": "3", "votes": 2, "weight": 2.0, "samples": ["sample.0", "sample.2"]},
    ]
    assert (attributes["drawn"], attributes["asked"], attributes["stopped"]) == (5, 5, "all: after 5 of 5")


async def test_three_that_agree_at_once_spare_the_other_five() -> None:
    journal = MemoryJournal()
    model = ScriptedModel(says=[boxed(4)] * 3)
    answer = await voting(8).answer(a_task(QUESTION), a_context(model, journal=journal))
    assert (answer.text, len(model.requests)) == (boxed(4), 3)
    assert vote_of(journal).attributes["stopped"].startswith("beta: the leader stays ahead with probability 0.982")


async def test_without_the_beta_rule_the_exact_bound_stops_the_drawing() -> None:
    journal = MemoryJournal()
    model = ScriptedModel(says=[boxed(4)] * 4)
    await voting(8, threshold=2.0).answer(a_task(QUESTION), a_context(model, journal=journal))
    assert vote_of(journal).attributes["stopped"] == "bound: the rest cannot change the winner, after 4 of 8"


@given(st.lists(st.sampled_from("345"), min_size=3, max_size=9))
async def test_the_exact_bound_gives_the_winner_of_the_full_vote(answers: list[str]) -> None:
    replies: list[Reply] = [boxed(one) for one in answers]
    journal = MemoryJournal()
    stopping = voting(len(answers), threshold=2.0)
    early = await stopping.answer(a_task(QUESTION), a_context(ScriptedModel(says=by_seed(replies)), journal=journal))
    counts = {one: answers.count(one) for one in answers}
    best = max(counts.values())
    assert early.text == boxed(next(one for one in answers if counts[one] == best)) or (
        [*counts.values()].count(best) > 1 and early.text in {boxed(one) for one in counts if counts[one] == best}
    )


class GatedModel:
    """A model whose replies come when they are let through, in the order in which the test does it."""

    id = "small"

    def __init__(self, replies: list[str]) -> None:
        self.replies = replies
        self.gates = [asyncio.Event() for _ in replies]
        self.asked = 0
        self.hung_up: list[int] = []

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Delta | Completion]:
        number, self.asked = self.asked, self.asked + 1
        try:
            yield Delta(text="one two three")
            yield Delta(text=" four")
            await self.gates[number].wait()
        except asyncio.CancelledError:
            self.hung_up.append(number)
            raise
        yield a_completion(self.replies[number])

    def worst_cost(self, request: ModelRequest) -> tuple[int, Decimal]:
        most = request.sampling.max_output_tokens or 100
        return 50 + most, Decimal(most)


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_no_more_samples_are_begun_than_could_decide() -> None:
    model = GatedModel([boxed(4)] * 5)
    journal = MemoryJournal()
    slow = asyncio.create_task(voting(3, threshold=2.0).answer(a_task(QUESTION), a_context(model, journal=journal)))
    await settle()
    assert model.asked == 2, "two that agree of three decide, so the third is not begun"
    model.gates[0].set()
    model.gates[1].set()
    assert (await slow).text == boxed(4)
    assert model.asked == 2


async def test_what_still_runs_when_it_is_decided_is_cancelled_and_its_step_is_settled() -> None:
    model = GatedModel([boxed(3), boxed(4), boxed(4), boxed(4), boxed(4), boxed(4), boxed(4), boxed(4)])
    journal = MemoryJournal(Budget(max_usd=Decimal(10_000)))
    slow = asyncio.create_task(voting(8, spare=1).answer(a_task(QUESTION), a_context(model, journal=journal)))
    await settle()
    for number in (1, 2, 3, 4):
        model.gates[number].set()
        await settle()
    answer = await slow
    assert answer.text == boxed(4)
    assert model.hung_up == [0]
    lost = journal.steps["1.sample.0"]
    assert (lost.status, lost.ended_at is not None) == ("lost", True)
    assert lost.usage == Usage(input_tokens=50, output_tokens=4, model_calls=1)
    assert lost.cost_usd == 4, "what four tokens cost, and not the whole that was set aside"
    assert [step.status for step in journal.of("model")].count("running") == 0


async def test_cancelling_the_vote_cancels_all_its_calls_and_closes_all_its_steps() -> None:
    model = GatedModel([boxed(4)] * 8)
    journal = MemoryJournal()
    slow = asyncio.create_task(voting(8).answer(a_task(QUESTION), a_context(model, journal=journal)))
    await settle()
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    assert sorted(model.hung_up) == [0, 1, 2]
    assert {step.status for step in journal.steps.values()} == {"lost"}


async def test_the_order_in_which_samples_arrive_does_not_change_the_answer() -> None:
    texts: list[str] = []
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        model = GatedModel([boxed(3), boxed("4.0"), boxed(4)])
        slow = asyncio.create_task(voting(3, threshold=2.0).answer(a_task(QUESTION), a_context(model)))
        for number in order:
            await settle()
            model.gates[number].set()
        texts.append((await slow).text)
    assert texts == [boxed("4.0")] * 3


async def test_a_vote_is_replayed_from_its_record_without_a_call() -> None:
    journal = MemoryJournal()
    first = await voting(8).answer(
        a_task(QUESTION), a_context(ScriptedModel(says=[boxed(3), *[boxed(4)] * 7]), journal=journal)
    )
    before = dict(journal.steps)
    heard: list[str] = []

    async def hear(text: str) -> None:
        heard.append(text)

    silent = ScriptedModel(says=())
    again = await voting(8).answer(a_task(QUESTION), a_context(silent, journal=journal, on_text=hear))
    assert (again, silent.requests, heard) == (first, [], [first.text])
    assert journal.steps == before


async def test_after_a_crash_the_finished_samples_are_not_paid_again() -> None:
    journal = MemoryJournal()
    replies: list[Reply] = [boxed(one) for one in (3, 4, 4, 3, 4)]
    journal.crash_at(8, "after")
    with pytest.raises(Crash):
        await voting(5, threshold=2.0, parallel=1).answer(
            a_task(QUESTION), a_context(ScriptedModel(says=replies), journal=journal)
        )
    finished = sum(step.status == "ok" for step in journal.of("model"))
    assert finished == 3
    rest = ScriptedModel(says=replies[finished:])
    answer = await voting(5, threshold=2.0, parallel=1).answer(a_task(QUESTION), a_context(rest, journal=journal))
    assert (answer.text, len(rest.requests)) == (boxed(4), 2)


async def test_a_failed_sample_is_tolerated_while_others_stand() -> None:
    replies: list[Reply] = [Unavailable("full"), boxed(4), MalformedOutput("cut"), boxed(4), boxed(5)]
    journal = MemoryJournal()
    answer = await voting(5).answer(a_task(QUESTION), a_context(ScriptedModel(says=replies), journal=journal))
    assert answer.text == boxed(4)
    assert vote_of(journal).attributes["failed"] == 2


async def test_a_model_that_is_down_is_not_asked_for_every_sample() -> None:
    model = ScriptedModel(says=[Unavailable("down")] * 8)
    journal = MemoryJournal()
    with pytest.raises(Unavailable, match="down"):
        await voting(8).answer(a_task(QUESTION), a_context(model, journal=journal))
    assert len(model.requests) == 3
    assert vote_of(journal).status == "error"


async def test_a_request_that_the_server_refuses_is_the_askers_to_change() -> None:
    with pytest.raises(InvalidTask, match="too long"):
        await voting(4).answer(a_task(QUESTION), a_context(ScriptedModel(says=[InvalidTask("too long")] * 4)))
    with pytest.raises(NotFound):
        await voting(4).answer(a_task(QUESTION), a_context())


@pytest.mark.parametrize("affordable", [1, 2, 3])
async def test_when_the_budget_ends_the_best_so_far_is_given_as_truncated(affordable: int) -> None:
    journal = MemoryJournal(Budget(max_model_calls=affordable))
    model = ScriptedModel(says=by_seed([boxed(4), boxed(3), boxed(3), boxed(5), boxed(6)]))
    answer = await voting(5).answer(a_task(QUESTION), a_context(model, journal=journal))
    assert answer.truncated
    assert answer.text == boxed(3 if affordable == 3 else 4)
    assert vote_of(journal).attributes["stopped"] == f"budget: max_model_calls is reached, after {affordable} of 5"


async def test_a_budget_for_nothing_is_said() -> None:
    with pytest.raises(BudgetExceeded):
        await voting(5).answer(
            a_task(QUESTION),
            a_context(ScriptedModel(says=[boxed(4)] * 5), journal=MemoryJournal(Budget(max_model_calls=0))),
        )


async def test_what_others_had_set_aside_is_used_once_it_is_free() -> None:
    class Careful(ScriptedModel):
        def worst_cost(self, request: ModelRequest) -> tuple[int, Decimal]:
            return 400, Decimal(0)

    journal = MemoryJournal(Budget(max_tokens_total=1000))
    model = Careful(says=[boxed(one) for one in (1, 2, 3, 4, 5)])
    answer = await voting(5).answer(a_task(QUESTION), a_context(model, journal=journal))
    assert len(model.requests) == 5
    assert not answer.truncated


async def test_samples_are_drawn_with_seeds_of_their_own_at_a_temperature_the_asker_may_set() -> None:
    model = ScriptedModel(says=[boxed(number) for number in range(8)])
    await voting(4).answer(a_task(QUESTION), a_context(model))
    asked = [request.sampling for request in model.requests]
    assert {one.temperature for one in asked} == {0.7}
    assert len({one.seed for one in asked}) == 4
    await voting(4).answer(a_task(QUESTION, sampling=Sampling(temperature=1.1, seed=5)), a_context(model))
    asked = [request.sampling for request in model.requests[4:]]
    assert [(one.temperature, one.seed) for one in asked] == [(1.1, 5), (1.1, 6), (1.1, 7), (1.1, 8)]


async def test_at_temperature_0_one_sample_says_it_all() -> None:
    model = ScriptedModel(says=[boxed(4)])
    answer = await voting(8).answer(a_task(QUESTION, sampling=Sampling(temperature=0)), a_context(model))
    assert (answer.text, answer.confidence) == (boxed(4), None)


@pytest.mark.parametrize(
    ("fields", "param"),
    [({"sampling": Sampling(n=2)}, "n"), ({"tools": ({"name": "clock"},)}, "tools")],
)
async def test_what_cannot_be_voted_on_is_refused_with_the_remedy(fields: Json, param: str) -> None:
    with pytest.raises(InvalidTask, match="ask for 'direct'") as refused:
        await voting(4).answer(a_task(QUESTION, **fields), a_context(ScriptedModel()))
    assert refused.value.param == param


async def test_a_server_that_shares_the_prompt_is_asked_for_several_choices_at_once() -> None:
    def several(request: ModelRequest) -> Completion:
        return a_completion(choice=Choice(text=boxed(4))).model_copy(
            update={"choices": tuple(Choice(text=boxed(3 + place % 2)) for place in range(request.sampling.n))}
        )

    model = ScriptedModel(says=several)
    journal = MemoryJournal()
    method = voting(6, shared_prefix=True, threshold=2.0)
    answer = await method.answer(a_task(QUESTION), a_context(model, journal=journal))
    assert [request.sampling.n for request in model.requests] == [3, 1]
    assert answer.text == boxed(3)
    assert vote_of(journal).attributes["candidates"][0]["samples"] == ["sample.0", "sample.0[2]", "sample.3"]


async def test_confident_samples_win_where_nobody_has_a_majority_and_their_logprobs_stay_inside() -> None:
    def sample(answer: int, level: float) -> Choice:
        content = [{"logprob": -0.1, "top_logprobs": [{"logprob": -level}]}] * 10
        return Choice(text=boxed(answer), logprobs={"content": content})

    replies: list[Reply] = [sample(3, 1.0), sample(3, 1.0), sample(4, 9.0), sample(4, 9.0)]
    model = ScriptedModel(says=replies)
    answer = await voting(4, top_logprobs=5).answer(a_task(QUESTION), a_context(model))
    assert answer.text == boxed(4)
    assert answer.choices[0].logprobs is None
    assert (model.requests[0].sampling.logprobs, model.requests[0].sampling.top_logprobs) == (True, 5)
    unweighed = await voting(4).answer(a_task(QUESTION), a_context(ScriptedModel(says=replies)))
    assert unweighed.text == boxed(3)


async def test_free_texts_elect_the_one_most_like_the_others() -> None:
    stories = [
        "The cat slept on the mat.\nIt was warm there.",
        "Revenue rose by nine percent.\nCosts fell.",
        "The cat slept on a mat.\nIt was warm there, too.",
    ]
    journal = MemoryJournal()
    model = ScriptedModel(says=[*stories])
    answer = await voting(3).answer(a_task("Tell me a story."), a_context(model, journal=journal))
    assert answer.text in (stories[0], stories[2])
    assert answer.confidence is None
    assert vote_of(journal).attributes["candidates"][0]["votes"] == 2
    assert vote_of(journal).attributes["stopped"].endswith("free text: the most central one")


async def test_a_sample_that_was_cut_off_has_no_vote() -> None:
    cut = Choice(text="We have 9 and then 9 and", finish_reason="length")
    model = ScriptedModel(says=[cut, cut, cut, boxed(4)])
    answer = await voting(4).answer(a_task(QUESTION), a_context(model))
    assert answer.text == boxed(4)


async def test_nothing_is_streamed_before_the_vote_is_over() -> None:
    heard: list[str] = []

    async def hear(text: str) -> None:
        heard.append(text)

    model = ScriptedModel(says=[boxed(3), boxed(4), boxed(4)])
    answer = await voting(3).answer(a_task(QUESTION), a_context(model, on_text=hear))
    assert heard == [answer.text]
