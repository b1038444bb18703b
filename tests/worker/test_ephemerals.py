"""Typing and read marks go to members of small conversations, never back to their author."""

from causerie.bus import ephemeral
from causerie.domain.ids import ConversationId, UserId
from tests.support.waiting import eventually
from tests.worker.people import Ears, Town


def frames(ears: Ears, conversation_id: ConversationId) -> list[tuple[bytes, list[str] | None]]:
    return [
        (frame.payload, sorted(frame.recipients) if frame.recipients is not None else None)
        for frame in ears.ephemerals
        if frame.conversation == conversation_id.bytes
    ]


async def test_a_frame_reaches_the_members_but_not_its_author(town: Town) -> None:
    await town.worker()
    ears = await town.node("ann", "ben", "eve")
    group = await town.open("group", "ann", "ben", "cat")

    ephemeral.to_members(town.bus, group, "typing.start", b"typing", except_user=UserId("ann"))

    assert await eventually(lambda: frames(ears, group)) == [(b"typing", ["ben"])]


async def test_a_conversation_of_too_many_hears_none(town: Town) -> None:
    await town.worker()
    ears = await town.node("ann", "ben")
    group = await town.open("group", "ann", "ben", "cat")

    ephemeral.to_members(town.bus, group, "typing.start", b"two may hear", max_members=2)
    ephemeral.to_members(town.bus, group, "typing.start", b"three may hear", max_members=3)

    assert await eventually(lambda: frames(ears, group)) == [(b"three may hear", ["ann", "ben"])]


async def test_a_frame_for_named_users_reaches_all_their_nodes(town: Town) -> None:
    await town.worker()
    left, right = await town.node("ann"), await town.node("ann", "ben")
    group = await town.open("group", "ann", "ben")

    ephemeral.to_users(town.bus, group, "read.update", b"read", [UserId("ann")])

    assert await eventually(lambda: frames(left, group)) == [(b"read", ["ann"])]
    assert await eventually(lambda: frames(right, group)) == [(b"read", ["ann"])]


async def test_a_frame_of_a_channel_names_its_author_so_that_nodes_can_leave_him_out(town: Town) -> None:
    await town.worker()
    ears = await town.node("ann", "ben")
    channel = await town.open("channel", "ann", "ben")
    await ears.node.settled(ears.node.follow(channel), timeout_seconds=5.0)

    ephemeral.to_members(town.bus, channel, "typing.start", b"typing", except_user=UserId("ann"))

    [frame] = await eventually(lambda: ears.ephemerals)
    assert (frame.recipients, frame.except_user) == (None, "ann")
