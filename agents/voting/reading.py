"""Reads the samples of one task into ballots: what each comes to, with equal answers under one form."""

from collections.abc import Mapping
from dataclasses import replace

from agents.errors import Unavailable
from agents.records import Choice, CodeCheck, Task
from agents.sandbox import Sandbox
from agents.voting.behaviour import Outcomes, Probe, assertions_in, examples_in, outcomes
from agents.voting.confidence import weight
from agents.voting.extract import Extracted, Kind, final_answer, kind_of, options_of
from agents.voting.grouping import Equal, Grouping
from agents.voting.tally import Ballot


class Reader:
    """Reads the samples of one task, each once."""

    def __init__(self, task: Task, *, sandbox: Sandbox, equal: Equal) -> None:
        self.kind: Kind = kind_of(task)
        self.probes = probes_of(task) if self.kind == "code" else ()
        """What programs are compared by."""
        self._options = options_of(task.prompt)
        self._sandbox = sandbox
        self._grouping = Grouping(equal)
        self._found: dict[int, Extracted] = {}
        self.behaviour: dict[int, Outcomes] = {}
        """What the program of a sample did on the probes, where it could be run."""

    async def ballots(self, choices: Mapping[int, Choice], *, weighed: bool) -> list[Ballot]:
        """A ballot for each sample, by its number; the vote weighs by the model's confidence if asked for."""
        for number, choice in choices.items():
            if number not in self._found:
                self._found[number] = await self._read(number, choice)
        leads = await self._grouping.merged([self._found[number] for number in choices])
        return [
            Ballot(number, leads.get(self._found[number].form or ""), weight(choice.logprobs) if weighed else 1.0)
            for number, choice in choices.items()
        ]

    def shown(self, number: int) -> str:
        """What a sample came to, for people."""
        return self._found[number].text

    async def _read(self, number: int, choice: Choice) -> Extracted:
        found = final_answer(choice.text, self.kind, options=self._options, cut=choice.finish_reason == "length")
        if not self.probes or found.form is None:
            return found
        try:
            did = await outcomes(found.text, self.probes, self._sandbox)
        except Unavailable:
            return found  # without a sandbox, programs are the same when they are written the same
        self.behaviour[number] = did
        return replace(found, form=did.form if any(did.passed) else found.form)


def probes_of(task: Task) -> tuple[Probe, ...]:
    """What a task itself gives to try a program with: the tests of its checks, else the examples in its prompt."""
    given = [probe for check in task.checks if isinstance(check, CodeCheck) for probe in assertions_in(check.tests)]
    return tuple(dict.fromkeys(given)) or examples_in(task.prompt)
