"""Say something, change it, take it back."""

import asyncio

from causerie.actions.platform import Platform
from causerie.domain.caller import Caller
from causerie.domain.conversation import Conversation, ConversationType
from causerie.domain.errors import Forbidden, Gone, NotFound, VersionConflict
from causerie.domain.event import EventKind
from causerie.domain.ids import MessageId
from causerie.domain.membership import Member, Role, may_see
from causerie.domain.message import Draft, Message, MessageType, Posted
from causerie.store import conversations, log, members, messages
from causerie.store.transaction import Transaction


def post(platform: Platform, draft: Draft) -> asyncio.Future[Posted]:
    """Append a draft to its conversation; a repeated one gives the first message.

    Not a coroutine: the draft has its place in the order when this returns.  Errors come in the future, as
    `PostQueue.submit` lists them; cancelling it does not undo the post.
    """
    return platform.store.posts.submit(draft)


async def edit(
    platform: Platform, caller: Caller, message_id: MessageId, content: str, version: int | None = None
) -> Message:
    """Change one's own text; with a `version` only if nobody has changed the message since.

    Raises:
        NotFound: no such message for this caller.
        Forbidden: somebody else's, a system message, or one of a channel the caller has not joined.
        Gone: it was deleted.
        VersionConflict: it has another version by now.
    """
    async with platform.store.transaction() as tx:
        message, conversation, _ = await _enter(tx, caller, message_id)
        if message.sender_id != caller.user or message.type is MessageType.SYSTEM:
            raise Forbidden("Only its author may edit a message.")
        if message.is_deleted:
            raise Gone
        if version is not None and version != message.version:
            raise VersionConflict(f"The message has version {message.version}.")
        edited = await messages.edit(tx, message, content)
        await log.append(
            tx, conversation.id, conversation.last_seq + 1, EventKind.MESSAGE_EDIT, caller.user, message=edited
        )
    return edited


async def delete(platform: Platform, caller: Caller, message_id: MessageId) -> Message:
    """Leave a tombstone in a message's place; deleting it again changes nothing.

    Raises:
        NotFound: no such message for this caller.
        Forbidden: neither the author, nor owner or admin of the conversation, nor of scope `admin`; or the
            conversation is a channel the caller has not joined.
    """
    async with platform.store.transaction() as tx:
        message, conversation, member = await _enter(tx, caller, message_id)
        moderates = caller.admin or member is not None and member.role is not Role.MEMBER
        if message.sender_id != caller.user and not moderates:
            raise Forbidden("Only its author or an admin may delete a message.")
        if message.is_deleted:
            return message
        erased = await messages.erase(tx, message)
        await log.append(
            tx, conversation.id, conversation.last_seq + 1, EventKind.MESSAGE_DELETE, caller.user, message=erased
        )
    return erased


async def _enter(tx: Transaction, caller: Caller, message_id: MessageId) -> tuple[Message, Conversation, Member | None]:
    """Lock the conversation of a message the caller may see, and read the message under the lock."""
    named = await messages.find(tx, message_id)
    if named is None:
        raise NotFound
    conversation = await conversations.lock(tx, named.conversation_id)
    member = await members.find(tx, conversation.id, caller.user)
    present = member if member is not None and member.is_present else None
    if not caller.admin:
        if present is None and conversation.type is ConversationType.CHANNEL:
            raise Forbidden("Join first.")
        if present is None or not may_see(present, conversation.type, named.seq):
            raise NotFound
    message = await messages.find(tx, message_id)
    if message is None:
        raise NotFound
    return message, conversation, present
