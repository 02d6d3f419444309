"""What efforts do is measured by calls, kept in the database, taken by every process, and measured anew in time."""

from datetime import timedelta

from agents.errors import Unavailable
from agents.model import Completion, ModelRequest
from agents.records import Choice, Effort, Usage
from services.efforts import Prober
from services.store.database import Database
from tests.builders import a_task
from tests.fakes import Reply, ScriptedModel
from tests.integration.house import ScriptedModels, a_house
from tests.integration.store_fixtures import database, now
from tests.integration.test_gateway import a_gateway
from tests.integration.test_scaling import answered

__all__ = ["database"]

EFFORTS = (Effort.NONE, Effort.LOW, Effort.HIGH)
WEEK = timedelta(days=7)


def thinking(tokens: dict[Effort, int]) -> ScriptedModel:
    """A model that thinks so much at each effort."""

    def reply(request: ModelRequest) -> Reply:
        thought = tokens[request.effort]
        usage = Usage(input_tokens=10, output_tokens=thought + 5, reasoning_tokens=thought, model_calls=1)
        choice = Choice(text="Because of scattering.")
        return Completion(choices=(choice,), model="small", usage=usage, effort=request.effort)

    return ScriptedModel("small", says=reply)


DEAF = {Effort.NONE: 50, Effort.LOW: 50, Effort.HIGH: 50}
HEARING = {Effort.NONE: 0, Effort.LOW: 80, Effort.HIGH: 400}


async def test_a_model_that_ignores_effort_is_found_out_and_plans_go_by_it(database: Database, redis_url: str) -> None:
    async with a_gateway(database, redis_url, thinking(DEAF), efforts=EFFORTS) as (client, parts):
        assert await parts.prober.probe_due() == ("small",)
        run = await answered(parts, a_task("Why is the sky blue?", effort=Effort.HIGH, method="direct"))
        [shown] = (await client.get("/api/models")).json()["models"]
    assert run.plan is not None
    assert [rung.effort for rung in run.plan.rungs] == [Effort.NONE]
    assert "Effort high makes no difference on small and runs as none" in run.plan.why
    assert run.answer is not None
    assert run.answer.effort == Effort.NONE
    assert (shown["efforts"], shown["efforts_listed"]) == (["none"], ["none", "low", "high"])
    assert shown["measured"]["has_effect"] is False
    assert shown["measured"]["says"].startswith("effort has no effect: 50 reasoning tokens at none and 50 at high")


async def test_a_model_that_hears_keeps_its_efforts(database: Database, redis_url: str) -> None:
    async with a_house(database, redis_url, thinking(HEARING), efforts=EFFORTS) as parts:
        await parts.prober.probe_due()
        run = await answered(parts, a_task("Why is the sky blue?", effort=Effort.HIGH, method="direct", model="small"))
        measured = parts.efforts.of("small")
    assert measured is not None
    assert measured.real == EFFORTS
    assert run.answer is not None
    assert run.answer.effort == Effort.HIGH


async def test_a_measurement_holds_for_a_week_and_for_the_settings_it_is_of(database: Database) -> None:
    model = thinking(HEARING)
    models = ScriptedModels(model, efforts=EFFORTS)
    began = now()

    def prober(after: timedelta) -> Prober:
        return Prober(database, models, lambda: began + after, WEEK)

    assert await prober(timedelta()).probe_due() == ("small",)
    assert await prober(timedelta(days=6)).probe_due() == ()
    assert await prober(timedelta(days=8)).probe_due() == ("small",)
    assert len(model.requests) == 2 * len(EFFORTS)

    class Moved(ScriptedModels):
        def settings_of(self, model_id: str) -> str:
            return "another server"

    moved = Prober(database, Moved(model, efforts=EFFORTS), lambda: began + timedelta(days=9), WEEK)
    assert await moved.probe_due() == ("small",)


async def test_a_model_that_does_not_answer_is_left_alone_for_an_hour(database: Database) -> None:
    model = ScriptedModel("small", says=lambda _: Unavailable("small is down"))
    models = ScriptedModels(model, efforts=EFFORTS)
    began = now()
    for minutes, asked in ((0, 1), (30, 1), (61, 2)):
        at = began + timedelta(minutes=minutes)
        assert await Prober(database, models, lambda at=at: at, WEEK).probe_due() == ()
        assert len(model.requests) == asked


async def test_a_model_of_one_effort_is_not_asked(database: Database) -> None:
    model = ScriptedModel("small")
    assert await Prober(database, ScriptedModels(model), now, WEEK).probe_due() == ()
    assert await Prober(database, ScriptedModels(model, efforts=EFFORTS), now, timedelta()).probe_due() == ()
    assert model.requests == []
