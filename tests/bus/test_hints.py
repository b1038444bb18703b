"""Announcing what was committed: once per event, by shard, without waiting."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import orjson
import pytest

from causerie.bus import subjects
from causerie.bus.connection import Bus
from causerie.bus.envelopes import MAX_MESSAGE_BYTES, Envelope, Hint, Hints, encode
from causerie.bus.hints import HintPublisher
from causerie.domain.event import Event, EventKind
from causerie.domain.ids import ConversationId, UserId
from causerie.domain.shards import SHARDS, shard_of
from tests.support.stores import bus_to
from tests.support.waiting import eventually


class Owner:
    """Listens to every shard."""

    def __init__(self) -> None:
        self.messages: list[tuple[int, Hints]] = []

    async def listen(self, bus: Bus) -> None:
        for number in range(SHARDS):

            def on_message(envelope: Envelope, reply: str, number: int = number) -> None:
                assert isinstance(envelope, Hints)
                self.messages.append((number, envelope))

            await bus.subscribe(subjects.shard(number), on_message)
        await bus.settle()

    @property
    def hints(self) -> list[Hint]:
        return [hint for _, message in self.messages for hint in message.events]


@pytest.fixture
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    bus = await bus_to(nats_url, name="announcer")
    yield bus
    await bus.close()


def an_event(conversation_id: ConversationId, seq: int, text: str = "hello") -> Event:
    data: dict[str, object] = {"content": text}
    return Event(conversation_id, seq, EventKind.MESSAGE_NEW, datetime.now(UTC), UserId("ann"), data)


def publisher(bus: Bus) -> HintPublisher:
    hints = HintPublisher(bus)
    hints.epoch_from(lambda: "epoch-1")
    return hints


async def test_events_of_one_turn_leave_as_one_message_per_shard(bus: Bus) -> None:
    owner, hints = Owner(), publisher(bus)
    await owner.listen(bus)
    conversations = [ConversationId(uuid4()) for _ in range(20)]

    for seq in (1, 2):
        hints.announce([an_event(one, seq) for one in conversations])

    await eventually(lambda: len(owner.hints) == 40)
    assert len(owner.messages) == len({shard_of(one) for one in conversations})
    for number, message in owner.messages:
        assert {
            shard_of(one) for one in conversations if one.bytes in {hint.conversation for hint in message.events}
        } == {number}


async def test_a_hint_carries_the_event_as_clients_will_see_it(bus: Bus) -> None:
    owner, hints = Owner(), publisher(bus)
    await owner.listen(bus)
    event = an_event(ConversationId(uuid4()), 7)

    hints.announce([event])

    [hint] = await eventually(lambda: owner.hints)
    seen = orjson.loads(hint.payload)
    assert (hint.seq, hint.kind, hint.committed_at) == (7, "message.new", event.ts.timestamp())
    assert (seen["seq"], seen["epoch"], seen["event"], seen["data"]) == (7, "epoch-1", "message.new", event.data)


async def test_a_great_many_are_cut_into_messages_of_bounded_size(bus: Bus) -> None:
    owner, hints = Owner(), publisher(bus)
    await owner.listen(bus)
    conversation_id = ConversationId(uuid4())

    hints.announce([an_event(conversation_id, seq, "x" * 10_000) for seq in range(1, 101)])

    await eventually(lambda: [hint.seq for hint in owner.hints] == list(range(1, 101)))
    assert max(len(encode(message)) for _, message in owner.messages) <= MAX_MESSAGE_BYTES


async def test_announcing_without_nats_is_forgotten_at_once() -> None:
    away = await Bus.connect(["nats://127.0.0.1:1"], name="alone")
    hints = publisher(away)

    hints.announce([an_event(ConversationId(uuid4()), 1)])

    assert away.dropped == 1
    await asyncio.wait_for(away.close(), 2.0)
