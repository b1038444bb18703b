"""Who is here, seen by those who watch, on whatever gateway."""

from tests.gateway.conftest import Connect
from tests.support.services import Services


async def test_watching_tells_the_present_state_and_then_each_change(
    connected: Connect, own: Services, ann: str, bob: str
):
    other = await own.start("gateway")
    watcher = await connected(ann)

    [state] = (await watcher.do("watch", user_ids=[bob]))["items"]
    assert state == {"user_id": bob, "status": "offline", "last_seen": None}

    client = await connected(bob, other)
    assert (await watcher.event("presence.update"))["data"] == {"user_id": bob, "status": "online", "last_seen": None}
    await client.do("presence", status="away")
    assert (await watcher.event("presence.update"))["data"]["status"] == "away"
    await client.do("presence", status="online")
    assert (await watcher.event("presence.update"))["data"]["status"] == "online"

    await client.socket.close()
    gone = (await watcher.event("presence.update"))["data"]
    assert gone["status"] == "offline"
    assert gone["last_seen"].endswith("Z")


async def test_a_user_is_away_only_when_all_his_devices_are(connected: Connect, ann: str, bob: str):
    watcher, laptop, phone = await connected(ann), await connected(bob), await connected(bob)
    await watcher.do("watch", user_ids=[bob])

    await laptop.do("presence", status="away")
    await phone.do("presence", status="away")
    await watcher.event("presence.update", status="away")
    await phone.socket.close()
    await laptop.do("presence", status="online")
    await watcher.event("presence.update", status="online")

    assert [frame["data"]["status"] for frame in watcher.frames if frame.get("event") == "presence.update"][-2:] == [
        "away",
        "online",
    ]


async def test_a_reload_is_no_news(connected: Connect, ann: str, bob: str):
    watcher, client = await connected(ann), await connected(bob)
    await watcher.do("watch", user_ids=[bob])

    await client.socket.close()
    await connected(bob)
    stranger = await connected(f"{bob}-2")
    await watcher.do("watch", user_ids=[f"{bob}-2"])
    await stranger.do("presence", status="away")
    await watcher.event("presence.update", user_id=f"{bob}-2", status="away")

    assert not [
        frame
        for frame in watcher.frames
        if frame.get("event") == "presence.update" and frame["data"] == {"user_id": bob, "status": "offline"}
    ]


async def test_who_is_watched_no_longer_is_no_news(connected: Connect, ann: str, bob: str):
    watcher, client = await connected(ann), await connected(bob)
    await watcher.do("watch", user_ids=[bob, ann])
    await watcher.do("unwatch", user_ids=[bob])

    await client.do("presence", status="away")
    await watcher.do("presence", status="away")
    await watcher.event("presence.update", user_id=ann, status="away")

    assert bob not in [frame["data"]["user_id"] for frame in watcher.frames if frame.get("event") == "presence.update"]
