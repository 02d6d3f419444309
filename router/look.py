"""What is seen of a task, once: its work, features and type, and what is expected of any rung on it."""

import math
from collections.abc import Collection, Sequence
from functools import cached_property
from operator import itemgetter

from agents.records import Effort, MethodName, Task
from router.costs import Cost, answer_tokens, cost, prompt_tokens
from router.features import features
from router.learned import Learned
from router.policy import Candidate, Pull, efforts_of
from router.quality import Outlook
from router.records import ModelCard
from router.residual import gain
from router.script import Script, script
from router.session import Session, work
from router.tables import load_tables
from router.tasktype import Posterior, TaskType, likely, task_type


class Look:
    """What is seen of a task."""

    def __init__(self, task: Task, *, learned: Learned, session: Session | None) -> None:
        self.task = task
        self.session = session
        self.work = work(task.messages)
        self.features = features(self.work.text)
        self.offers_tools = bool(task.tools) and task.tool_choice != "none"
        attached = [attachment.name for attachment in task.attachments]
        self.posterior: Posterior = task_type(self.work.text, self.features, tools=self.offers_tools, attached=attached)
        self.likely = likely(self.posterior)
        self.gain = gain(self.work.text, self.features, self.posterior)
        self.input_tokens = prompt_tokens(task)
        self.tables = load_tables()
        words = self.features.words
        self.outlook = Outlook(self.tables, self.likely, words=words, learned=learned, gain=self.gain)

    @cached_property
    def ranked(self) -> Sequence[tuple[TaskType, float]]:
        """The task types, likeliest first."""
        return sorted(self.posterior.items(), key=itemgetter(1), reverse=True)

    @cached_property
    def script(self) -> Script:
        """What most of the work's text is written in."""
        return script(self.work.text)

    def output_tokens(self, card: ModelCard, effort: Effort) -> int:
        """What one call is expected to write."""
        return answer_tokens(self.outlook, self.task, card, effort)

    def cached_tokens(self, card: ModelCard) -> int:
        """Tokens of the prompt that the model's server has in its cache: reading them again costs it no time."""
        held = self.session.cached_tokens if self.session and self.session.model == card.id else 0
        return min(held, self.input_tokens)

    def candidate(
        self,
        card: ModelCard,
        effort: Effort,
        *,
        liked: Pull,
        method: MethodName = "direct",
        samples: int = 1,
        written: int | None = None,
    ) -> Candidate:
        """One model at one effort, asked in one way; `written` is what one call writes, where that is worked out."""
        slowness, cached = self.outlook.slowness(card, effort), self.cached_tokens(card) if self.session else 0
        priced = cost(
            card,
            self.task,
            input_tokens=self.input_tokens,
            output_tokens=written or self.output_tokens(card, effort),
            tables=self.tables,
            method=method,
            samples=samples,
            slowness=slowness,
        )
        return Candidate(
            card.id,
            effort,
            estimate=self.outlook.quality(card, effort, method=method, samples=samples),
            cost=_without_reading(priced, card, cached, slowness) if cached else priced,
            liked=liked,
            method=method,
            samples=samples,
            calls=1 if method == "direct" else self._calls(method, samples),
        )

    def candidates(self, card: ModelCard, *, ways: Collection[tuple[MethodName, int]], liked: Pull) -> list[Candidate]:
        """The model at each of its efforts that leaves room for the thinking, the weakest in any case."""
        room = card.context_tokens - self.input_tokens
        written = [(effort, self.output_tokens(card, effort)) for effort in efforts_of(card, Effort.AUTO)]
        fitting = [pair for place, pair in enumerate(written) if not place or pair[1] <= room]
        return [
            self.candidate(card, effort, liked=liked, method=method, samples=samples, written=tokens)
            for method, samples in ways
            for effort, tokens in fitting
        ]

    def _calls(self, method: MethodName, samples: int) -> int:
        way = self.tables.methods[method]
        return math.ceil(way.prompts_once + way.prompts_each * samples)


def _without_reading(priced: Cost, card: ModelCard, cached: int, slowness: float) -> Cost:
    """What is in the cache needs not be read again; at worst it was thrown out meanwhile."""
    saved = cached / card.prefill_tokens_per_second * slowness
    usd = min(priced.usd, (card.usd_per_hour * math.floor(saved * 1000) / 3_600_000).quantize(priced.usd))
    return priced._replace(
        usd=priced.usd - usd, seconds=priced.seconds - saved, gpu_seconds=max(priced.gpu_seconds - saved, 0.0)
    )
