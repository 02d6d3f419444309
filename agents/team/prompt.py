"""What an agent is given to read: one list of chat messages, made from its instructions and what was said so far.

What stays the same from turn to turn stands first and unchanged, so that a server's prefix cache holds it: who the
agent is, the request, then the exchange as it grows.
"""

from collections.abc import Iterator, Mapping, Sequence

from agents.asking import with_documents
from agents.records import ChatMessage, Json, Message, Record, Task
from agents.team.inputs import fill, filled
from agents.team.process import USER, up_to
from agents.team.spec import TaskSpec, TeamSpec

TEAM = "team"
"""Recipient of a word to all agents."""
CONVERSATION_CHARACTERS = 16_000
"""About 4,000 tokens of what was said; the request and the newest message are never left out."""

IN_FORM = (
    'Reply with JSON: {"message": "what has to be changed", "done": false} or, when nothing has to be changed, '
    '{"message": "Good.", "done": true}'
)
"""Two whole examples: small models (measured: Qwen2.5-Coder 0.5B and 1.5B) that were told in words what `done` means
said the opposite of their message."""


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
        asked = ChatMessage(role="user", content=_work(spec, heard, values))
        return _alternating((system, *with_documents((asked,), task.attachments), *_steering(agent, history)))
    request, *said = [_entry(spec, agent, message, number=number) for number, message in enumerate(heard, start=1)]
    opening = (*with_documents(request[:1], task.attachments), *request[1:])
    return _alternating((system, *opening, *_newest(said), *_steering(agent, history)))


def current_task(spec: TeamSpec, message: Message, history: Sequence[Message]) -> TaskSpec | None:
    """Give the task that a message starts; None in a group chat, which has no tasks."""
    return spec.tasks[len(up_to(history, message.id)) - 1] if spec.team.process == "sequential" else None


def _steering(agent: str, history: Sequence[Message]) -> Iterator[ChatMessage]:
    """What the user has told the agent, or the whole team, since the work began."""
    words = [one.content for one in history if one.type == "steer" and one.recipient in (agent, TEAM)]
    if words:
        yield ChatMessage(role="user", content="\n".join(("Meanwhile the user has said:", *words)))


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


def _entry(spec: TeamSpec, agent: str, message: Message, *, number: int) -> list[ChatMessage]:
    """What was said, and to whom it was said: everybody hears everything in a group chat.

    Small models repeat the last thing they read, unless it is that they are to speak; and how far the chat has come is
    a plainer sign of what to do than what was said in it.
    """
    turns = spec.team.termination.max_turns
    asked = ChatMessage(role="user", content=f"Your turn, {agent}. This is turn {number} of {turns}.")
    words = _words(spec, agent, message)
    return [words, asked] if message.recipient == agent else [words]


def _words(spec: TeamSpec, agent: str, message: Message) -> ChatMessage:
    if message.sender == USER:
        return ChatMessage(role="user", content=message.content)
    if message.sender != agent:
        return ChatMessage(role="user", content=f"{message.sender}:\n{message.content}")
    if agent != spec.decider:
        return ChatMessage(role="assistant", content=message.content)
    return ChatMessage(role="assistant", content=Said(message=message.content, done=False).model_dump_json())


def _newest(said: Sequence[Sequence[ChatMessage]]) -> Iterator[ChatMessage]:
    """Give the entries from as far back as there is room, and say how many are left out before them."""
    sizes = [sum(len(message.content) for message in entry) for entry in said]
    first = max(0, len(said) - 1)
    while first > 0 and sum(sizes[first - 1 :]) <= CONVERSATION_CHARACTERS:
        first -= 1
    if first:
        yield ChatMessage(role="user", content=f"({first} earlier messages are left out here.)")
    for entry in said[first:]:
        yield from entry


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
