"""Who belongs to a conversation: every change of it is an event, and an interval of seq begins or ends there."""

from dataclasses import dataclass

from causerie.actions.platform import Platform
from causerie.domain.caller import Caller
from causerie.domain.conversation import Conversation, ConversationType
from causerie.domain.errors import Conflict, Forbidden, InvalidRequest, NotFound
from causerie.domain.event import EventKind
from causerie.domain.ids import ConversationId, UserId
from causerie.domain.limits import MAX_GROUP_MEMBERS
from causerie.domain.membership import Member, Right, Role
from causerie.store import conversations, keys, log, members, users
from causerie.store.transaction import Transaction

_PRIVATE = frozenset({"is_muted", "muted_until"})
"""What a member sets for himself and nobody else sees: no event tells of it."""


@dataclass(frozen=True, slots=True)
class Joined:
    """A member as he is now, and whether an earlier request with the same key made him one."""

    member: dict[str, object]
    replayed: bool


async def add(
    platform: Platform,
    caller: Caller,
    conversation_id: ConversationId,
    user: UserId,
    role: Role = Role.MEMBER,
    *,
    key: str | None = None,
) -> Joined:
    """Add somebody; who is a member already stays as he is. With a `key` a repeat does nothing again.

    Raises:
        NotFound, Forbidden: the caller is no member, or a plain one.
        Conflict: the members of a direct conversation cannot be changed.
        InvalidRequest: the group is full, or the role is `owner`.
        IdempotencyConflict: the key was used for something else.
    """
    if role is Role.OWNER:
        raise InvalidRequest.of("role", "a new member cannot be the owner")
    async with platform.store.transaction() as tx:
        replayed = await _is_repeat(tx, caller, key, conversation_id, ("add", user, role.value))
        conversation, me = await _enter(tx, caller, conversation_id)
        if replayed:
            return Joined((await _present(tx, conversation_id, user)).as_json(), replayed)
        _refuse_direct(conversation)
        _require(caller, me, conversation, Right.MANAGE_MEMBERS)
        if role is not Role.MEMBER:
            _require(caller, me, conversation, Right.CHANGE_ROLES)
        return Joined(await _begin(tx, conversation, user, role, actor=caller.user), replayed)


async def join(
    platform: Platform, caller: Caller, conversation_id: ConversationId, *, key: str | None = None
) -> Joined:
    """Join a channel; joining twice changes nothing.

    Raises:
        NotFound: no such conversation, or one that is no channel and not the caller's.
        IdempotencyConflict: the key was used for something else.
    """
    async with platform.store.transaction() as tx:
        replayed = await _is_repeat(tx, caller, key, conversation_id, ("join",))
        conversation = await conversations.lock(tx, conversation_id)
        me = await members.find(tx, conversation_id, caller.user)
        if replayed or conversation.type is not ConversationType.CHANNEL:
            if me is None or not me.is_present:
                raise NotFound
            return Joined(me.as_json(private=True), replayed)
        # Whoever comes into an empty channel owns it.
        empty = conversation.is_archived and await members.count_present(tx, conversation_id) == 0
        role = Role.OWNER if empty else Role.MEMBER
        return Joined(
            await _begin(tx, conversation, caller.user, role, actor=caller.user, reopen=empty), replayed=False
        )


async def leave(platform: Platform, caller: Caller, conversation_id: ConversationId, *, key: str | None = None) -> bool:
    """Leave; the next in line becomes owner, and an empty conversation is archived.

    Returns whether this was a repeat of an earlier request with the same key, and nothing was left to do.

    Raises:
        NotFound: not a member.
        Conflict: a direct conversation cannot be left.
        IdempotencyConflict: the key was used for something else.
    """
    async with platform.store.transaction() as tx:
        if await _is_repeat(tx, caller, key, conversation_id, ("leave",)):
            return True
        conversation, me = await _enter(tx, caller, conversation_id)
        _refuse_direct(conversation)
        if me is None:
            raise NotFound
        await _end(tx, conversation, me, actor=caller.user)
    return False


async def remove(platform: Platform, caller: Caller, conversation_id: ConversationId, user: UserId) -> None:
    """Remove somebody, or leave when it is oneself.

    Raises:
        NotFound: the caller is no member, or `user` is none.
        Forbidden: a plain member, or an admin removing an admin or the owner.
        Conflict: the members of a direct conversation cannot be changed.
    """
    async with platform.store.transaction() as tx:
        conversation, me = await _enter(tx, caller, conversation_id)
        _refuse_direct(conversation)
        if user != caller.user:
            _require(caller, me, conversation, Right.MANAGE_MEMBERS)
        member = await _present(tx, conversation_id, user)
        if user != caller.user and member.role is not Role.MEMBER and not caller.admin:
            _require(caller, me, conversation, Right.CHANGE_ROLES)
        await _end(tx, conversation, member, actor=caller.user)


async def change(
    platform: Platform,
    caller: Caller,
    conversation_id: ConversationId,
    user: UserId,
    changes: dict[str, object],
) -> dict[str, object]:
    """Change role and nickname for everybody, `is_muted` and `muted_until` for oneself.

    Making somebody else the owner hands ownership over: who had it becomes an admin.

    Raises:
        NotFound: the caller or `user` is no member.
        Forbidden: not the caller's to change.
        Conflict: the owner cannot give up ownership without naming a successor.
    """
    async with platform.store.transaction() as tx:
        conversation, me = await _enter(tx, caller, conversation_id)
        mine = user == caller.user
        if changes.keys() & _PRIVATE and not mine:
            raise Forbidden("Muting is the member's own.")
        member = await _present(tx, conversation_id, user)
        if "nickname" in changes and not mine:
            _require(caller, me, conversation, Right.MANAGE_MEMBERS)
        role = changes.get("role", member.role)
        if role is not member.role:
            _refuse_direct(conversation)
            _require(caller, me, conversation, Right.CHANGE_ROLES)
            if member.role is Role.OWNER:
                raise Conflict("Make somebody else the owner first.")
        changed = await members.update(tx, conversation_id, member, **changes)
        if (changed.role, changed.nickname) != (member.role, member.nickname):
            seq = conversation.last_seq + 1
            await _tell(tx, conversation_id, seq, EventKind.MEMBER_UPDATE, caller.user, changed)
            if role is Role.OWNER:
                for former in await members.owners(tx, conversation_id, besides=user):
                    seq += 1
                    admin = await members.update(tx, conversation_id, former, role=Role.ADMIN)
                    await _tell(tx, conversation_id, seq, EventKind.MEMBER_UPDATE, caller.user, admin)
    return changed.as_json(private=mine)


async def _is_repeat(
    tx: Transaction, caller: Caller, key: str | None, conversation_id: ConversationId, request: tuple[str, ...]
) -> bool:
    """Whether this request was carried out before; if not, its key stands for it once the transaction commits."""
    if key is None:
        return False
    asked = (str(conversation_id), *request)
    if await keys.find(tx, caller.user, key, asked) is not None:
        return True
    await keys.remember(tx, caller.user, key, conversation_id, asked)
    return False


async def _enter(
    tx: Transaction, caller: Caller, conversation_id: ConversationId
) -> tuple[Conversation, Member | None]:
    """Lock the conversation for somebody who may see it; the member is None for outsiders of a channel and for admins.

    Raises:
        NotFound: there is no such conversation for this caller.
    """
    conversation = await conversations.lock(tx, conversation_id)
    me = await members.find(tx, conversation_id, caller.user)
    if me is not None and me.is_present:
        return conversation, me
    if conversation.type is not ConversationType.CHANNEL and not caller.admin:
        raise NotFound
    return conversation, None


async def _present(tx: Transaction, conversation_id: ConversationId, user: UserId) -> Member:
    member = await members.find(tx, conversation_id, user)
    if member is None or not member.is_present:
        raise NotFound
    return member


def _require(caller: Caller, me: Member | None, conversation: Conversation, right: Right) -> None:
    if caller.admin:
        return
    if me is None:
        raise Forbidden("Join first.")
    me.require(right, conversation.type)


def _refuse_direct(conversation: Conversation) -> None:
    if conversation.type is ConversationType.DIRECT:
        raise Conflict("The members of a direct conversation cannot be changed.")


async def _begin(
    tx: Transaction, conversation: Conversation, user: UserId, role: Role, *, actor: UserId, reopen: bool = False
) -> dict[str, object]:
    earlier = await members.find(tx, conversation.id, user)
    if earlier is not None and earlier.is_present:
        return earlier.as_json(private=user == actor)
    present = await members.count_present(tx, conversation.id)
    if conversation.type is ConversationType.GROUP and present >= MAX_GROUP_MEMBERS:
        raise InvalidRequest.of("user_id", f"the group has {MAX_GROUP_MEMBERS} members, the most it can have")
    if reopen:
        conversation = await conversations.update(tx, conversation.id, {"is_archived": False})
    await users.ensure(tx, [user])
    seq = conversation.last_seq + 1
    [member] = await members.put(tx, conversation.id, [(user, role)], seq=seq)
    data = {**member.as_json(), "conversation": {**conversation.as_json(), "last_seq": seq}}
    await log.append(tx, conversation.id, seq, EventKind.MEMBER_ADD, actor, data=data)
    return member.as_json(private=user == actor)


async def _end(tx: Transaction, conversation: Conversation, member: Member, *, actor: UserId) -> None:
    seq = conversation.last_seq + 1
    former = await members.end(tx, conversation.id, member.user_id, seq=seq)
    await _tell(tx, conversation.id, seq, EventKind.MEMBER_REMOVE, actor, former)
    heir = await members.successor(tx, conversation.id)
    if heir is None:
        await conversations.update(tx, conversation.id, {"is_archived": True})
    elif member.role is Role.OWNER:
        owner = await members.update(tx, conversation.id, heir, role=Role.OWNER)
        await _tell(tx, conversation.id, seq + 1, EventKind.MEMBER_UPDATE, actor, owner)


async def _tell(
    tx: Transaction, conversation_id: ConversationId, seq: int, kind: EventKind, actor: UserId, member: Member
) -> None:
    await log.append(tx, conversation_id, seq, kind, actor, data=member.as_json())
