"""Has a model write tests for a program that was asked for: weaker than given ones, as they may be wrong themselves."""

from collections.abc import Sequence

from agents.asking import with_documents
from agents.context import Context, call_model
from agents.errors import MalformedOutput, Unavailable
from agents.model import ModelRequest
from agents.records import ChatMessage, Effort, Sampling, Task
from agents.voting.behaviour import MOST_PROBES, Probe, assertions_in
from agents.voting.blocks import fenced

QUESTION = (
    "Do not write the program itself. Write ten assert statements that test it, each on one line, the usual cases and "
    "the edges, taking care that the expected values are right. Answer with one code block that holds only the assert "
    "statements."
)
_MAX_TOKENS = 800


async def written_tests(task: Task, model: str, context: Context, *, known: Sequence[Probe]) -> tuple[Probe, ...]:
    """Tests for the task's program, besides the known ones; none where the model wrote none that could be used."""
    asked = f"{task.prompt}\n\n{QUESTION}"
    request = ModelRequest(
        messages=with_documents((ChatMessage(role="user", content=asked),), task.attachments),
        effort=Effort.NONE,
        sampling=Sampling(temperature=0, max_output_tokens=_MAX_TOKENS),
    )
    try:
        text = (await call_model(context, model, request, key="tests")).choices[0].text
    except (MalformedOutput, Unavailable):
        return ()
    written = assertions_in("\n".join(fenced(text, "python", "py", "python3") or [text]))
    return tuple(probe for probe in written if probe not in known)[:MOST_PROBES]
