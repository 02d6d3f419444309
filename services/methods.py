"""Makes the methods that plans name, of models and efforts as the catalog has them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from agents.methods.direct import Direct
from agents.methods.ladder import Ladder, LadderRung, Rule
from agents.methods.long_pass import LongPass
from agents.methods.method import Method
from agents.methods.refine import Refine
from agents.methods.team import Team
from agents.methods.verify import Verify
from agents.methods.ways import Way, method_of
from agents.records import Task
from agents.team.spec import TeamSpec
from router.records import ModelCard, Plan, Rung
from services.verdicts import chances, enough, likeliest
from services.wholes import lower_rungs


@dataclass(frozen=True)
class Methods:
    """What makes the method of a rung."""

    cards: Callable[[], Sequence[ModelCard]]
    tools: tuple[str, ...]
    """Those that `loop` may call."""

    def of(self, rung: Rung, plan: Plan, task: Task, team: TeamSpec | None) -> Method:
        """The method of a rung of the plan, ready to answer."""
        match rung.method:
            case "team":
                assert team is not None
                return Team(team)
            case "ladder":
                return self._ladder(rung, plan, task)
            case "long_pass":
                return self._long_pass(rung, plan, task)
            case _:
                return method_of(self.way(rung, plan))

    def way(self, rung: Rung, plan: Plan) -> Way:
        """The rung's way to answer."""
        return Way(
            model=rung.model or "",
            effort=rung.effort,
            method=rung.method,
            samples=rung.samples,
            shared_prefix=any(card.shared_prefix for card in self.cards() if card.id == rung.model),
            task_type=likeliest(plan),
            tools=self.tools,
        )

    def _ladder(self, rung: Rung, plan: Plan, task: Task) -> Ladder:
        """Each model once, from the smallest, then a vote on the rung's own."""
        rule = Rule(by="checks") if task.checks else Rule(by="confidence", at_least=enough(rung, task.effort))
        first = tuple(
            LadderRung(Direct(card.id, card.efforts[0]), rule)
            for card in lower_rungs(task, plan, rung.model, self.cards())
        )
        vote = method_of(replace(self.way(rung, plan), method="self_consistency"))
        return Ladder((*first, LadderRung(vote, Rule(by="always"))), chance=chances(plan))

    def _long_pass(self, rung: Rung, plan: Plan, task: Task) -> LongPass:
        way = self.way(rung, plan)
        others = [model for model in self.judges(plan) if model != way.model]
        return LongPass(
            way.model,
            way.effort,
            sampler=method_of(replace(way, method="self_consistency")),
            verifier=lambda first: Verify(way.model, way.effort, task_type=way.task_type, first=first),
            refiner=lambda first: Refine(way.model, way.effort, task_type=way.task_type, first=first),
            second=others[0] if others and task.model == "auto" else None,
            seconds=plan.limits.max_seconds,
        )

    def judges(self, plan: Plan) -> tuple[str, ...]:
        """The models that may judge in a run with this plan: those that answer now and that the rules allow."""
        there = [card for card in self.cards() if card.healthy and card.id in plan.models]
        return tuple(card.id for card in sorted(there, key=lambda card: -card.parameters_billion))
