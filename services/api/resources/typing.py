"""Typing: be seen as writing, and see who is."""

from causerie.actions import typing as actions
from causerie.protocol import requests
from services.api import answers
from services.api.answers import Answer
from services.api.asked import Asked
from services.api.operation import Documented, Operations

typing = Operations("typing")


@typing.post(
    "/v1/conversations/{conversation_id}/typing",
    "Start or stop typing",
    body="TypingState",
    body_is_optional=True,
    answers=(Documented(200, "Typing"),),
    refuses=(400, 403, 404, 413, 415, 422),
)
async def set_typing(asked: Asked) -> Answer:
    """No body means start. It lasts for ten seconds."""
    conversation_id = asked.conversation_id
    requests.idempotency_key(asked.idempotency_key)
    state = requests.typing(await asked.optional_body())
    await actions.set_typing(asked.platform, asked.caller, conversation_id, state)
    return answers.json({"user_ids": await actions.who_types(asked.platform, asked.caller, conversation_id)})


@typing.get(
    "/v1/conversations/{conversation_id}/typing",
    "See who is typing",
    answers=(Documented(200, "Typing"),),
    refuses=(404,),
)
async def who_types(asked: Asked) -> Answer:
    return answers.json({"user_ids": await actions.who_types(asked.platform, asked.caller, asked.conversation_id)})
