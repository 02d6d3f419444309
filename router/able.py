"""Which models can do what is asked: tools, schema, what they read, room, language; and which of them answer now."""

from collections.abc import Collection, Sequence

from agents.errors import InvalidTask, Unavailable
from agents.records import Attachment, Effort
from router.look import Look
from router.records import Modality, ModelCard
from router.script import written_in


def able(look: Look, cards: Sequence[ModelCard]) -> list[ModelCard]:
    """The models that can do what is asked, healthy or not.

    Raises:
        InvalidTask: none can; it says what is lacking.
    """
    needed = _modalities(look.task.attachments)
    talking = [card for card in cards if _talks(look, card) and needed.issubset(card.modalities)]
    if cards and not talking:
        raise _lacking(look, cards, needed)
    fitting = [card for card in talking if _has_room(look, card)]
    if talking and not fitting:
        largest = max(talking, key=lambda card: card.context_tokens)
        answer = look.output_tokens(largest, Effort.NONE)
        raise InvalidTask(
            f"about {look.input_tokens} tokens of prompt and {answer} of answer do not fit: "
            f"{largest.id} takes the most, {largest.context_tokens} tokens in all",
            param="messages",
            code="context_length_exceeded",
        )
    return [card for card in fitting if speaks(look, card)] or fitting


def can(look: Look, card: ModelCard) -> bool:
    """Whether one model can do what is asked, its languages aside."""
    return _talks(look, card) and _modalities(look.task.attachments).issubset(card.modalities) and _has_room(look, card)


def speaks(look: Look, card: ModelCard) -> bool:
    """Whether the text's script is that of a language the model was made for, as far as its card says."""
    return not card.languages or any(written_in(language) == look.script for language in card.languages)


def healthy(ready: Sequence[ModelCard]) -> list[ModelCard]:
    """Those that answer now.

    Raises:
        Unavailable: none does.
    """
    answering = [card for card in ready if card.healthy]
    if answering:
        return answering
    names = ", ".join(card.id for card in ready) or "the catalog is empty"
    raise Unavailable(f"no model that could answer this is ready ({names}): see GET /api/models")


_READ_AS = {"text": "text", "image": "images", "audio": "audio", "video": "video"}


def _modalities(attachments: Sequence[Attachment]) -> frozenset[Modality]:
    return frozenset([_modality(attachment.media_type) for attachment in attachments])


def _modality(media_type: str) -> Modality:
    """Whatever is neither picture nor sound comes as the text that was read out of it."""
    match media_type.partition("/")[0].lower():
        case "image":
            return "image"
        case "audio":
            return "audio"
        case "video":
            return "video"
        case _:
            return "text"


def _talks(look: Look, card: ModelCard) -> bool:
    return _has_tools(look, card) and _has_schema(look, card)


def _has_tools(look: Look, card: ModelCard) -> bool:
    return card.tools or not look.offers_tools


def _has_schema(look: Look, card: ModelCard) -> bool:
    return card.json_schema or look.task.response_schema is None


def _has_room(look: Look, card: ModelCard) -> bool:
    return look.input_tokens + look.output_tokens(card, Effort.NONE) <= card.context_tokens


def _lacking(look: Look, cards: Sequence[ModelCard], needed: Collection[Modality]) -> InvalidTask:
    """Say what no model can do; at the least, all of it together."""
    unread = [modality for modality in needed if not any(modality in card.modalities for card in cards)]
    if unread:
        ability, param = f"read {_READ_AS[unread[0]]}", "attachments"
    elif not any(_has_tools(look, card) for card in cards):
        ability, param = "call tools", "tools"
    elif not any(_has_schema(look, card) for card in cards):
        ability, param = "follow a JSON schema", "response_format"
    else:
        ability, param = "do all of what is asked together", "response_format"
    return InvalidTask(f"none of these models can {ability}: {', '.join(card.id for card in cards)}", param=param)
