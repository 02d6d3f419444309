"""Has another model answer the same task anew, and looks whether both come to the same."""

import asyncio

from agents.asking import request_for
from agents.checks.equivalence import compare
from agents.checks.judges import judge_of
from agents.context import Context, call_model
from agents.errors import InvalidTask, MalformedOutput, NotFound, Unavailable
from agents.model import ModelRequest
from agents.records import AgreementCheck, Answer, Choice, Effort, Sampling, Task, Verdict
from agents.voting.extract import Extracted, final_answer, kind_of, options_of

TEMPERATURE = 0.7
"""Of several samples; a single one is the model's likeliest answer."""


async def check(spec: AgreementCheck, answer: Answer, task: Task, context: Context) -> Verdict:
    """Ask, and compare what the answers come to."""
    model = judge_of(spec.model, answer, context)
    if model is None:
        return Verdict(check="agreement", outcome="unsure", evidence="there is no model besides the one that answered")
    own = _comes_to(answer.choices[0], task)
    if own.form is None:
        return Verdict(
            check="agreement", outcome="unsure", evidence="the answer comes to nothing that could be compared"
        )
    request, quiet = _request(spec, task), context.silent()
    try:
        said = await asyncio.gather(
            *(call_model(quiet, model, request, key=f"sample.{number}") for number in range(spec.samples))
        )
    except (NotFound, Unavailable, MalformedOutput) as error:
        return Verdict(check="agreement", outcome="unsure", evidence=str(error), by=model)
    others = [_comes_to(one.choices[0], task) for one in said]
    return _verdict(own, others, await _agreed(own, others, context), model)


def validate(spec: AgreementCheck) -> None:
    """Refuse a model without a name."""
    if not spec.model.strip():
        raise InvalidTask(
            "an agreement check names no model; give a catalog id, or 'auto'", param="checks", code="invalid_check"
        )


def _comes_to(choice: Choice, task: Task) -> Extracted:
    cut = choice.finish_reason == "length"
    return final_answer(choice.text, kind_of(task), options=options_of(task.prompt), cut=cut)


def _request(spec: AgreementCheck, task: Task) -> ModelRequest:
    plain = request_for(task, Effort.NONE)
    temperature = 0.0 if spec.samples == 1 else TEMPERATURE
    sampling = Sampling(temperature=temperature, max_output_tokens=task.sampling.max_output_tokens)
    return plain.model_copy(update={"sampling": sampling, "tools": (), "tool_choice": "auto"})


async def _agreed(own: Extracted, others: list[Extracted], context: Context) -> list[bool | None]:
    """For each whether it is the same answer; None where it cannot be told."""
    found: list[bool | None] = [_same_form(own, other) for other in others]
    open_ = [n for n, other in enumerate(others) if found[n] is False and own.kind == other.kind == "math"]
    for number, one in zip(
        open_, await compare([(own.text, others[n].text) for n in open_], context.sandbox), strict=True
    ):
        found[number] = one.equal
    return found


def _same_form(own: Extracted, other: Extracted) -> bool | None:
    if other.form is None:
        return None
    if own.form == other.form:
        return True
    return None if own.kind in {"text", "code"} else False  # other words, or another program, may come to the same


def _verdict(own: Extracted, others: list[Extracted], agreed: list[bool | None], model: str) -> Verdict:
    same, different = agreed.count(True), agreed.count(False)
    told = ", ".join(repr(other.text[:60]) for other in others)
    evidence = f"{model} came to {told}; the answer to {own.text[:60]!r}"
    if not same + different:
        return Verdict(check="agreement", outcome="unsure", evidence=evidence, by=model)
    outcome = "pass" if same * 2 > len(agreed) else "fail" if different * 2 > len(agreed) else "unsure"
    return Verdict(check="agreement", outcome=outcome, score=same / (same + different), evidence=evidence, by=model)
