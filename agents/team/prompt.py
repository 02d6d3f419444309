"""What an agent is given to read: one list of chat messages, made from its instructions and what was said so far.

What stays the same from turn to turn stands first and unchanged, so that a server's prefix cache holds it: who the
agent is, the request, then the exchange as it grows.
"""

from collections.abc import Mapping, Sequence

from agents.methods.asking import with_documents
from agents.records import ChatMessage, Json, Message, Record, Task
from agents.team.inputs import fill, filled
from agents.team.process import up_to
from agents.team.spec import TaskSpec, TeamSpec

CONVERSATION_CHARACTERS = 16_000
"""About 4,000 tokens of what was said; the request and the newest message are never left out."""

IN_FORM = (
    'Reply with JSON: {"message": "what has to be changed", "done": false} or, when nothing has to be changed, '
    '{"message": "Good.", "done": true}'
)
"""Two whole examples: small models (Qwen2.5-Coder 0.5B and 1.5B) that are told what `done` means in words set it at odds
with their message."""


class Said(Record):
    """The reply of the agent that ends a group chat."""

    message: str
    done: bool


SAID_SCHEMA: Json = {
    "type": "object",
    "properties": {"message": {"type": "string"}, "done": {"type": "boolean"}},
    "required": ["message", "done"],
    "additionalProperties": False,
}
"""The message comes first: a verdict is better for the reasons that were written before it."""


def model_messages(spec: TeamSpec, task: Task, message: Message, history: Sequence[Message]) -> tuple[ChatMessage, ...]:
    """Give what the agent that the message is for reads before it speaks."""
    agent = message.recipient
    values = fill(spec, task.inputs, prompt=task.prompt)
    heard = up_to(history, message.id)
    system = ChatMessage(role="system", content=_persona(spec, agent, values))
    if spec.team.process == "sequential":
        asked = _work(spec, heard, values)
        return (system, *with_documents((ChatMessage(role="user", content=asked),), task.attachments))
    opening = ChatMessage(role="user", content=_told(agent, heard[0].content, heard[0]))
    request = with_documents((opening,), task.attachments)
    return _alternating((system, *request, *_conversation(spec, agent, heard[1:])))


def current_task(spec: TeamSpec, message: Message, history: Sequence[Message]) -> TaskSpec | None:
    """Give the task that a message starts; None in a group chat, which has no tasks."""
    return spec.tasks[len(up_to(history, message.id)) - 1] if spec.team.process == "sequential" else None


def _persona(spec: TeamSpec, agent: str, values: Mapping[str, str]) -> str:
    persona = spec.agents[agent]
    lines = (
        f"You are {filled(persona.role, values)}." if persona.role else f"You are the {agent}.",
        f"Your goal: {filled(persona.goal, values)}" if persona.goal else "",
        filled(persona.backstory, values),
        filled(persona.instructions, values).strip(),
        IN_FORM if agent == spec.decider else "",
    )
    return "\n".join(line for line in lines if line)


def _work(spec: TeamSpec, heard: Sequence[Message], values: Mapping[str, str]) -> str:
    """The request, what earlier tasks gave, and the task: in that order."""
    number = len(heard) - 1
    task = spec.tasks[number]
    ids = [earlier.id for earlier in spec.tasks]
    wanted = task.context if task.context is not None else tuple(ids[:number][-1:])
    # The result of a task is what was said to whoever had the next one.
    results = [f"Result of {wanted_id}:\n{heard[ids.index(wanted_id) + 1].content}" for wanted_id in wanted]
    asked = f"Your task: {filled(task.description, values)}"
    expected = f"Expected: {filled(task.expected_output, values)}" if task.expected_output else ""
    return "\n\n".join(part for part in (heard[0].content, *results, asked, expected) if part)


def _conversation(spec: TeamSpec, agent: str, said: Sequence[Message]) -> list[ChatMessage]:
    """What was said since the request, as far back as there is room: everybody hears everything in a group chat."""
    room = CONVERSATION_CHARACTERS
    kept: list[ChatMessage] = []
    for message in reversed(said):
        room -= len(message.content)
        if kept and room < 0:
            left_out = f"({len(said) - len(kept)} earlier messages are left out here.)"
            kept.append(ChatMessage(role="user", content=left_out))
            break
        kept.append(_heard(spec, agent, message))
    return kept[::-1]


def _heard(spec: TeamSpec, agent: str, message: Message) -> ChatMessage:
    if message.sender != agent:
        return ChatMessage(role="user", content=_told(agent, f"{message.sender}:\n{message.content}", message))
    if agent != spec.decider:
        return ChatMessage(role="assistant", content=message.content)
    return ChatMessage(role="assistant", content=Said(message=message.content, done=False).model_dump_json())


def _told(agent: str, words: str, message: Message) -> str:
    """Small models repeat the last thing they read, unless it is that they are to speak."""
    return f"{words}\n\nYour turn, {agent}." if message.recipient == agent else words


def _alternating(messages: Sequence[ChatMessage]) -> tuple[ChatMessage, ...]:
    """Join what follows one another in the same role: chat templates want user and assistant to take turns."""
    joined: list[ChatMessage] = []
    for message in messages:
        if joined and joined[-1].role == message.role:
            content = f"{joined[-1].content}\n\n{message.content}"
            joined[-1] = joined[-1].model_copy(update={"content": content})
        else:
            joined.append(message)
    return tuple(joined)
