"""What members see of each other through a real gateway and a real worker."""

import json
from uuid import uuid4

from causerie.actions.platform import Platform
from causerie.domain.ids import UserId
from causerie.store import users
from causerie.tokens import issue
from tests.conftest import JWT_SECRET
from tests.gateway.client import token_of
from tests.gateway.conftest import Connect, Talks
from tests.support.services import Service, Services
from tests.support.waiting import eventually


async def test_a_message_reaches_every_member_on_every_device(connected: Connect, talks: Talks, ann: str, bob: str):
    talk = await talks.open(ann, bob, type="direct")
    clients = [await connected(ann), await connected(ann), await connected(bob)]

    sent = await clients[0].do("send", conversation_id=talk, content="hello", client_id="k1")

    for client in clients:
        event = await client.event("message.new")
        assert (event["conversation_id"], event["seq"]) == (talk, sent["seq"])
        assert (event["data"]["id"], event["data"]["content"], event["data"]["sender_id"]) == (sent["id"], "hello", ann)
        assert event["epoch"]
        assert event["ts"].endswith("Z")


async def test_members_on_two_gateways_see_the_same_order(
    connected: Connect, own: Services, talks: Talks, ann: str, bob: str
):
    other = await own.start("gateway")
    talk = await talks.open(ann, bob)
    here, there = await connected(ann), await connected(bob, other)

    for number in range(20):
        await here.begin("send", conversation_id=talk, content=f"a{number}")
        await there.begin("send", conversation_id=talk, content=f"b{number}")
    seen = [[await client.event("message.new") for _ in range(40)] for client in (here, there)]

    orders = [[(event["seq"], event["data"]["content"]) for event in events] for events in seen]
    assert orders[0] == orders[1]
    assert [seq for seq, _ in orders[0]] == list(range(2, 42))
    for author in "ab":
        assert [text for _, text in orders[0] if text[0] == author] == [f"{author}{number}" for number in range(20)]


async def test_a_repeated_send_gives_the_first_message(connected: Connect, talks: Talks, ann: str, bob: str):
    talk = await talks.open(ann, bob)
    client = await connected(ann)

    first = await client.do("send", conversation_id=talk, content="once", client_id="k1")
    again = await client.do("send", conversation_id=talk, content="once", client_id="k1")

    assert (again["id"], again["seq"], again["replayed"]) == (first["id"], first["seq"], True)
    assert "replayed" not in first
    assert await client.fail("send", conversation_id=talk, content="other", client_id="k1") == "idempotency_conflict"


async def test_edits_and_deletes_are_events_too(connected: Connect, talks: Talks, ann: str, bob: str):
    talk = await talks.open(ann, bob)
    client, other = await connected(ann), await connected(bob)
    message = await client.do("send", conversation_id=talk, content="helo")

    edited = await client.do("edit", message_id=message["id"], content="hello", version=1)
    await client.do("delete", message_id=message["id"])

    assert (edited["version"], edited["is_edited"]) == (2, True)
    assert (await other.event("message.edit"))["data"]["content"] == "hello"
    assert (await other.event("message.delete"))["data"] == {"message_id": message["id"], "deleted_by": ann}
    assert await client.fail("edit", message_id=message["id"], content="x") == "gone"
    assert await other.fail("edit", message_id=message["id"], content="x") == "forbidden"


async def test_ops_take_effect_in_the_order_sent(connected: Connect, talks: Talks, ann: str, bob: str):
    """All are sent before the first reply is read: the edit waits for its message, the history for the edit."""
    talk = await talks.open(ann, bob)
    client = await connected(ann)

    sends = [await client.begin("send", conversation_id=talk, content=str(number)) for number in range(30)]
    history = await client.begin("history", conversation_id=talk, limit=100)
    last = await client.begin("send", conversation_id=talk, content="after")

    seqs = [(await client.reply(send))["result"]["seq"] for send in sends]
    assert seqs == list(range(2, 32))
    items = (await client.reply(history))["result"]["items"]
    assert [item["content"] for item in reversed(items)] == [str(number) for number in range(30)]
    assert (await client.reply(last))["result"]["seq"] == 32


async def test_nobody_else_hears_and_absent_and_foreign_conversations_look_alike(
    connected: Connect, talks: Talks, ann: str, bob: str
):
    talk = await talks.open(ann, bob)
    eve = await connected("eve")

    for conversation_id in (talk, str(uuid4()), "conversation.12"):
        assert await eve.fail("send", conversation_id=conversation_id, content="x") == "not_found"
        assert await eve.fail("history", conversation_id=conversation_id) == "not_found"
        assert await eve.fail("subscribe", conversation_id=conversation_id) == "not_found"


async def test_a_new_member_gets_events_from_his_own_joining_on(connected: Connect, talks: Talks, ann: str, bob: str):
    talk = await talks.open(ann)
    author, newcomer = await connected(ann), await connected(bob)
    await author.do("send", conversation_id=talk, content="before")

    await talks.add(talk, ann, bob)
    await author.do("send", conversation_id=talk, content="after")

    joined = await newcomer.event("member.add")
    assert joined["data"]["user_id"] == bob
    assert (await newcomer.event("message.new"))["data"]["content"] == "after"
    assert [frame["event"] for frame in newcomer.frames if "event" in frame] == ["welcome", "member.add", "message.new"]


async def test_reading_tells_others_and_my_own_devices(connected: Connect, talks: Talks, ann: str, bob: str):
    talk = await talks.open(ann, bob)
    author, reader, readers_phone = await connected(ann), await connected(bob), await connected(bob)
    sent = await author.do("send", conversation_id=talk, content="hello")
    await reader.event("message.new")

    mark = await reader.do("read", conversation_id=talk, seq=sent["seq"])

    assert (mark["seq"], mark["unread_count"]) == (sent["seq"], 0)
    assert (await author.event("read.update"))["data"] == {"user_id": bob, "seq": sent["seq"]}
    assert (await readers_phone.event("read.update", user_id=bob))["data"]["unread_count"] == 0


async def test_typing_is_told_to_others_alone(connected: Connect, talks: Talks, ann: str, bob: str):
    talk = await talks.open(ann, bob)
    typist, typists_phone, other = await connected(ann), await connected(ann), await connected(bob)

    await typist.do("typing", conversation_id=talk)
    event = await other.event("typing.start")
    await typist.do("typing", conversation_id=talk, state="stop")
    await other.event("typing.stop")

    assert (event["conversation_id"], event["data"]) == (talk, {"user_id": ann})
    assert "seq" not in event
    await typists_phone.do("ping")
    assert "typing.start" not in [frame.get("event") for frame in typists_phone.frames]


async def test_the_unread_total_is_in_the_welcome(dial: Connect, connected: Connect, talks: Talks, ann: str, bob: str):
    talk = await talks.open(ann, bob)
    author = await connected(ann)
    for number in range(3):
        await author.do("send", conversation_id=talk, content=str(number))

    client = await dial(additional_headers={"Authorization": f"Bearer {token_of(bob)}"})

    welcome = await client.event("welcome")
    assert welcome["data"]["unread_total"] == 3
    assert welcome["data"]["user_id"] == bob
    assert welcome["data"]["heartbeat_seconds"] == 25.0
    assert welcome["data"]["session_id"]


async def test_a_killed_gateway_takes_no_message_along(
    connected: Connect, own: Services, talks: Talks, ann: str, bob: str, gateway: Service
):
    doomed = await own.start("gateway")
    talk = await talks.open(ann, bob)
    author, reader = await connected(ann), await connected(bob, doomed)
    cursor = (await reader.do("sync"))["next_cursor"]

    doomed.kill()
    sent = await author.do("send", conversation_id=talk, content="are you there?")
    back = await connected(bob)
    missed = await back.do("sync", cursor=cursor)

    assert [(event["seq"], event["data"]["content"]) for event in missed["events"]] == [(sent["seq"], "are you there?")]


async def test_a_page_that_fits_into_no_frame_comes_in_shorter_ones(
    connected: Connect, talks: Talks, ann: str, bob: str
):
    talk = await talks.open(ann, bob)
    client = await connected(ann)
    for number in range(24):
        await client.do("send", conversation_id=talk, content=f"{number} " + "\x01" * 10_000)

    page = await client.do("history", conversation_id=talk, limit=100)
    contents = [item["content"].split()[0] for item in page["items"]]
    while page["next_cursor"]:
        page = await client.do("history", conversation_id=talk, cursor=page["next_cursor"], limit=100)
        contents += [item["content"].split()[0] for item in page["items"]]

    assert contents == [str(number) for number in reversed(range(24))]
    assert len(json.dumps(page)) < 1024 * 1024


async def test_the_claims_of_a_token_fill_the_directory(dial: Connect, platform: Platform, ann: str):
    token = issue(JWT_SECRET, UserId(ann), ttl_seconds=60, name="Ann of the Hill")
    client = await dial(additional_headers={"Authorization": f"Bearer {token}"})
    await client.event("welcome")

    async def named() -> bool:
        entry = await users.profile(platform.store, UserId(ann))
        return entry is not None and entry["display_name"] == "Ann of the Hill"

    await eventually(named)
