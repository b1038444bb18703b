"""Editing and deleting, reading and being unread, history from both stores."""

import asyncio

import pytest

from causerie.actions import members, messages, reading
from causerie.actions.history import read_history
from causerie.actions.platform import Platform
from causerie.domain.conversation import ConversationType
from causerie.domain.errors import Forbidden, Gone, InvalidCursor, InvalidRequest, NotFound, VersionConflict
from causerie.domain.event import Event
from causerie.domain.message import Draft
from causerie.store import horizons, log
from tests.actions.conftest import ANN, BEN, CAT, ROOT, a_conversation, said


async def test_an_edit_keeps_place_and_id_and_raises_the_version(platform: Platform, announced: list[Event]) -> None:
    group = await a_conversation(platform, BEN)
    first = await said(platform, group, ANN, "helo")

    edited = await messages.edit(platform, ANN, first.id, "hello", version=1)

    assert (edited.id, edited.seq, edited.content, edited.version) == (first.id, 2, "hello", 2)
    assert (announced[-1].kind, announced[-1].seq) == ("message.edit", 3)
    with pytest.raises(VersionConflict):
        await messages.edit(platform, ANN, first.id, "hullo", version=1)
    with pytest.raises(Forbidden):
        await messages.edit(platform, BEN, first.id, "mine")
    with pytest.raises(NotFound):
        await messages.edit(platform, CAT, first.id, "mine")


async def test_a_deleted_text_comes_back_nowhere(platform: Platform) -> None:
    group = await a_conversation(platform, BEN)
    secret = await said(platform, group, ANN, "a secret")
    await read_history(platform, BEN.user, group)

    await messages.delete(platform, ANN, secret.id)
    await messages.delete(platform, ANN, secret.id)

    page = await read_history(platform, BEN.user, group)
    events = await log.events_between(platform.store, group, 0)
    assert [one["is_deleted"] for one in page.messages] == [True]
    assert [event.kind for event in events] == ["member.add", "message.new", "message.delete"]
    assert "a secret" not in repr((page, events))
    with pytest.raises(Gone):
        await messages.edit(platform, ANN, secret.id, "back")


async def test_only_author_moderator_and_admin_delete(platform: Platform) -> None:
    group = await a_conversation(platform, BEN, CAT)
    of_ben = [await said(platform, group, BEN) for _ in range(3)]

    with pytest.raises(Forbidden):
        await messages.delete(platform, CAT, of_ben[0].id)
    await messages.delete(platform, ANN, of_ben[0].id)
    await messages.delete(platform, ROOT, of_ben[1].id)
    await messages.delete(platform, BEN, of_ben[2].id)


async def test_unread_counts_messages_and_not_edits(platform: Platform) -> None:
    group = await a_conversation(platform, BEN)
    first = await said(platform, group, ANN)
    await said(platform, group, ANN)
    await messages.edit(platform, ANN, first.id, "hi")

    assert await horizons.unread_totals(platform.store, [BEN.user]) == {BEN.user: 2}
    marked = await reading.mark_read(platform, BEN, group, message_id=first.id)
    assert (marked["seq"], marked["unread_count"]) == (2, 1)
    assert (await reading.mark_read(platform, BEN, group, seq=1))["seq"] == 2
    assert (await reading.mark_read(platform, BEN, group, seq=10**9))["seq"] == 4
    assert await horizons.unread(platform.store, BEN.user) == {"total": 0, "conversations": []}


async def test_a_tombstone_counts_until_it_is_read(platform: Platform) -> None:
    group = await a_conversation(platform, BEN)
    gone = await said(platform, group, ANN)
    await messages.delete(platform, ANN, gone.id)

    assert await horizons.unread_totals(platform.store, [BEN.user]) == {BEN.user: 1}


async def test_marking_unread_is_a_flag_that_reading_takes_away(platform: Platform) -> None:
    group = await a_conversation(platform, BEN)
    await said(platform, group, BEN)

    await reading.mark_unread(platform, BEN, group)
    flagged = await horizons.unread(platform.store, BEN.user)
    await reading.mark_read(platform, BEN, group, seq=1)

    assert flagged == {"total": 0, "conversations": [{"conversation_id": str(group), "unread_count": 0}]}
    assert (await horizons.unread(platform.store, BEN.user))["conversations"] == []


async def test_history_is_a_hit_when_nothing_has_happened_since(platform: Platform) -> None:
    group = await a_conversation(platform, BEN)
    for n in range(5):
        await said(platform, group, ANN, str(n))

    pages = [await read_history(platform, BEN.user, group) for _ in range(2)]
    await said(platform, group, ANN, "5")
    behind = await read_history(platform, BEN.user, group)
    again = await read_history(platform, BEN.user, group)

    assert [page.cache_hit for page in (*pages, behind, again)] == [False, True, False, True]
    assert pages[0].messages == pages[1].messages
    assert behind.messages == again.messages
    assert [one["content"] for one in again.messages] == ["5", "4", "3", "2", "1", "0"]


async def test_history_is_read_whole_in_either_direction(platform: Platform) -> None:
    group = await a_conversation(platform, BEN)
    for n in range(130):
        await said(platform, group, ANN, str(n))
    texts = [str(n) for n in range(130)]

    async def walk(**anchor: int) -> list[object]:
        page = await read_history(platform, BEN.user, group, limit=40, **anchor)
        seen = [one["content"] for one in page.messages]
        while page.next_cursor:
            page = await read_history(platform, BEN.user, group, limit=40, cursor=page.next_cursor)
            seen += [one["content"] for one in page.messages]
        return seen

    assert await walk() == texts[::-1]
    assert await walk(after_seq=0) == texts
    assert await walk(before_seq=12) == texts[:10][::-1]
    around = await read_history(platform, BEN.user, group, around_seq=60, limit=10)
    assert [one["seq"] for one in around.messages] == list(range(65, 55, -1))


async def test_a_history_cursor_is_its_readers_alone(platform: Platform) -> None:
    group = await a_conversation(platform, BEN)
    for n in range(3):
        await said(platform, group, ANN, str(n))
    page = await read_history(platform, ANN.user, group, limit=1)

    for cursor in (page.next_cursor, "garbage", "", "ÿ"):
        with pytest.raises(InvalidCursor):
            await read_history(platform, BEN.user, group, cursor=cursor)


async def test_who_joins_a_group_sees_nothing_from_before(platform: Platform) -> None:
    group = await a_conversation(platform, BEN)
    early = await said(platform, group, ANN, "early")
    await read_history(platform, ANN.user, group)
    await members.add(platform, ANN, group, CAT.user)
    await said(platform, group, ANN, "late")

    for _ in range(2):
        page = await read_history(platform, CAT.user, group)
        assert [one["content"] for one in page.messages] == ["late"]
    with pytest.raises(NotFound):
        await reading.mark_read(platform, CAT, group, message_id=early.id)


async def test_nobody_replies_to_what_he_may_not_see(platform: Platform) -> None:
    group = await a_conversation(platform, BEN)
    early = await said(platform, group, ANN, "early")
    await members.add(platform, ANN, group, CAT.user)

    with pytest.raises(InvalidRequest):
        await messages.post(platform, Draft(group, CAT.user, "to early", reply_to_id=early.id))
    reply = await messages.post(platform, Draft(group, BEN.user, "to early", reply_to_id=early.id))
    assert reply.message.reply_to_id == early.id


async def test_who_joins_a_channel_sees_all_of_it(platform: Platform) -> None:
    channel = await a_conversation(platform, type=ConversationType.CHANNEL)
    await said(platform, channel, ANN, "early")

    page = await read_history(platform, CAT.user, channel)

    assert [one["content"] for one in page.messages] == ["early"]


async def test_edits_and_posts_at_once_leave_no_gap(platform: Platform) -> None:
    group = await a_conversation(platform, BEN)
    first = await said(platform, group, ANN)

    await asyncio.gather(
        *(messages.edit(platform, ANN, first.id, str(n)) for n in range(5)),
        *(said(platform, group, BEN, str(n)) for n in range(30)),
        *(reading.mark_read(platform, BEN, group, seq=n) for n in range(10)),
    )

    events = await log.events_between(platform.store, group, 0)
    assert [event.seq for event in events] == list(range(1, 38))
