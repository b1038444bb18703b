"""Presence: be seen without a socket, and see who is there."""

from causerie.actions import presence as actions
from causerie.protocol import requests
from services.api import answers
from services.api.answers import Answer
from services.api.asked import Asked
from services.api.operation import Documented, Operations

presence = Operations("presence")


@presence.post(
    "/v1/users/online",
    "Be online",
    answers=(Documented(200, "Presence"),),
    refuses=(400, 415, 422),
)
async def heartbeat(asked: Asked) -> Answer:
    """For clients without a socket; it lasts for five minutes."""
    requests.idempotency_key(asked.idempotency_key)
    requests.nothing(await asked.optional_body())
    return answers.json(await actions.heartbeat(asked.platform, asked.caller))


@presence.post(
    "/v1/users/check-online",
    "See who is online",
    body="CheckOnline",
    answers=(Documented(200, "Presence", is_page=True),),
    refuses=(400, 413, 415, 422),
)
async def check(asked: Asked) -> Answer:
    requests.idempotency_key(asked.idempotency_key)
    users = requests.checked_users(await asked.body())
    return answers.json({"items": await actions.check(asked.platform, users), "next_cursor": None})
