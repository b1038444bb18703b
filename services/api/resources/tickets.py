"""Tickets: one socket for a client that cannot send a header."""

from datetime import UTC, datetime

from causerie.cache import tickets as store
from causerie.domain.times import rfc3339
from causerie.protocol import requests
from services.api import answers
from services.api.answers import Answer
from services.api.asked import Asked
from services.api.operation import Documented, Operations

tickets = Operations("tickets")


@tickets.post(
    "/v1/tickets",
    "Get a ticket for a socket",
    answers=(Documented(201, "Ticket"),),
    refuses=(400, 415, 422),
)
async def issue(asked: Asked) -> Answer:
    """Good for thirty seconds and once, as `?ticket=`. The session ends when the token that bought it would."""
    requests.idempotency_key(asked.idempotency_key)
    requests.nothing(await asked.optional_body())
    ticket = await store.issue(asked.platform.cache, asked.caller, now=asked.platform.clock())
    expires_at = datetime.fromtimestamp(ticket.expires_at, UTC)
    return answers.created({"ticket": ticket.text, "expires_at": rfc3339(expires_at)})
