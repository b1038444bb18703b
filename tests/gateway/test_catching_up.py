"""Nothing falls between an answer and the events that follow it."""

import asyncio

import asyncpg

from causerie.seats.settling import WORKER_SILENCE_SECONDS
from tests.gateway.client import Client, token_of
from tests.gateway.conftest import Connect, Talks
from tests.support.relay import relay_to
from tests.support.services import Services


async def test_sync_answers_what_was_missed(connected: Connect, talks: Talks, ann: str, bob: str):
    talk = await talks.open(ann, bob)
    author, reader = await connected(ann), await connected(bob)
    cursor = (await reader.do("sync"))["next_cursor"]
    await reader.socket.close()
    for number in range(5):
        await author.do("send", conversation_id=talk, content=str(number))

    answer = await (await connected(bob)).do("sync", cursor=cursor)

    assert [event["data"]["content"] for event in answer["events"]] == list("01234")
    assert (answer["recovered"], answer["has_more"], answer["resets"]) == (True, False, [])


async def test_who_is_cut_off_between_two_pages_gets_what_came_before_he_was_back_though_a_writer_stands_still(
    connected: Connect, dial: Connect, talks: Talks, environment: dict[str, str], ann: str, bob: str
):
    """A frozen gateway keeps a transaction open, and with it the position of the log; everybody else goes on."""
    first, second = sorted([await talks.open(ann, bob), await talks.open(ann, bob)])
    author, reader = await connected(ann), await connected(bob)
    cursor = (await reader.do("sync"))["next_cursor"]
    await reader.socket.close()
    for talk in (first, second, second):
        await author.do("send", conversation_id=talk, content="before")
    welcome = {"additional_headers": {"Authorization": f"Bearer {token_of(bob)}"}}
    frozen = await asyncpg.connect(environment["DATABASE_URL"])
    try:
        await frozen.execute("BEGIN; SELECT pg_current_xact_id()")
        reader = await dial(**welcome)
        page = await reader.do("sync", cursor=cursor, limit=2)
        assert page["has_more"]
        await reader.socket.close()
        await author.do("send", conversation_id=first, content="meanwhile")

        reader = await dial(**welcome)
        told = []
        for _ in range(3):
            page = await reader.do("sync", cursor=page["next_cursor"], limit=2)
            told += [event["data"]["content"] for event in page["events"]]
            if not page["has_more"]:
                break
    finally:
        await frozen.close()

    assert "meanwhile" in told
    assert not page["has_more"]


async def test_a_position_is_caught_up_from(connected: Connect, talks: Talks, ann: str, bob: str):
    talk, other = await talks.open(ann, bob), await talks.open(ann, bob)
    client = await connected(ann)
    for number in range(3):
        await client.do("send", conversation_id=talk, content=str(number))
    epoch = (await client.event("message.new"))["epoch"]
    asked = [
        {"conversation_id": talk, "epoch": epoch, "seq": 2},
        {"conversation_id": other, "epoch": "another", "seq": 1},
    ]

    answer = await client.do("sync", positions=asked)

    assert [event["seq"] for event in answer["events"] if event["conversation_id"] == talk] == [3, 4]
    assert talk not in [reset["conversation_id"] for reset in answer["resets"]]
    [reset] = [reset for reset in answer["resets"] if reset["conversation_id"] == other]
    assert (reset["seq"], reset["epoch"]) == (1, epoch)


async def test_a_cursor_of_somebody_else_is_refused(connected: Connect, ann: str, bob: str):
    cursor = (await (await connected(ann)).do("sync"))["next_cursor"]

    assert await (await connected(bob)).fail("sync", cursor=cursor) == "invalid_cursor"
    assert await (await connected(ann)).fail("sync", cursor="garbage") == "invalid_cursor"


async def test_a_channel_is_heard_from_the_position_subscribe_tells(
    connected: Connect, talks: Talks, ann: str, bob: str
):
    channel = await talks.open(ann, type="channel")
    author, reader = await connected(ann), await connected(bob)
    assert await reader.fail("subscribe", conversation_id=channel) == "forbidden"
    await talks.join(channel, bob)

    position = await reader.do("subscribe", conversation_id=channel)
    sent = await author.do("send", conversation_id=channel, content="to all")

    assert (position["seq"], position["epoch"]) == (2, (await reader.event("message.new"))["epoch"])
    assert sent["seq"] == 3

    await reader.do("unsubscribe", conversation_id=channel)
    await author.do("subscribe", conversation_id=channel)
    await author.do("send", conversation_id=channel, content="again")
    assert (await author.event("message.new"))["data"]["content"] == "again"
    await reader.do("ping")
    assert "again" not in [frame["data"].get("content") for frame in reader.frames if "event" in frame]


async def test_no_event_is_lost_between_subscribe_and_what_follows(
    connected: Connect, talks: Talks, ann: str, bob: str
):
    """Somebody posts all the while; what comes after the position told must be whole."""
    channel = await talks.open(ann, type="channel")
    await talks.join(channel, bob)
    author, reader = await connected(ann), await connected(bob)
    posting = asyncio.create_task(_post(author, channel, 60))
    await asyncio.sleep(0)

    position = await reader.do("subscribe", conversation_id=channel)
    await posting
    last = (await author.do("send", conversation_id=channel, content="last"))["seq"]
    seqs: set[int] = set()
    while last not in seqs:
        seqs.add((await reader.event("message.new"))["seq"])

    assert set(range(position["seq"] + 1, last + 1)) <= seqs


async def test_who_leaves_a_channel_gets_that_as_his_last_event(connected: Connect, talks: Talks, ann: str, bob: str):
    channel = await talks.open(ann, type="channel")
    await talks.join(channel, bob)
    author, reader = await connected(ann), await connected(bob)
    await reader.do("subscribe", conversation_id=channel)

    await talks.leave(channel, bob)
    removed = await reader.event("member.remove")
    await author.do("subscribe", conversation_id=channel)
    await author.do("send", conversation_id=channel, content="behind your back")
    await author.event("message.new")

    assert removed["data"]["user_id"] == bob
    await reader.do("ping")
    assert "message.new" not in [frame.get("event") for frame in reader.frames]


async def test_an_answer_that_could_not_wait_is_checked_again_and_what_is_new_is_pushed(
    connected: Connect, own: Services, talks: Talks, ann: str, bob: str
):
    """A frozen worker echoes nothing: `sync` answers all the same, and the gateway looks again by itself."""
    talk = await talks.open(ann, bob)
    frozen = await own.start("worker")
    alone = await own.start("gateway")
    author = await connected(ann, alone)
    frozen.freeze()
    try:
        reader = await connected(bob, alone)
        sent = await author.do("send", conversation_id=talk, content="meanwhile")
    finally:
        frozen.thaw()

    assert (await reader.event("message.new"))["seq"] == sent["seq"]


async def test_who_came_while_nats_was_away_gets_what_was_sent_meanwhile(
    connected: Connect, own: Services, talks: Talks, environment: dict[str, str], ann: str, bob: str
):
    """No worker is there to be told of his seat, and nobody speaks afterwards: only the gateway can look again."""
    talk = await talks.open(ann, bob)
    async with relay_to(environment["NATS_URL"]) as nats:
        alone = await own.start("gateway", NATS_URL=nats.url)
        author = await connected(ann)
        await connected(ann, alone)
        await nats.cut()

        reader = await connected(bob, alone)
        await _post(author, talk, 20, pause_seconds=WORKER_SILENCE_SECONDS / 10)
        await nats.start()

        assert [(await reader.event("message.new"))["data"]["content"] for _ in range(20)] == [*map(str, range(20))]


async def test_an_event_does_not_come_before_those_its_reader_still_lacks(
    connected: Connect, own: Services, talks: Talks, environment: dict[str, str], ann: str, bob: str
):
    """A worker that has learned of his seat tells him the next event, while the gateway still looks for the earlier."""
    talk, probe = await talks.open(ann, bob), await talks.open(ann, bob)
    async with relay_to(environment["NATS_URL"]) as nats, relay_to(environment["DATABASE_URL"]) as database:
        alone = await own.start("gateway", NATS_URL=nats.url, DATABASE_URL=database.url)
        author = await connected(ann)
        await connected(ann, alone)
        await nats.cut()
        reader = await connected(bob, alone)
        await _post(author, talk, 5)

        database.freeze()
        await nats.start()
        await _until_workers_know(reader, author, probe)
        await author.do("send", conversation_id=talk, content="5")
        await author.do("typing", conversation_id=talk, state="start")
        # It leaves the worker after the event, and is not held.
        while (await reader.event("typing.start"))["conversation_id"] != talk:
            pass
        database.thaw()

        await _reads_in_order(reader, list("012345"))


async def test_who_has_read_only_the_first_page_gets_also_what_is_new_on_that_page(
    connected: Connect, own: Services, talks: Talks, environment: dict[str, str], ann: str, bob: str
):
    first, second = sorted([await talks.open(ann, bob), await talks.open(ann, bob)])
    author = await connected(ann)
    cursor = (await (await connected(bob)).do("sync"))["next_cursor"]
    for talk in (first, second):
        await _post(author, talk, 2)
    async with relay_to(environment["NATS_URL"]) as nats:
        alone = await own.start("gateway", NATS_URL=nats.url)
        await connected(ann, alone)
        await nats.cut()
        reader = await connected(bob, alone)

        page = await reader.do("sync", cursor=cursor, limit=3)
        assert (len(page["events"]), page["has_more"]) == (3, True)
        await author.do("send", conversation_id=first, content="new on the first page")
        await nats.start()

        await reader.event("message.new", content="new on the first page")


async def _until_workers_know(reader: Client, author: Client, probe: str) -> None:
    """Frames that are in no log come to him as soon as they do.

    Who only goes on writing is told of every three seconds; that is longer than a frozen PostgreSQL is waited for.
    """
    heard = asyncio.create_task(reader.event("typing.start"))
    while not heard.done():
        await author.do("typing", conversation_id=probe, state="start")
        await author.do("typing", conversation_id=probe, state="stop")
        await asyncio.wait([heard], timeout=0.05)
    await heard


async def _reads_in_order(reader: Client, contents: list[str]) -> None:
    """Repeats are allowed, jumps are not."""
    await reader.event("message.new", content=contents[-1])
    seen = [frame["data"]["content"] for frame in reader.frames if frame.get("event") == "message.new"]
    assert list(dict.fromkeys(seen)) == contents, seen


async def _post(author, channel: str, count: int, *, pause_seconds: float = 0.0) -> None:
    for number in range(count):
        await author.do("send", conversation_id=channel, content=str(number))
        await asyncio.sleep(pause_seconds)
