"""Messages: read the past, say something, change it, take it back."""

import asyncio

from causerie.actions import messages as actions
from causerie.actions.history import as_answered, as_seen, read_history
from causerie.protocol import queries, requests
from services.api import answers
from services.api.answers import Answer
from services.api.asked import Asked
from services.api.operation import Documented, Operations

messages = Operations("messages")

_HIT = (b"x-cache", b"hit")
_MISS = (b"x-cache", b"miss")


@messages.get(
    "/v1/conversations/{conversation_id}/messages",
    "Read a conversation's past",
    query=("before_seq", "after_seq", "around_seq", "limit", "cursor"),
    answers=(Documented(200, "Message", is_page=True, headers=("X-Cache",)),),
    refuses=(400, 404, 422),
)
async def history(asked: Asked) -> Answer:
    """Newest first, but oldest first with `after_seq`; `next_cursor` goes on in the same direction.
    At most one of `before_seq`, `after_seq`, `around_seq` and `cursor` may be given."""
    wanted = queries.history(asked.query)
    page = await read_history(
        asked.platform,
        asked.caller.user,
        asked.conversation_id,
        before_seq=wanted.before_seq,
        after_seq=wanted.after_seq,
        around_seq=wanted.around_seq,
        cursor=wanted.cursor,
        limit=wanted.limit,
    )
    return answers.json(
        {"items": page.messages, "next_cursor": page.next_cursor}, headers=(_HIT if page.cache_hit else _MISS,)
    )


@messages.post(
    "/v1/conversations/{conversation_id}/messages",
    "Say something",
    body="NewMessage",
    answers=(
        Documented(201, "Message", "It is durable and has its place in the order."),
        Documented(200, "Message", "A repeat: the message made first.", headers=("Idempotent-Replayed",)),
    ),
    refuses=(400, 403, 404, 409, 413, 415, 422),
    is_send=True,
)
async def post(asked: Asked) -> Answer:
    """With a `client_id`, or the same in the header `Idempotency-Key`, repeating the request within seven days is
    safe whatever became of the first one. A timeout or a 5xx means that the outcome is unknown: repeat it."""
    conversation_id = asked.conversation_id
    draft = requests.draft(await asked.body(), conversation_id, asked.caller.user, header_key=asked.idempotency_key)
    # Shielded: the queue answers its future also when nobody waits any more.
    posted = await asyncio.shield(actions.post(asked.platform, draft))
    message = as_answered(posted)
    if posted.replayed:
        return answers.replayed(message)
    return answers.created(message)


@messages.put(
    "/v1/messages/{message_id}",
    "Change my message",
    body="MessageEdit",
    answers=(Documented(200, "Message"),),
    refuses=(400, 403, 404, 409, 410, 413, 415, 422),
)
async def edit(asked: Asked) -> Answer:
    """With a `version` only if the message still has it; else 409 `version_conflict`."""
    message_id = asked.message_id
    change = requests.edit(await asked.body())
    return answers.json(
        as_seen(await actions.edit(asked.platform, asked.caller, message_id, change.content, change.version))
    )


@messages.delete("/v1/messages/{message_id}", "Take a message back", refuses=(403, 404))
async def delete(asked: Asked) -> Answer:
    """Its author may, and owners and admins of the conversation. A tombstone stays in its place."""
    await actions.delete(asked.platform, asked.caller, asked.message_id)
    return answers.nothing()
