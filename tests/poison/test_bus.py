"""What nobody can read on the bus, and what can be read and not handled: it takes only itself along."""

import random
import time

import msgspec
import pytest
from websockets.asyncio.client import connect

from causerie.bus import envelopes, subjects
from causerie.bus.envelopes import Batches, Delivery, Hint, Hints, PresenceChange, PresenceChanges, Section
from causerie.client import Client
from causerie.domain.ids import ConversationId, uuid_of
from causerie.domain.shards import SHARDS, shard_of
from tests.gateway.client import Client as RawClient
from tests.gateway.client import token_of
from tests.poison.lab import Lab
from tests.support.waiting import eventually

NOBODYS_SHARD = SHARDS + 1
PLACES = ("shard", "node", "roster", "worker", "seats", "heartbeats", "acks", "presence", "workers")


@pytest.mark.parametrize("place", PLACES)
async def test_garbage_on_a_subject_stops_nobody_and_is_named(lab: Lab, place: str) -> None:
    async with lab.clients("ann", "ben") as (ann, ben):
        group = (await ann.open("group", [ben.user]))["id"]
        subject = await named(lab, place, group)
        before = await times(lab, subjects.family(subject))

        for number, garbage in enumerate(some_garbage(seed=PLACES.index(place))):
            await lab.publish(subject, garbage)
            if number % 10 == 0:
                await ann.send(group, f"text {number}")
        await ann.send(group, "the last")

        last = ann.model.conversations[group].last
        await ben.until(lambda model: group in model.conversations and model.conversations[group].last >= last)
        await eventually(lambda: more_times(lab, subjects.family(subject), before))


async def test_a_hint_that_cannot_be_dispatched_hides_no_event(lab: Lab) -> None:
    async with lab.clients("ann", "ben") as (ann, ben):
        group = (await ann.open("group", [ben.user]))["id"]
        await ann.send(group, "two")
        await ben.until(lambda model: group in model.conversations and model.conversations[group].last == 2)

        poison = [Hint(id_of(group).bytes, seq, "member.add", b'{"data": 7}', time.time()) for seq in (3, 4, 5)]
        await lab.publish(subjects.shard(shard_of(id_of(group))), Hints(poison))
        for text in ("three", "four", "five"):
            await ann.send(group, text)

        await ben.until(lambda model: model.conversations[group].last == 5)
        assert texts(ben, group) == ["two", "three", "four", "five"]
        assert await eventually(lambda: lab.letters("hint"))
        assert await lab.count('causerie_dead_letters_total{kind="hint"}', lab.worker) >= 1


async def test_one_bad_row_among_hints_costs_that_message_and_no_event(lab: Lab) -> None:
    async with lab.clients("ann", "ben") as (ann, ben):
        group = (await ann.open("group", [ben.user]))["id"]
        good = Hint(id_of(group).bytes, 2, "message.new", b"{}", time.time())
        row = msgspec.msgpack.decode(envelopes.encode(Hints([good]))[1:])
        row[1].append([id_of(group).bytes, "not a number", "message.new", b"{}", 0.0])

        await lab.publish(subjects.shard(shard_of(id_of(group))), b"\x01" + msgspec.msgpack.encode(row))
        await ann.send(group, "two")

        await ben.until(lambda model: group in model.conversations and model.conversations[group].last == 2)
        assert texts(ben, group) == ["two"]


async def test_a_delivery_that_cannot_be_handed_out_becomes_a_resync_and_what_follows_arrives(lab: Lab) -> None:
    async with lab.clients("ann") as (ann,):
        channel = (await ann.open("channel", name="of poison"))["id"]
        async with connect(
            lab.gateway.ws_url + "/ws", additional_headers={"Authorization": f"Bearer {token_of(ann.user)}"}
        ) as socket:
            follower = RawClient(socket)
            await follower.do("subscribe", conversation_id=channel)
            poison = Delivery(id_of(channel).bytes, 90, "member.remove", b'{"event": "odd", "data": {}}', time.time())
            after = Delivery(id_of(channel).bytes, 91, "message.new", b'{"event": "after", "data": {}}', time.time())

            section = Section(NOBODYS_SHARD, 1, 1, 0, True, [poison, after])
            await lab.publish(subjects.node(await lab.name_of("gateway")), Batches("nobody", [section]))

            resync = await follower.event("resync")
            await follower.event("after")
        assert resync["conversation_id"] == channel
        assert resync["data"]["seq"] == 90
        letter = (await eventually(lambda: lab.letters("delivery")))[0]
        assert (letter["conversation_id"], letter["seq"], letter["reason"]) == (uuid_of(channel), 90, "KeyError")


async def test_a_presence_nobody_can_read_does_not_hide_the_next_one(lab: Lab) -> None:
    async with lab.clients("ann") as (ann,):
        await ann.watch(["odd", "early", "zoe"])
        changes = [
            PresenceChange("odd", "somewhere"),
            PresenceChange("early", "offline", 1e300),
            PresenceChange("zoe", "online"),
        ]

        await lab.publish(subjects.PRESENCE, PresenceChanges(changes))

        await ann.until(lambda model: model.presence["zoe"]["status"] == "online")
        assert ann.model.presence["odd"]["status"] == "offline"
        assert {letter["subject"] for letter in await eventually(lambda: lab.letters("frame"))} == {"presence"}


def some_garbage(*, seed: int) -> list[bytes]:
    """Bytes of any kind, and envelopes: cut short, of another version or tag, with fields of wrong types."""
    chance = random.Random(seed)
    whole = envelopes.encode(Hints([Hint(bytes(16), 1, "message.new", b"{}", 0.0)]))
    return [
        b"",
        b"\x01",
        b"\xff" + whole[1:],
        whole[:-1],
        b"\x01" + msgspec.msgpack.encode([99, []]),
        b"\x01" + msgspec.msgpack.encode([1, [[1, 2, 3, 4, 5]]]),
        b"\x01" + msgspec.msgpack.encode([8, "node", 7, "x", None, 0, 0]),
        b"\x01" + b"\x91" * 5_000,
        *(chance.randbytes(chance.randrange(1, 400)) for _ in range(15)),
        *(b"\x01" + chance.randbytes(chance.randrange(1, 400)) for _ in range(15)),
    ]


async def named(lab: Lab, place: str, conversation_id: str) -> str:
    match place:
        case "shard":
            return subjects.shard(shard_of(id_of(conversation_id)))
        case "node":
            return subjects.node(await lab.name_of("gateway"))
        case "roster":
            return subjects.roster(await lab.name_of("gateway"))
        case "worker":
            return subjects.worker(await lab.name_of("worker"))
        case _:
            return subjects.PREFIX + place


async def times(lab: Lab, subject: str) -> int:
    return sum(letter["times"] for letter in await lab.letters("envelope") if letter["subject"] == subject)


async def more_times(lab: Lab, subject: str, before: int) -> bool:
    return await times(lab, subject) >= before + len(some_garbage(seed=0))


def id_of(text: str) -> ConversationId:
    found = uuid_of(text)
    assert found is not None
    return ConversationId(found)


def texts(client: Client, group: str) -> list[str]:
    return [message["content"] for message in client.model.conversations[group].messages.values()]
