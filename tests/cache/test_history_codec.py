from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from causerie.cache.history_codec import SEAL_BYTES, Unreadable, extend, pack, unpack
from causerie.domain.ids import ConversationId
from causerie.domain.message import Message, MessageType
from tests.cache.messages import EPOCH, conversation_of

CONVERSATION = ConversationId(UUID("01938b2e-7c11-7a6f-9d0e-4a5b6c7d8e9f"))

user_ids = some.text("ABCxyz019._:@-", min_size=1, max_size=64)
moments = some.integers(0, 4 * 10**15).map(lambda microseconds: EPOCH + timedelta(microseconds=microseconds))
texts = some.text(max_size=500)
values = some.recursive(
    some.none() | some.booleans() | some.integers(-(2**53), 2**53) | some.floats(allow_nan=False) | texts,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
keys = some.none() | some.uuids().map(str) | some.text("abcdefABCDEF0123456789-", min_size=1, max_size=64)
messages = some.builds(
    Message,
    id=some.uuids(),
    conversation_id=some.just(CONVERSATION),
    seq=some.integers(1, 2**53 - 1),
    number=some.integers(0, 2**53 - 1),
    sender_id=user_ids,
    type=some.sampled_from(MessageType),
    content=texts,
    metadata=some.dictionaries(texts, values, max_size=3),
    reply_to_id=some.none() | some.uuids(),
    client_id=keys,
    version=some.integers(1, 10_000),
    created_at=moments,
    edited_at=some.none() | moments,
    deleted_at=some.none(),
    is_pinned=some.booleans(),
)


def by_seq(kept: list[Message]) -> tuple[Message, ...]:
    latest = {message.seq: message for message in kept}
    return tuple(latest[seq] for seq in sorted(latest))


@settings(max_examples=100, deadline=None)
@given(
    some.lists(messages, max_size=5), some.lists(messages, max_size=5), some.booleans(), some.text("ab-1", max_size=64)
)
def test_what_is_packed_and_extended_is_unpacked(first, later, is_whole, epoch):
    data, mark = pack(epoch, 7, first, is_whole=is_whole)
    entries, after = extend(mark, 9, later)

    value = unpack(data[:-SEAL_BYTES] + entries, CONVERSATION)

    assert value.messages == by_seq(first + later)
    assert (value.epoch, value.is_whole, value.mark) == (epoch, is_whole, after)


def test_seq_moves_without_a_message():
    data, mark = pack("e", 7, [], is_whole=True)
    entries, _ = extend(mark, 300, [])

    assert unpack(data[:-SEAL_BYTES] + entries, CONVERSATION).mark.seq == 300


def test_an_edit_takes_the_place_of_the_message():
    first, second = islice(conversation_of(CONVERSATION), 2)
    edited = replace(first, content="better", version=2, edited_at=datetime(2026, 11, 21, 9, 0, 0, 123456, UTC))
    data, mark = pack("e", 2, [first, second], is_whole=True)

    entries, _ = extend(mark, 3, [edited])

    assert unpack(data[:-SEAL_BYTES] + entries, CONVERSATION).messages == (edited, second)


def test_a_deleted_text_is_not_written():
    (message,) = islice(conversation_of(CONVERSATION), 1)
    gone = replace(message, metadata={"secret": 1}, deleted_at=message.created_at, version=2)
    data, _ = pack("e", 2, [gone], is_whole=True)

    assert unpack(data, CONVERSATION).messages == (replace(gone, content="", metadata={}),)


def test_any_damaged_byte_is_noticed():
    data, _ = pack("e", 4, list(islice(conversation_of(CONVERSATION), 4)), is_whole=True)

    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 0x20
        with pytest.raises(Unreadable):
            unpack(bytes(damaged), CONVERSATION)


@settings(max_examples=200, deadline=None)
@given(some.binary(max_size=200))
def test_bytes_of_somebody_else_are_unreadable(data):
    with pytest.raises(Unreadable):
        unpack(data, CONVERSATION)


def test_a_cut_value_is_unreadable():
    data, _ = pack("e", 4, list(islice(conversation_of(CONVERSATION), 4)), is_whole=True)

    for length in range(len(data)):
        with pytest.raises(Unreadable):
            unpack(data[:length], CONVERSATION)


def test_fifty_messages_of_prose_take_less_than_eight_thousand_bytes():
    for seed in range(20):
        conversation = ConversationId(uuid4())
        kept = list(islice(conversation_of(conversation, seed=seed), 50))

        data, _ = pack("7443190000000000000-1", 50, kept, is_whole=False)

        assert len(data) < 8_000
