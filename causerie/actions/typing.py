"""Tell others that one is writing, and see who is."""

from typing import Literal

from causerie.actions.platform import Platform
from causerie.bus import ephemeral
from causerie.cache import typing as marks
from causerie.cache.connection import CacheAway
from causerie.domain.caller import Caller
from causerie.domain.conversation import ConversationType
from causerie.domain.errors import Forbidden
from causerie.domain.event import EphemeralKind
from causerie.domain.ids import ConversationId, UserId
from causerie.protocol.native import encode_ephemeral
from causerie.store import members


async def set_typing(
    platform: Platform, caller: Caller, conversation_id: ConversationId, state: Literal["start", "stop"]
) -> None:
    """Start or stop being seen as writing. Others are told at most every three seconds, own devices never.

    Raises:
        NotFound: not a member.
        Forbidden: a channel that was not joined.
    """
    may = await members.access(platform.store, caller.user, conversation_id)
    if may.member is None and may.type is ConversationType.CHANNEL:
        raise Forbidden("Join first.")
    try:
        mark = marks.start if state == "start" else marks.stop
        changed = await mark(platform.cache, conversation_id, caller.user)
    except CacheAway:
        changed = True
    if changed:
        kind = EphemeralKind.TYPING_START if state == "start" else EphemeralKind.TYPING_STOP
        frame = encode_ephemeral(kind, conversation_id, {"user_id": caller.user})
        ephemeral.to_members(platform.bus, conversation_id, kind, frame, except_user=caller.user)


async def who_types(platform: Platform, caller: Caller, conversation_id: ConversationId) -> list[UserId]:
    """Who is writing now; nobody, as far as is known, while Redis is away.

    Raises:
        NotFound: the caller may not see the conversation.
    """
    await members.access(platform.store, caller.user, conversation_id)
    try:
        return await marks.who(platform.cache, conversation_id)
    except CacheAway:
        return []
