"""What is not his does not exist to a stranger: whatever he asks of a group, he is answered as if there were none."""

from collections.abc import Awaitable
from uuid import uuid4

from causerie.actions import conversations, members, messages, reading, typing
from causerie.actions.history import read_history
from causerie.actions.platform import Platform
from causerie.domain.caller import Caller
from causerie.domain.errors import CauserieError
from causerie.domain.ids import ConversationId, MessageId
from causerie.domain.message import Draft
from causerie.store import conversations as stored
from causerie.store import horizons
from causerie.store import members as stored_members
from causerie.store.sync import conversation_events
from tests.actions.conftest import ANN, BEN, CAT, a_conversation, said


def asked(platform: Platform, me: Caller, group: ConversationId, message: MessageId) -> dict[str, Awaitable[object]]:
    """Everything one can ask of a conversation and of a message in it."""
    return {
        "send": messages.post(platform, Draft(group, me.user, "hello")),
        "edit": messages.edit(platform, me, message, "mine"),
        "delete": messages.delete(platform, me, message),
        "rename": conversations.change(platform, me, group, {"name": "mine"}),
        "add": members.add(platform, me, group, me.user),
        "join": members.join(platform, me, group),
        "leave": members.leave(platform, me, group),
        "remove": members.remove(platform, me, group, BEN.user),
        "change": members.change(platform, me, group, BEN.user, {"nickname": "Benny"}),
        "read": reading.mark_read(platform, me, group, seq=1),
        "read a message": reading.mark_read(platform, me, group, message_id=message),
        "read by a message": reading.mark_message_read(platform, me, message),
        "unread": reading.mark_unread(platform, me, group),
        "look": stored.view(platform.store, me.user, group),
        "history": read_history(platform, me.user, group),
        "log": conversation_events(platform.store, me.user, group, after_seq=0),
        "type": typing.set_typing(platform, me, group, "start"),
        "see who types": typing.who_types(platform, me, group),
        "receipts": horizons.receipts(platform.store, me.user, group, limit=9),
        "members": stored_members.list_members(platform.store, me.user, group, limit=9),
    }


async def answers(asked: dict[str, Awaitable[object]]) -> dict[str, tuple[type[BaseException], str]]:
    """How each was refused."""
    refused: dict[str, tuple[type[BaseException], str]] = {}
    for name, asking in asked.items():
        try:
            await asking
        except CauserieError as refusal:
            refused[name] = (type(refusal), str(refusal))
    return refused


async def test_a_stranger_cannot_tell_a_group_from_one_that_is_not_there(platform: Platform) -> None:
    group = await a_conversation(platform, BEN)
    message = await said(platform, group, ANN)

    of_others = asked(platform, CAT, group, message.id)
    absent = asked(platform, CAT, ConversationId(uuid4()), MessageId(uuid4()))
    names = set(of_others)
    told = await answers(of_others)

    assert told.keys() == names
    assert told == await answers(absent)
