"""Members: who belongs to a conversation, and as what."""

from causerie.actions import members as actions
from causerie.protocol import queries, requests
from causerie.store import members as store
from services.api import answers
from services.api.answers import Answer
from services.api.asked import Asked
from services.api.operation import Documented, Operations

members = Operations("members")


@members.get(
    "/v1/conversations/{conversation_id}/members",
    "List the members",
    query=("limit", "cursor", "offset"),
    answers=(Documented(200, "Member", is_page=True),),
    refuses=(400, 404, 422),
)
async def list_members(asked: Asked) -> Answer:
    """Former members are shown with `left_at`. Mute is shown to its owner alone."""
    page = queries.page(asked.query)
    return answers.page(
        await store.list_members(
            asked.platform.store,
            asked.caller.user,
            asked.conversation_id,
            limit=page.limit,
            cursor=page.cursor,
            offset=page.offset,
        )
    )


@members.post(
    "/v1/conversations/{conversation_id}/members",
    "Add a member",
    body="NewMember",
    answers=(Documented(201, "Member"), Documented(200, "Member")),
    refuses=(400, 403, 404, 409, 413, 415, 422),
)
async def add(asked: Asked) -> Answer:
    """Somebody who is a member already stays as he is. The members of a direct conversation cannot be changed."""
    conversation_id = asked.conversation_id
    key = requests.idempotency_key(asked.idempotency_key)
    wanted = requests.member(await asked.body())
    added = await actions.add(asked.platform, asked.caller, conversation_id, wanted.user_id, wanted.role, key=key)
    return answers.replayed(added.member) if added.replayed else answers.created(added.member)


@members.patch(
    "/v1/conversations/{conversation_id}/members/{user_id}",
    "Change a member",
    body="MemberChanges",
    answers=(Documented(200, "Member"),),
    refuses=(400, 403, 404, 409, 413, 415, 422),
)
async def change(asked: Asked) -> Answer:
    """Role and nickname are everybody's to see; `is_muted` and `muted_until` are my own."""
    conversation_id, user_id = asked.conversation_id, asked.user_id
    changes = requests.member_changes(await asked.body())
    return answers.json(await actions.change(asked.platform, asked.caller, conversation_id, user_id, changes))


@members.delete(
    "/v1/conversations/{conversation_id}/members/{user_id}",
    "Remove a member",
    refuses=(403, 404, 409),
)
async def remove(asked: Asked) -> Answer:
    """Naming myself means leaving. What the member wrote stays."""
    await actions.remove(asked.platform, asked.caller, asked.conversation_id, asked.user_id)
    return answers.nothing()


@members.post(
    "/v1/conversations/{conversation_id}/join",
    "Join a channel",
    answers=(Documented(200, "Member"),),
    refuses=(400, 404, 409, 415, 422),
)
async def join(asked: Asked) -> Answer:
    """Joining twice changes nothing."""
    conversation_id = asked.conversation_id
    key = requests.idempotency_key(asked.idempotency_key)
    requests.nothing(await asked.optional_body())
    joined = await actions.join(asked.platform, asked.caller, conversation_id, key=key)
    return answers.replayed(joined.member) if joined.replayed else answers.json(joined.member)


@members.post(
    "/v1/conversations/{conversation_id}/leave",
    "Leave a conversation",
    answers=(Documented(200, "Left"),),
    refuses=(400, 404, 409, 415, 422),
)
async def leave(asked: Asked) -> Answer:
    """History is kept for those who stay. A direct conversation cannot be left."""
    conversation_id = asked.conversation_id
    key = requests.idempotency_key(asked.idempotency_key)
    requests.nothing(await asked.optional_body())
    replayed = await actions.leave(asked.platform, asked.caller, conversation_id, key=key)
    left = {"conversation_id": str(conversation_id), "user_id": asked.caller.user}
    return answers.replayed(left) if replayed else answers.json(left)
