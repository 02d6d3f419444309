"""How a task becomes a model's request, and a completion an answer: what all methods with a model share."""

import hashlib
import json
from collections.abc import Sequence

from agents.model import Completion, ModelRequest
from agents.records import Answer, Attachment, ChatMessage, Effort, Task


def request_for(task: Task, effort: Effort) -> ModelRequest:
    """Pass on what was asked, with the task's documents before the words of its last user's message."""
    return ModelRequest(
        messages=with_documents(task.messages, task.attachments),
        effort=effort,
        sampling=task.sampling,
        response_schema=task.response_schema,
        json_object=task.json_object,
        tools=task.tools,
        tool_choice=task.tool_choice,
        parallel_tool_calls=task.parallel_tool_calls,
    )


def answer_from(completion: Completion) -> Answer:
    """Take the completion as the answer, named by the model that wrote it."""
    return Answer(choices=completion.choices, model=completion.model, usage=completion.usage, effort=completion.effort)


def with_documents(messages: Sequence[ChatMessage], attachments: Sequence[Attachment]) -> tuple[ChatMessage, ...]:
    """Put the documents into the last user's message, before its words."""
    if not attachments:
        return tuple(messages)
    documents = "\n\n".join(_document(attachment) for attachment in attachments)
    last = next((place for place in reversed(range(len(messages))) if messages[place].role == "user"), None)
    if last is None:
        return (*messages, ChatMessage(role="user", content=documents))
    asked = messages[last]
    return (
        *messages[:last],
        asked.model_copy(update={"content": f"{documents}\n\n{asked.content}".strip()}),
        *messages[last + 1 :],
    )


def tag_around(name: str, text: str) -> str:
    """A tag of this name that the text cannot contain, so that it cannot end itself early."""
    return f"{name}_{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def _document(attachment: Attachment) -> str:
    tag = tag_around("document", attachment.text)
    name = json.dumps(attachment.name, ensure_ascii=False)
    return f"<{tag} name={name} type={json.dumps(attachment.media_type)}>\n{attachment.text}\n</{tag}>"
