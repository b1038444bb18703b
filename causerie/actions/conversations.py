"""Open a conversation, and change what it is called."""

from dataclasses import dataclass, replace

from causerie.actions.platform import Platform
from causerie.domain.caller import Caller
from causerie.domain.conversation import ConversationType, OpenConversation
from causerie.domain.errors import ContextTaken, Forbidden, InvalidRequest, NotFound
from causerie.domain.event import EventKind
from causerie.domain.ids import ConversationId, UserId
from causerie.domain.limits import MAX_GROUP_MEMBERS
from causerie.domain.membership import Right, Role
from causerie.store import conversations, keys, log, members, users


@dataclass(frozen=True, slots=True)
class Opened:
    """A conversation as its opener sees it, and whether this call made it or repeated one that had the same key."""

    conversation: dict[str, object]
    created: bool
    replayed: bool


async def open_conversation(platform: Platform, caller: Caller, spec: OpenConversation) -> Opened:
    """Open a conversation, or find the one that is the same: by context, or direct by its two people.

    Raises:
        InvalidRequest: members that do not fit the type.
        ContextTaken: somebody else's conversation has this context.
        IdempotencyConflict: the key was used for something else.
    """
    others = _others(spec, caller.user)
    async with platform.store.transaction() as tx:
        earlier = await keys.find(tx, caller.user, spec.key, spec) if spec.key else None
        if earlier is not None:
            conversation_id, created = ConversationId(earlier), False
        else:
            conversation = await conversations.insert(tx, spec, caller.user)
            created = conversation is not None
            if conversation is None:
                # Made by somebody who committed meanwhile, at the latest: the insert waited for him.
                conversation = await conversations.find_same(tx, spec, caller.user)
            if conversation is None:
                raise NotFound
            conversation_id = conversation.id
            if created:
                role = Role.MEMBER if spec.type is ConversationType.DIRECT else Role.OWNER
                await users.ensure(tx, (caller.user, *others))
                joined = await members.put(
                    tx, conversation_id, [(caller.user, role), *((other, Role.MEMBER) for other in others)], seq=1
                )
                data: dict[str, object] = {
                    "members": [member.as_json() for member in joined],
                    "conversation": {**conversation.as_json(), "last_seq": 1},
                }
                await log.append(tx, conversation_id, 1, EventKind.MEMBER_ADD, caller.user, data=data)
            else:
                member = await members.find(tx, conversation_id, caller.user)
                if member is None or not member.is_present:
                    raise ContextTaken
            if spec.key:
                await keys.remember(tx, caller.user, spec.key, conversation_id, spec)
    view = await conversations.view(platform.store, caller.user, conversation_id)
    return Opened(view, created, replayed=earlier is not None)


async def change(
    platform: Platform, caller: Caller, conversation_id: ConversationId, changes: dict[str, object]
) -> dict[str, object]:
    """Change name, description and avatar for everybody, and `is_archived` for oneself alone.

    Raises:
        NotFound: not a member; a caller with the scope `admin` needs not be one.
        Forbidden: a plain member of a group or channel.
    """
    shared = {name: value for name, value in changes.items() if name != "is_archived"}
    async with platform.store.transaction() as tx:
        conversation = await conversations.lock(tx, conversation_id)
        member = await members.find(tx, conversation_id, caller.user)
        present = member is not None and member.is_present
        if not present and not (caller.admin and shared):
            if conversation.type is ConversationType.CHANNEL:
                raise Forbidden("Join first.")
            raise NotFound
        if shared and member is not None and not caller.admin:
            member.require(Right.CHANGE_CONVERSATION, conversation.type)
        changed = {name: value for name, value in shared.items() if getattr(conversation, name) != value}
        if changed:
            conversation = replace(
                await conversations.update(tx, conversation_id, changed), last_seq=conversation.last_seq + 1
            )
            await log.append(
                tx,
                conversation_id,
                conversation.last_seq,
                EventKind.CONVERSATION_UPDATE,
                caller.user,
                data=changed,
            )
        if "is_archived" in changes and member is not None and present:
            await members.update(tx, conversation_id, member, is_archived=bool(changes["is_archived"]))
    if not present and conversation.type is not ConversationType.CHANNEL:
        return conversations.outside_view(conversation)
    return await conversations.view(platform.store, caller.user, conversation_id)


def _others(spec: OpenConversation, author: UserId) -> list[UserId]:
    others = [user for user in dict.fromkeys(spec.member_ids) if user != author]
    if spec.type is ConversationType.DIRECT and len(others) != 1:
        raise InvalidRequest.of("member_ids", "must name exactly one other person for a direct conversation")
    if spec.type is ConversationType.GROUP and len(others) >= MAX_GROUP_MEMBERS:
        raise InvalidRequest.of("member_ids", f"must leave the group at most {MAX_GROUP_MEMBERS} members")
    return others
