"""Conversations: list mine, open one, look at one, change one."""

from causerie.actions import conversations as actions
from causerie.protocol import queries, requests
from causerie.store import conversations as store
from services.api import answers
from services.api.answers import Answer
from services.api.asked import Asked
from services.api.operation import Documented, Operations

conversations = Operations("conversations")


@conversations.get(
    "/v1/conversations",
    "List my conversations",
    query=("type", "archived", "context_type", "context_id", "member", "limit", "cursor", "offset"),
    answers=(Documented(200, "Conversation", is_page=True),),
    refuses=(400, 422),
)
async def list_mine(asked: Asked) -> Answer:
    """Newest activity first. With `type=channel&member=false`: the channels I could join."""
    wanted, page = queries.mine(asked.query)
    return answers.page(
        await store.list_mine(
            asked.platform.store,
            asked.caller.user,
            type=wanted.type,
            archived=wanted.archived,
            context_type=wanted.context_type,
            context_id=wanted.context_id,
            member=wanted.member,
            limit=page.limit,
            cursor=page.cursor,
            offset=page.offset,
        )
    )


@conversations.post(
    "/v1/conversations",
    "Open a conversation",
    body="NewConversation",
    answers=(
        Documented(201, "Conversation", "It was made."),
        Documented(
            200,
            "Conversation",
            "There is one with this context or, if direct, these two people; or this is a repeat.",
            headers=("Idempotent-Replayed",),
        ),
    ),
    refuses=(400, 409, 413, 415, 422),
)
async def open_conversation(asked: Asked) -> Answer:
    """A conversation with the same unique context, or a direct one of the same two people, is answered instead of
    making a second one. A context that belongs to a conversation of others is refused with `context_taken`."""
    key = requests.idempotency_key(asked.idempotency_key)
    spec = requests.open_conversation(await asked.body(), key=key)
    opened = await actions.open_conversation(asked.platform, asked.caller, spec)
    if opened.replayed:
        return answers.replayed(opened.conversation)
    return answers.created(opened.conversation) if opened.created else answers.json(opened.conversation)


@conversations.get(
    "/v1/conversations/{conversation_id}",
    "Look at a conversation",
    answers=(Documented(200, "Conversation"),),
    refuses=(404,),
)
async def view(asked: Asked) -> Answer:
    return answers.json(await store.view(asked.platform.store, asked.caller.user, asked.conversation_id))


@conversations.patch(
    "/v1/conversations/{conversation_id}",
    "Change a conversation",
    body="ConversationChanges",
    answers=(Documented(200, "Conversation"),),
    refuses=(400, 403, 404, 413, 415, 422),
)
async def change(asked: Asked) -> Answer:
    """Name, description and avatar change for everybody; `is_archived` is my own."""
    conversation_id = asked.conversation_id
    changes = requests.conversation_changes(await asked.body())
    return answers.json(await actions.change(asked.platform, asked.caller, conversation_id, changes))
