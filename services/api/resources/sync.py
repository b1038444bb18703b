"""Catching up: everything missed over all conversations, the log of one, or messages since a time."""

from uuid import UUID

from causerie.actions.history import as_seen
from causerie.domain.ids import MessageId
from causerie.protocol import queries
from causerie.store import cursors, messages
from causerie.store import sync as store
from services.api import answers
from services.api.answers import Answer
from services.api.asked import Asked
from services.api.operation import Documented, Operations

sync = Operations("sync")


@sync.get(
    "/v1/sync",
    "Get everything missed",
    query=("cursor", "limit"),
    answers=(Documented(200, "Sync"),),
    refuses=(400, 422),
)
async def everything(asked: Asked) -> Answer:
    """Without a cursor: no events, the head of each of my conversations in `resets`, and a cursor at this position.
    A conversation in `resets` is loaded by history and goes on from its `seq`. Go on while `has_more`."""
    wanted = queries.sync(asked.query)
    return answers.json(await store.sync(asked.platform.store, asked.caller.user, wanted.cursor, limit=wanted.limit))


@sync.get(
    "/v1/conversations/{conversation_id}/events",
    "Read the log of a conversation",
    query=("after_seq", "epoch", "limit"),
    answers=(Documented(200, "ConversationEvents"),),
    refuses=(404, 422),
)
async def events(asked: Asked) -> Answer:
    """Oldest first. `recovered` is false, with no events, when the log cannot be read on from `after_seq`: another
    epoch, a seq beyond the end, or a stretch that is no longer kept."""
    wanted = queries.events(asked.query)
    return answers.json(
        await store.conversation_events(
            asked.platform.store,
            asked.caller.user,
            asked.conversation_id,
            after_seq=wanted.after_seq,
            epoch=wanted.epoch,
            limit=wanted.limit,
        )
    )


@sync.get(
    "/v1/messages/since",
    "Read my messages since a time",
    query=("timestamp", "limit", "cursor", "offset"),
    answers=(Documented(200, "Message", is_page=True),),
    refuses=(400, 422),
)
async def since(asked: Asked) -> Answer:
    """Messages of all my conversations, oldest first. `sync` is the better way: it misses no edit and no delete."""
    wanted = queries.since(asked.query)
    key, scope = asked.platform.store.cursor_key, f"since|{asked.caller.user}"
    after = None
    if wanted.page.cursor is not None:
        after = MessageId(UUID(bytes=cursors.unseal(key, scope, wanted.page.cursor)))
    found = await messages.since(
        asked.platform.store,
        asked.caller.user,
        wanted.timestamp,
        limit=wanted.page.limit + 1,
        offset=wanted.page.offset,
        after=after,
    )
    shown = found[: wanted.page.limit]
    following = cursors.seal(key, scope, shown[-1].id.bytes) if len(found) > len(shown) else None
    return answers.json({"items": [as_seen(message) for message in shown], "next_cursor": following})
