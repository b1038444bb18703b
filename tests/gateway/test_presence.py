"""Who is here, seen by those who watch, on whatever gateway."""

from tests.gateway.client import Client
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
    watcher = await connected(ann)
    await watcher.do("watch", user_ids=[bob])
    laptop = await connected(bob)
    await watcher.event("presence.update", status="online")
    phone = await connected(bob)

    await laptop.do("presence", status="away")
    await phone.do("presence", status="away")
    await watcher.event("presence.update", status="away")
    await phone.socket.close()
    await laptop.do("presence", status="online")
    await watcher.event("presence.update", status="online")

    assert _told_of(bob, watcher) == ["online", "away", "online"]


async def test_a_reload_is_no_news(connected: Connect, own: Services, ann: str, bob: str):
    patient = await own.start("gateway", CAUSERIE_OFFLINE_GRACE_SECONDS="10")
    stranger = f"{bob}-2"
    watcher = await connected(ann, patient)
    await watcher.do("watch", user_ids=[bob, stranger])
    client = await connected(bob, patient)
    await watcher.event("presence.update", user_id=bob, status="online")

    await client.socket.close()
    # What has changed by then is told with the stranger's coming, or before it.
    await connected(stranger, patient)
    await watcher.event("presence.update", user_id=stranger, status="online")
    client = await connected(bob, patient)
    await client.do("presence", status="away")
    await watcher.event("presence.update", user_id=bob, status="away")

    assert _told_of(bob, watcher) == ["online", "away"]


async def test_who_is_watched_no_longer_is_no_news(connected: Connect, ann: str, bob: str):
    watcher, client = await connected(ann), await connected(bob)
    await watcher.do("watch", user_ids=[bob, ann])
    await watcher.do("unwatch", user_ids=[bob])
    # Until then he may be told that bob has come.
    told = _told_of(bob, watcher)

    await client.do("presence", status="away")
    await watcher.do("presence", status="away")
    await watcher.event("presence.update", user_id=ann, status="away")
    # Both were told at once; what was told of bob would stand before the answer.
    await watcher.do("ping")

    assert _told_of(bob, watcher) == told


def _told_of(user: str, watcher: Client) -> list[str]:
    """What the watcher was told so far, without the answer to `watch`."""
    updates = [frame["data"] for frame in watcher.frames if frame.get("event") == "presence.update"]
    return [update["status"] for update in updates if update["user_id"] == user]
