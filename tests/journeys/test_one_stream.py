"""What everybody sees through different pods: the same events, in the same order, once."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from causerie.client import AuthWay, Client, Refused
from tests.journeys.fleet import Fleet, agree, people, token


def writer(log: list[tuple[int, str]]) -> Callable[[dict[str, Any]], None]:
    """What writes each event into a log as it takes effect."""
    return lambda event: log.append((event["seq"], event["data"].get("content", event["event"])))


async def test_members_on_different_gateways_see_the_same_events_in_the_same_order(fleet: Fleet):
    names = people("ann", "ben", "cai", "dot")
    logs: list[list[tuple[int, str]]] = [[] for _ in names]
    async with contextlib.AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(fleet.client(name, gateway=place % 2, on_event=writer(logs[place])))
            for place, name in enumerate(names)
        ]
        group = (await clients[0].open("group", names[1:]))["id"]
        for client in clients:
            await client.until(lambda model: group in model.conversations)

        await asyncio.gather(*(client.send(group, f"{client.user} {n}") for n in range(25) for client in clients))
        for client in clients:
            await client.until(lambda model: model.conversations[group].last == 101)

    assert [seq for seq, _ in logs[0]] == list(range(1, 102))
    assert all(log == logs[0] for log in logs)
    assert sorted(text for _, text in logs[0][1:]) == sorted(f"{name} {n}" for name in names for n in range(25))


async def test_messages_of_one_author_keep_the_order_he_sent_them_in(fleet: Fleet):
    async with fleet.clients(*people("ann", "ben")) as [ann, ben]:
        chat = (await ann.open("direct", [ben.user]))["id"]
        await ben.until(lambda model: chat in model.conversations)

        await asyncio.gather(*(ann.send(chat, str(n)) for n in range(50)))

        await ben.until(lambda model: len(model.conversations[chat].messages) == 50)
        assert [m["content"] for m in ben.model.conversations[chat].messages.values()] == [str(n) for n in range(50)]


async def test_who_heard_a_long_talk_live_is_not_told_it_again_when_he_comes_back(fleet: Fleet):
    async with fleet.clients(*people("ann", "ben")) as [ann, ben]:
        chat = (await ann.open("direct", [ben.user]))["id"]
        await ben.until(lambda model: chat in model.conversations)
        await asyncio.gather(*(ann.send(chat, str(n)) for n in range(150)))
        await ben.until(lambda model: model.conversations[chat].last == 151)
        cursor, positions = ben.model.cursor, ben.model.positions
        await ben.disconnect()
        await ann.send(chat, "while you were away")

        ben.start()
        page = await ben.call("sync", cursor=cursor, positions=positions)

        assert [event["data"]["content"] for event in page["events"]] == ["while you were away"]
        assert not page["has_more"]


async def test_the_same_key_sixteen_times_at_once_through_every_door_is_one_message(fleet: Fleet):
    [name, friend] = people("ann", "ben")
    async with fleet.clients(*[name] * 4, friend) as [*devices, ben]:
        ann = devices[0]
        chat = (await ann.open("direct", [friend]))["id"]
        for device in devices:
            await device.until(lambda model: chat in model.conversations)

        by_socket = [
            device.connection.request("send", conversation_id=chat, content="once", client_id="key-1")
            for device in devices
            for _ in range(2)
            if device.connection
        ]
        by_rest = [device.rest.post(chat, "once", client_id="key-1") for device in devices for _ in range(2)]
        answers = await asyncio.gather(*by_socket, *by_rest)

        assert len(answers) == 16
        facts = ("id", "conversation_id", "seq", "created_at", "content", "client_id", "version")
        assert len({tuple(answer[fact] for fact in facts) for answer in answers}) == 1
        assert sum(not answer.get("replayed") for answer in answers[:8]) <= 1
        history = await ben.history(chat)
        assert [message["content"] for message in history["items"]] == ["once"]
        await ben.until(lambda model: chat in model.conversations and model.conversations[chat].last == 2)


async def test_a_key_used_for_something_else_is_refused_through_every_door(fleet: Fleet):
    async with fleet.clients(*people("ann", "ben")) as [ann, ben]:
        chat = (await ann.open("direct", [ben.user]))["id"]
        other = (await ann.open("group", [ben.user]))["id"]
        await ann.send(chat, "one", client_id="k")

        for attempt in (
            ann.rest.post(chat, "two", client_id="k"),
            ann.rest.post(other, "one", client_id="k"),
            ann.call("send", conversation_id=chat, content="two", client_id="k"),
        ):
            with pytest.raises(Refused) as refusal:
                await attempt
            assert refusal.value.code == "idempotency_conflict"
        # The key is ann's own: ben may use the same letters.
        assert (await ben.send(chat, "two", client_id="k"))["sender_id"] == ben.user


async def test_every_device_of_a_user_sees_his_own_messages_and_read_marks(fleet: Fleet):
    [name, friend] = people("ann", "ben")
    async with fleet.clients(name, name, name, friend) as [phone, laptop, tablet, ben]:
        chat = (await ben.open("direct", [name]))["id"]
        devices = [phone, laptop, tablet]
        for device in devices:
            await device.until(lambda model: chat in model.conversations)

        sent = await phone.send(chat, "from my phone")
        for device in devices:
            await device.until(lambda model: sent["id"] in model.conversations[chat].messages)
        await ben.send(chat, "one")
        last = await ben.send(chat, "two")
        for device in devices:
            await device.until(lambda model: model.conversations[chat].unread == 2)

        await laptop.read(chat, last["seq"])

        for device in devices:
            await device.until(lambda model: model.unread == 0)
        await ben.until(
            lambda model: chat in model.conversations and model.conversations[chat].reads.get(name) == last["seq"]
        )
        assert (await tablet.rest.unread())["total"] == 0


async def test_typing_reaches_the_others_and_none_of_the_authors_devices(fleet: Fleet):
    [name, friend] = people("ann", "ben")
    frames: list[str] = []
    async with (
        fleet.clients(name, friend) as [ann, ben],
        fleet.client(name, gateway=1, on_frame=lambda frame: frames.append(frame["event"])) as tablet,
    ):
        chat = (await ann.open("direct", [friend]))["id"]
        for client in (ben, tablet):
            await client.until(lambda model: chat in model.conversations)

        await ann.type(chat)
        await ben.until(lambda model: name in model.typing.get(chat, ()))
        assert await ben.rest.who_types(chat) == [name]
        await ann.type(chat, "stop")
        await ben.until(lambda model: name not in model.typing.get(chat, ()))

        # A message is behind both in every queue, so what has not come by now never will.
        await ann.send(chat, "there")
        await tablet.until(lambda model: len(model.conversations[chat].messages) == 1)
        assert not [event for event in frames if event.startswith("typing")]


@pytest.mark.parametrize("way", list(AuthWay))
async def test_a_socket_opens_by_every_way_of_saying_who_one_is(fleet: Fleet, way: AuthWay):
    [name] = people("ann")
    async with fleet.client(name, way=way) as ann:
        assert ann.connection is not None
        assert ann.connection.welcome["user_id"] == name


async def test_a_bad_token_ends_the_client_instead_of_knocking_forever(fleet: Fleet):
    [name] = people("ann")
    gateway, api = fleet.gateways[0].ws_url, fleet.apis[0].url
    ann = Client(name, token(name) + "x", gateways=[gateway], apis=[api])
    ann.start()
    try:
        with pytest.raises(Exception, match="4001"):
            await ann.settled(timeout_seconds=10)
    finally:
        await ann.stop()


async def test_a_channel_is_followed_by_those_who_subscribe(fleet: Fleet):
    async with fleet.clients(*people("ann", "ben", "cai")) as [ann, ben, cai]:
        channel = (await ann.open("channel", name="news"))["id"]
        await ben.rest.join(channel)
        await ann.subscribe(channel)
        await ben.subscribe(channel)

        sent = await ann.send(channel, "read all about it")

        await ben.until(
            lambda model: channel in model.conversations and sent["id"] in model.conversations[channel].messages
        )
        assert channel not in cai.model.conversations
        with pytest.raises(Refused) as refusal:
            await cai.call("subscribe", conversation_id=channel)
        assert refusal.value.code == "forbidden"


async def test_what_happened_while_away_is_there_after_coming_back(fleet: Fleet):
    async with fleet.clients(*people("ann", "ben")) as [ann, ben]:
        chat = (await ann.open("direct", [ben.user]))["id"]
        first = await ben.send(chat, "soon gone")
        await ann.until(lambda model: chat in model.conversations and first["id"] in model.conversations[chat].messages)
        await ann.stop()
        for n in range(30):
            await ben.send(chat, f"while away {n}")
        await ben.edit(first["id"], "edited")
        await ben.delete(first["id"])

        async with fleet.client(ann.user) as fresh:
            await fresh.until(agree([fresh, ben], chat))
            assert fresh.model.unread == 31
            assert fresh.model.conversations[chat].messages[first["id"]]["is_deleted"]


async def test_a_dropped_connection_resumes_where_it_stood(fleet: Fleet):
    log: list[tuple[int, str]] = []
    [name, friend] = people("ann", "ben")
    async with fleet.client(name) as ann, fleet.client(friend, on_event=writer(log)) as ben:
        chat = (await ann.open("direct", [friend]))["id"]
        await ben.until(lambda model: chat in model.conversations)

        assert ben.connection is not None
        ben.connection.abort()
        for n in range(10):
            await ann.send(chat, f"meanwhile {n}")

        await ben.until(lambda model: len(model.conversations[chat].messages) == 10)
        assert log == [(1, "member.add"), *((n + 2, f"meanwhile {n}") for n in range(10))]
        assert ben.connects == 2
