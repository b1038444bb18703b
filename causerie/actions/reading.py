"""Say how far one has read: a state that never goes back, plus a frame for whoever is there."""

from causerie.actions.platform import Platform
from causerie.bus import ephemeral
from causerie.domain.caller import Caller
from causerie.domain.errors import NotFound
from causerie.domain.event import EphemeralKind
from causerie.domain.ids import ConversationId, MessageId
from causerie.protocol.native import encode_ephemeral
from causerie.store import horizons, members, messages
from causerie.store.horizons import Horizon


async def mark_read(
    platform: Platform,
    caller: Caller,
    conversation_id: ConversationId,
    *,
    seq: int | None = None,
    message_id: MessageId | None = None,
) -> dict[str, object]:
    """Move my read mark forward to a seq, or to a message of the conversation; beyond the end means the end.

    Raises:
        NotFound: not a member, or no such message there.
        Forbidden: a channel the caller has not joined.
    """
    if message_id is not None:
        may = await members.access(platform.store, caller.user, conversation_id)
        seq = await messages.seq_of(platform.store, conversation_id, message_id)
        if seq is None or seq < may.first_seq:
            raise NotFound
    horizon = await horizons.mark_read(platform.store, caller.user, conversation_id, seq or 0)
    if horizon.moved:
        _tell_others(platform, caller, conversation_id, horizon)
        _tell_own_devices(platform, caller, conversation_id, horizon, is_marked_unread=False)
    return _answer(conversation_id, horizon)


async def mark_message_read(platform: Platform, caller: Caller, message_id: MessageId) -> dict[str, object]:
    """Move my read mark to a message, wherever it is.

    Raises:
        NotFound: no such message for this caller.
        Forbidden: it is in a channel the caller has not joined.
    """
    conversation_id = await messages.conversation_of(platform.store, message_id)
    if conversation_id is None:
        raise NotFound
    return await mark_read(platform, caller, conversation_id, message_id=message_id)


async def mark_unread(platform: Platform, caller: Caller, conversation_id: ConversationId) -> dict[str, object]:
    """Flag a conversation as unread for myself; my mark stays, and others learn nothing.

    Raises:
        NotFound: not a member.
        Forbidden: a channel the caller has not joined.
    """
    horizon = await horizons.mark_unread(platform.store, caller.user, conversation_id)
    _tell_own_devices(platform, caller, conversation_id, horizon, is_marked_unread=True)
    return _answer(conversation_id, horizon)


def _answer(conversation_id: ConversationId, horizon: Horizon) -> dict[str, object]:
    return {"conversation_id": str(conversation_id), "seq": horizon.seq, "unread_count": horizon.unread_count}


def _tell_others(platform: Platform, caller: Caller, conversation_id: ConversationId, horizon: Horizon) -> None:
    data = {"user_id": caller.user, "seq": horizon.seq}
    frame = encode_ephemeral(EphemeralKind.READ_UPDATE, conversation_id, data)
    ephemeral.to_members(platform.bus, conversation_id, EphemeralKind.READ_UPDATE, frame, except_user=caller.user)


def _tell_own_devices(
    platform: Platform, caller: Caller, conversation_id: ConversationId, horizon: Horizon, *, is_marked_unread: bool
) -> None:
    data = {
        "user_id": caller.user,
        "seq": horizon.seq,
        "unread_count": horizon.unread_count,
        "is_marked_unread": is_marked_unread,
    }
    frame = encode_ephemeral(EphemeralKind.READ_UPDATE, conversation_id, data)
    ephemeral.to_users(platform.bus, conversation_id, EphemeralKind.READ_UPDATE, frame, [caller.user])
