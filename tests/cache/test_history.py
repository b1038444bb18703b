import asyncio
import signal
from dataclasses import replace
from itertools import islice
from uuid import uuid4

import pytest

from causerie.cache import Cache, CacheAway, history
from causerie.cache.history import KEPT_MESSAGES, MAX_ENTRIES, History
from causerie.domain.ids import ConversationId
from causerie.domain.message import Message
from causerie.embedded import Valkey
from tests.cache.messages import conversation_of

EPOCH = "7443190000000000000-1"


@pytest.fixture
def conversation() -> ConversationId:
    return ConversationId(uuid4())


def some_messages(conversation: ConversationId, count: int, **how) -> tuple[Message, ...]:
    return tuple(islice(conversation_of(conversation, **how), count))


def whole(conversation: ConversationId, messages: tuple[Message, ...]) -> History:
    return History(conversation, EPOCH, len(messages), messages, is_whole=True)


async def kept(cache: Cache, conversation: ConversationId) -> History:
    found = await history.read(cache, conversation)
    assert found is not None
    return found


async def test_nothing_is_kept_of_an_unknown_conversation(cache, conversation):
    assert await history.read(cache, conversation) is None


async def test_what_is_built_is_read(cache, conversation):
    built = whole(conversation, some_messages(conversation, 20))

    await history.build(cache, built)

    assert await history.read(cache, conversation) == built


async def test_new_messages_are_appended(cache, conversation):
    messages = some_messages(conversation, 12)
    await history.build(cache, whole(conversation, messages[:10]))

    for seq in (11, 12):
        await history.advance(cache, await kept(cache, conversation), seq, [messages[seq - 1]])

    assert await history.read(cache, conversation) == whole(conversation, messages)


async def test_a_history_goes_on_from_what_advance_returned(cache, conversation):
    messages = some_messages(conversation, 30)
    await history.build(cache, whole(conversation, messages[:1]))
    current = await kept(cache, conversation)

    for seq in range(2, 31):
        current = await history.advance(cache, current, seq, [messages[seq - 1]])

    assert await history.read(cache, conversation) == current == whole(conversation, messages)


async def test_an_edit_changes_its_message_alone(cache, conversation):
    messages = some_messages(conversation, 5)
    await history.build(cache, whole(conversation, messages))
    edited = replace(messages[1], content="better", version=2, edited_at=messages[4].created_at)

    await history.advance(cache, await kept(cache, conversation), 6, [edited])

    found = await kept(cache, conversation)
    assert found.seq == 6
    assert found.messages == (messages[0], edited, *messages[2:])


async def test_a_deleted_text_leaves_redis(cache, conversation):
    messages = some_messages(conversation, 3)
    await history.build(cache, whole(conversation, messages))
    gone = replace(messages[1], deleted_at=messages[2].created_at, version=2)

    await history.advance(cache, await kept(cache, conversation), 4, [gone])

    found = await kept(cache, conversation)
    assert found.messages[1] == replace(gone, content="", metadata={})
    assert found.mark.entries == 3


async def test_an_event_without_a_message_moves_the_end(cache, conversation):
    messages = some_messages(conversation, 3)
    await history.build(cache, whole(conversation, messages))

    await history.advance(cache, await kept(cache, conversation), 8, [])

    found = await kept(cache, conversation)
    assert (found.seq, found.messages) == (8, messages)


async def test_of_two_readers_who_advance_the_same_one_is_kept_and_both_are_right(cache, conversation):
    messages = some_messages(conversation, 11)
    await history.build(cache, whole(conversation, messages[:10]))
    one, other = await kept(cache, conversation), await kept(cache, conversation)

    answers = await asyncio.gather(
        history.advance(cache, one, 11, [messages[10]]), history.advance(cache, other, 11, [messages[10]])
    )

    assert answers == [whole(conversation, messages)] * 2
    assert (await kept(cache, conversation)).mark.entries == 11


async def test_a_reader_who_is_late_writes_nothing(cache, conversation):
    messages = some_messages(conversation, 12)
    await history.build(cache, whole(conversation, messages[:10]))
    late = await kept(cache, conversation)
    await history.advance(cache, late, 12, messages[10:])

    await history.advance(cache, late, 11, [messages[10]])

    assert await history.read(cache, conversation) == whole(conversation, messages)


async def test_a_long_conversation_is_cut_to_a_page_again_and_again(cache, conversation):
    messages = some_messages(conversation, 400, size=20)
    await history.build(cache, whole(conversation, messages[:1]))

    for seq in range(2, 401):
        found = await kept(cache, conversation)
        assert found.mark.entries <= MAX_ENTRIES
        await history.advance(cache, found, seq, [messages[seq - 1]])

    found = await kept(cache, conversation)
    assert not found.is_whole
    assert len(found.messages) >= KEPT_MESSAGES
    assert found.messages == messages[-len(found.messages) :]


async def test_an_edit_of_a_message_that_is_not_kept_makes_no_hole(cache, conversation):
    messages = some_messages(conversation, 200, size=20)
    await history.build(cache, whole(conversation, messages))
    edited = replace(messages[3], content="better", version=2)

    await history.advance(cache, await kept(cache, conversation), 201, [edited])

    found = await kept(cache, conversation)
    assert found.seq == 201
    assert found.messages == messages[-KEPT_MESSAGES:]


async def test_large_messages_are_kept_in_smaller_number(cache, conversation):
    messages = some_messages(conversation, 60, size=16_000)

    await history.build(cache, whole(conversation, messages))

    assert await history.bytes_kept(cache, conversation) < 600_000
    found = await kept(cache, conversation)
    assert found.messages == messages[-len(found.messages) :]


async def test_a_damaged_value_is_a_miss_and_removed(cache, conversation):
    await history.build(cache, whole(conversation, some_messages(conversation, 5)))
    await cache.command("SETRANGE", history.key(conversation), 60, b"damage")

    assert await history.read(cache, conversation) is None
    assert await history.bytes_kept(cache, conversation) == 0


async def test_everything_kept_expires(cache, conversation):
    messages = some_messages(conversation, 3)
    await history.build(cache, whole(conversation, messages[:2]))
    await history.advance(cache, await kept(cache, conversation), 3, [messages[2]])

    assert 0 < await cache.command("TTL", history.key(conversation)) <= history.KEPT_SECONDS


async def test_fifty_messages_of_prose_cost_redis_less_than_eight_kilobytes(cache, conversation):
    messages = some_messages(conversation, 50)
    await history.build(cache, whole(conversation, messages[:1]))
    current = await kept(cache, conversation)

    for seq in range(2, 51):
        current = await history.advance(cache, current, seq, [messages[seq - 1]])

    assert await history.bytes_kept(cache, conversation) <= 8_000


async def test_a_frozen_redis_is_said_to_be_away(fragile_valkey: Valkey, conversation):
    cache = await Cache.connect(fragile_valkey.url)
    fragile_valkey.process.signal(signal.SIGSTOP)

    with pytest.raises(CacheAway):
        await history.read(cache, conversation)

    fragile_valkey.process.signal(signal.SIGCONT)
    await cache.close()


def page_of(kept: History, **which) -> list[int] | None:
    page = kept.page(**which)
    return None if page is None else [message.seq for message in page]


def test_a_page_is_the_newest_first(conversation):
    full = whole(conversation, some_messages(conversation, 10))

    assert page_of(full, limit=3) == [10, 9, 8]
    assert page_of(full, before_seq=4, limit=2) == [3, 2]


def test_a_whole_history_has_every_page(conversation):
    full = whole(conversation, some_messages(conversation, 10))

    assert page_of(full, limit=100) == list(range(10, 0, -1))
    assert page_of(full, before_seq=1, limit=5) == []
    assert page_of(whole(conversation, ()), limit=5) == []


def test_a_page_that_reaches_beyond_what_is_kept_needs_postgresql(conversation):
    part = replace(whole(conversation, some_messages(conversation, 20)[10:]), is_whole=False)

    assert page_of(part, limit=10) == list(range(20, 10, -1))
    assert page_of(part, limit=11) is None
    assert page_of(part, before_seq=15, limit=4) == [14, 13, 12, 11]
    assert page_of(part, before_seq=15, limit=5) is None
    assert page_of(part, before_seq=5, limit=5) is None


def test_a_member_sees_no_page_from_before_his_time(conversation):
    full = whole(conversation, some_messages(conversation, 20))
    part = replace(full, messages=full.messages[10:], is_whole=False)

    assert page_of(full, from_seq=18, limit=50) == [20, 19, 18]
    assert page_of(part, from_seq=18, limit=50) == [20, 19, 18]
    assert page_of(part, from_seq=11, limit=50) == list(range(20, 10, -1))
    assert page_of(part, from_seq=10, limit=50) is None
    assert page_of(full, from_seq=30, limit=50) == []
