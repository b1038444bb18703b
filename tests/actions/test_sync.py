"""Catching up: nothing skipped from any cursor, and a reset where events cannot tell it."""

import asyncio
import random

import pytest

from causerie.actions import conversations, members, messages, reading
from causerie.actions.platform import Platform
from causerie.domain.conversation import ConversationType, Position
from causerie.domain.errors import InvalidCursor, NotFound
from causerie.domain.event import EventKind
from causerie.domain.ids import ConversationId
from causerie.store import log
from causerie.store import sync as syncing
from causerie.store.sync import begins, conversation_events, sync
from tests.actions.conftest import ANN, BEN, CAT, a_conversation, said


async def everything(platform: Platform, who: object, cursor: str, limit: int = 100) -> tuple[list[dict], str]:
    """All pages from a cursor, and where the next sync goes on."""
    pages = [await sync(platform.store, who.user, cursor, limit=limit)]
    while pages[-1]["has_more"]:
        assert len(pages) < 1_000
        pages.append(await sync(platform.store, who.user, pages[-1]["next_cursor"], limit=limit))
    return pages, str(pages[-1]["next_cursor"])


async def now(platform: Platform, who: object) -> str:
    return str((await sync(platform.store, who.user, None))["next_cursor"])


def seqs(pages: list[dict], group: ConversationId) -> list[int]:
    return [event["seq"] for page in pages for event in page["events"] if event["conversation_id"] == str(group)]


async def test_without_a_cursor_come_the_heads_and_a_cursor(platform: Platform) -> None:
    group = await a_conversation(platform, BEN)
    await said(platform, group, ANN)

    page = await sync(platform.store, BEN.user, None)

    [head] = page["resets"]
    assert head == {"conversation_id": str(group), "epoch": platform.store.epoch, "seq": 2, "reason": "initial"}
    assert (page["events"], page["has_more"], page["recovered"]) == ([], False, True)


async def test_the_last_page_leaves_out_nothing_that_came_between_the_pages(platform: Platform) -> None:
    first, second = sorted([await a_conversation(platform, BEN), await a_conversation(platform, BEN)])
    cursor = await now(platform, BEN)
    for group in (first, second, second):
        await said(platform, group, ANN)

    page = await sync(platform.store, BEN.user, cursor, limit=2)
    assert seqs([page], first) == [2]
    await said(platform, first, ANN)
    pages, _ = await everything(platform, BEN, str(page["next_cursor"]))

    assert seqs(pages, first) == [3]
    assert pages[-1]["has_more"] is False


async def test_who_ends_on_another_connection_what_he_began_lacks_nothing_while_a_writer_stands_still(
    platform: Platform,
) -> None:
    """An open transaction holds the position of the log where it is, however much the others commit."""
    first, second = sorted([await a_conversation(platform, BEN), await a_conversation(platform, BEN)])
    cursor = await now(platform, BEN)
    for group in (first, second, second):
        await said(platform, group, ANN)

    async with platform.store.transaction() as standing_still:
        await standing_still.connection.execute("SELECT pg_current_xact_id()")
        page = await sync(platform.store, BEN.user, cursor, limit=2)
        await said(platform, first, ANN)
        elsewhere = await sync(platform.store, BEN.user, str(page["next_cursor"]), limit=2, elsewhere=True)
        assert elsewhere["has_more"] is True
        anew = str(elsewhere["next_cursor"])
        assert not begins(platform.store, BEN.user, str(page["next_cursor"]))
        assert begins(platform.store, BEN.user, anew)
        last = await sync(platform.store, BEN.user, anew, limit=2)

    assert seqs([elsewhere, last], first) == [3]
    assert last["has_more"] is False


async def test_what_was_heard_since_an_old_cursor_is_not_told_again(platform: Platform) -> None:
    """Who was connected for a day has a cursor of yesterday, and heard all of the day live."""
    group, silent = await a_conversation(platform, BEN), await a_conversation(platform, BEN)
    cursor = await now(platform, BEN)
    for _ in range(6):
        await said(platform, group, ANN)
    await said(platform, silent, ANN)
    epoch = platform.store.epoch

    page = await sync(
        platform.store, BEN.user, cursor, positions=[Position(group, epoch, 6), Position(silent, epoch, 2)]
    )

    assert [(event["conversation_id"], event["seq"]) for event in page["events"]] == [(str(group), 7)]
    assert (page["resets"], page["has_more"]) == ([], False)


async def test_a_position_holds_on_every_page_and_one_behind_the_cursor_is_read_on_from(platform: Platform) -> None:
    first, second = sorted([await a_conversation(platform, BEN), await a_conversation(platform, BEN)])
    for group in (first, first, first, second, second, second):
        await said(platform, group, ANN)
    cursor = await now(platform, BEN)
    await said(platform, second, ANN)
    stands = [Position(first, platform.store.epoch, 1), Position(second, platform.store.epoch, 4)]

    pages = [await sync(platform.store, BEN.user, cursor, limit=2, positions=stands)]
    while pages[-1]["has_more"]:
        pages.append(await sync(platform.store, BEN.user, pages[-1]["next_cursor"], limit=2, positions=stands))

    assert seqs(pages, first) == [2, 3, 4]
    assert seqs(pages, second) == [5]


async def test_a_position_that_is_not_in_the_log_is_a_reset(platform: Platform) -> None:
    groups = sorted([await a_conversation(platform, BEN), await a_conversation(platform, BEN)])
    not_his = await a_conversation(platform, CAT)
    cursor, epoch = await now(platform, BEN), platform.store.epoch
    stands = [Position(groups[0], "another", 1), Position(groups[1], epoch, 9), Position(not_his, "another", 1)]

    for asked in (cursor, None):
        page = await sync(platform.store, BEN.user, asked, positions=stands)

        assert page["events"] == []
        assert page["resets"] == [
            {"conversation_id": str(group), "epoch": epoch, "seq": 1, "reason": "not_recovered"} for group in groups
        ]


async def test_what_was_missed_comes_in_order_whatever_the_page_size(platform: Platform) -> None:
    groups = [await a_conversation(platform, BEN) for _ in range(4)]
    cursor = await now(platform, BEN)
    expected = {group: [] for group in groups}
    for _ in range(60):
        group = random.Random(_).choice(groups)
        expected[group].append((await said(platform, group, ANN)).seq)

    for limit in (1, 7, 100):
        pages, _ = await everything(platform, BEN, cursor, limit)
        assert {group: seqs(pages, group) for group in groups} == expected
        assert all(len(page["events"]) <= limit for page in pages)


async def test_reading_on_while_others_write_skips_nothing(platform: Platform) -> None:
    groups = [await a_conversation(platform, BEN) for _ in range(3)]
    cursor = await now(platform, BEN)
    seen: dict[ConversationId, set[int]] = {group: set() for group in groups}

    async def write() -> None:
        for n in range(60):
            await asyncio.gather(*(said(platform, group, ANN, str(n)) for group in groups))

    writing = asyncio.create_task(write())
    while not writing.done():
        pages, cursor = await everything(platform, BEN, cursor, 5)
        for group in groups:
            seen[group].update(seqs(pages, group))
    pages, cursor = await everything(platform, BEN, cursor)
    for group in groups:
        seen[group].update(seqs(pages, group))

    assert all(seen[group] == set(range(2, 62)) for group in groups)


async def test_a_transaction_that_commits_late_is_not_skipped(platform: Platform) -> None:
    early, late = await a_conversation(platform, BEN), await a_conversation(platform, BEN)
    async with platform.store.transaction() as tx:
        # Its transaction id is older than all that follows, and it commits after them.
        await tx.connection.execute("SELECT pg_current_xact_id()")
        await said(platform, early, ANN)
        pages, cursor = await everything(platform, BEN, await now(platform, BEN))
        await log.append(tx, late, 2, EventKind.CONVERSATION_UPDATE, ANN.user, data={"name": "late"})

    pages, _ = await everything(platform, BEN, cursor)

    assert seqs(pages, late) == [2]


async def test_long_pages_end_by_size(platform: Platform) -> None:
    group = await a_conversation(platform, BEN)
    cursor = await now(platform, BEN)
    for _ in range(40):
        await said(platform, group, ANN, "x" * 16_000)

    pages, _ = await everything(platform, BEN, cursor)

    assert seqs(pages, group) == list(range(2, 42))
    assert len(pages) > 2


async def test_own_read_marks_come_with_the_sync(platform: Platform) -> None:
    group = await a_conversation(platform, BEN)
    await said(platform, group, ANN)
    cursor = await now(platform, BEN)
    await reading.mark_read(platform, BEN, group, seq=2)

    page = await sync(platform.store, BEN.user, cursor)

    assert page["reads"] == [{"conversation_id": str(group), "user_id": "ben", "seq": 2}]
    assert page["events"] == []


async def test_a_removed_member_hears_his_removal_and_nothing_after(platform: Platform) -> None:
    group = await a_conversation(platform, BEN)
    cursor = await now(platform, BEN)
    await said(platform, group, ANN)
    await members.remove(platform, ANN, group, BEN.user)
    await said(platform, group, ANN, "without Ben")

    pages, cursor = await everything(platform, BEN, cursor)
    later, _ = await everything(platform, BEN, cursor)

    assert seqs(pages, group) == [2, 3]
    assert seqs(later, group) == []
    assert "without Ben" not in repr((pages, later))


async def test_an_added_member_hears_from_his_adding_on(platform: Platform) -> None:
    group = await a_conversation(platform, BEN)
    cursor = await now(platform, CAT)
    await said(platform, group, ANN, "before")
    await members.add(platform, ANN, group, CAT.user)
    await said(platform, group, ANN, "after")

    pages, _ = await everything(platform, CAT, cursor)

    assert seqs(pages, group) == [3, 4]
    assert pages[0]["events"][0]["data"]["conversation"]["id"] == str(group)


async def test_channels_not_subscribed_to_are_heads(platform: Platform) -> None:
    channel = await a_conversation(platform, type=ConversationType.CHANNEL)
    await members.join(platform, BEN, channel)
    cursor = await now(platform, BEN)
    await said(platform, channel, ANN)

    head = await sync(platform.store, BEN.user, cursor)
    told = await sync(platform.store, BEN.user, cursor, channels=[channel])

    assert [(reset["seq"], reset["reason"]) for reset in head["resets"]] == [(3, "not_subscribed")]
    assert seqs([told], channel) == [3]


async def test_another_history_of_the_database_is_not_continued(platform: Platform) -> None:
    group = await a_conversation(platform, BEN)
    cursor = await now(platform, BEN)
    platform.store._epoch = "restored"

    page = await sync(platform.store, BEN.user, cursor)

    assert page["recovered"] is False
    assert [reset["conversation_id"] for reset in page["resets"]] == [str(group)]


async def test_a_stretch_that_has_expired_is_a_reset(platform: Platform) -> None:
    group, other = await a_conversation(platform, BEN), await a_conversation(platform, BEN)
    cursor = await now(platform, BEN)
    for _ in range(5):
        await said(platform, group, ANN)
    await said(platform, other, ANN)
    async with platform.store.connection() as connection:
        await connection.execute("DELETE FROM events WHERE conversation_id = $1 AND seq < 5", group)

    pages, _ = await everything(platform, BEN, cursor)
    of_group = await conversation_events(platform.store, BEN.user, group, after_seq=1)

    assert [(reset["conversation_id"], reset["seq"]) for page in pages for reset in page["resets"]] == [(str(group), 6)]
    assert seqs(pages, other) == [2]
    assert (of_group["recovered"], of_group["events"], of_group["last_seq"]) == (False, [], 6)


@pytest.mark.parametrize("garbage", ["", "x", "AAAA", "ÿ", "a" * 500])
async def test_garbage_is_no_cursor(platform: Platform, garbage: str) -> None:
    with pytest.raises(InvalidCursor):
        await sync(platform.store, BEN.user, garbage)


async def test_a_cursor_is_its_readers_alone(platform: Platform) -> None:
    cursor = await now(platform, ANN)

    with pytest.raises(InvalidCursor):
        await sync(platform.store, BEN.user, cursor)
    assert len(cursor) == len(await now(platform, BEN))


async def test_the_log_of_one_conversation_is_read_on_from_a_seq(platform: Platform) -> None:
    group = await a_conversation(platform, BEN)
    first = await said(platform, group, ANN, "one")
    await messages.edit(platform, ANN, first.id, "two")

    page = await conversation_events(platform.store, BEN.user, group, after_seq=1, limit=1)
    rest = await conversation_events(platform.store, BEN.user, group, after_seq=2)
    beyond = await conversation_events(platform.store, BEN.user, group, after_seq=9)

    assert ([event["seq"] for event in page["events"]], page["has_more"]) == ([2], True)
    assert [event["event"] for event in rest["events"]] == ["message.edit"]
    assert (beyond["recovered"], beyond["events"]) == (False, [])
    with pytest.raises(NotFound):
        await conversation_events(platform.store, CAT.user, group, after_seq=0)


async def test_many_conversations_are_told_over_several_pages(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syncing, "MAX_CONVERSATIONS", 3)
    groups = [await a_conversation(platform, BEN) for _ in range(8)]

    heads, cursor = await everything(platform, BEN, str((await sync(platform.store, BEN.user, None))["next_cursor"]))
    for group in groups:
        await said(platform, group, ANN)
    pages, _ = await everything(platform, BEN, cursor)

    assert sum(len(page["resets"]) for page in heads) == 5
    assert all(seqs(pages, group) == [2] for group in groups)


async def test_an_edit_does_not_tell_a_newcomer_what_was_said_before_he_came(platform: Platform) -> None:
    group = await a_conversation(platform, BEN)
    early = await said(platform, group, ANN, "early")
    cursors = {who.user: await now(platform, who) for who in (BEN, CAT)}
    await members.add(platform, ANN, group, CAT.user)
    await messages.edit(platform, ANN, early.id, "early secret")

    told = {who.user: await sync(platform.store, who.user, cursors[who.user]) for who in (BEN, CAT)}
    of_cat = await conversation_events(platform.store, CAT.user, group, after_seq=3)

    assert told["ben"]["events"][-1]["data"]["content"] == "early secret"
    assert [event["seq"] for event in told["cat"]["events"]] == [3, 4]
    assert "secret" not in repr((told["cat"], of_cat))


async def test_what_is_renamed_is_told(platform: Platform) -> None:
    group = await a_conversation(platform, BEN)
    cursor = await now(platform, BEN)
    await conversations.change(platform, ANN, group, {"name": "Lunch"})

    page = await sync(platform.store, BEN.user, cursor)

    assert page["events"][0]["data"] == {"name": "Lunch"}
