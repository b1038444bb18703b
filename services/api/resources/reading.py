"""Reading: how far I have read, how far others have, what is left."""

from causerie.actions import reading as actions
from causerie.protocol import queries, requests
from causerie.store import horizons
from services.api import answers
from services.api.answers import Answer
from services.api.asked import Asked
from services.api.operation import Documented, Operations

reading = Operations("reading")


@reading.get("/v1/unread", "Count what I have not read", answers=(Documented(200, "Unread"),))
async def unread(asked: Asked) -> Answer:
    return answers.json(await horizons.unread(asked.platform.store, asked.caller.user))


@reading.post(
    "/v1/conversations/{conversation_id}/read",
    "Move my read mark",
    body="ReadMark",
    answers=(Documented(200, "ReadState"),),
    refuses=(400, 403, 404, 413, 415, 422),
)
async def mark_read(asked: Asked) -> Answer:
    """To a `seq` or a `message_id`. The mark never goes back; beyond the end it stands at the end."""
    conversation_id = asked.conversation_id
    requests.idempotency_key(asked.idempotency_key)
    mark = requests.read(await asked.body())
    return answers.json(
        await actions.mark_read(asked.platform, asked.caller, conversation_id, seq=mark.seq, message_id=mark.message_id)
    )


@reading.delete("/v1/conversations/{conversation_id}/read", "Flag a conversation as unread", refuses=(403, 404))
async def mark_unread(asked: Asked) -> Answer:
    """A flag of my own, taken away by any read; the read mark stays."""
    await actions.mark_unread(asked.platform, asked.caller, asked.conversation_id)
    return answers.nothing()


@reading.post(
    "/v1/messages/{message_id}/read",
    "Move my read mark to a message",
    answers=(Documented(200, "ReadState"),),
    refuses=(400, 403, 404, 415, 422),
)
async def mark_message_read(asked: Asked) -> Answer:
    message_id = asked.message_id
    requests.idempotency_key(asked.idempotency_key)
    requests.nothing(await asked.optional_body())
    return answers.json(await actions.mark_message_read(asked.platform, asked.caller, message_id))


@reading.get(
    "/v1/conversations/{conversation_id}/receipts",
    "See how far everybody has read",
    query=("limit", "cursor", "offset"),
    answers=(Documented(200, "Receipt", is_page=True),),
    refuses=(400, 404, 422),
)
async def receipts(asked: Asked) -> Answer:
    page = queries.page(asked.query)
    return answers.page(
        await horizons.receipts(
            asked.platform.store,
            asked.caller.user,
            asked.conversation_id,
            limit=page.limit,
            cursor=page.cursor,
            offset=page.offset,
        )
    )
