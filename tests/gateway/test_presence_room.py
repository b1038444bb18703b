"""What a gateway tells of its users when Redis has lost them: whoever looked meanwhile saw them offline."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from causerie.actions.platform import Platform
from causerie.bus import subjects
from causerie.bus.envelopes import Envelope, PresenceChanges
from causerie.cache import presence
from causerie.cache.presence import Status
from causerie.domain.ids import NodeId, UserId
from services.gateway.presence import Desk, PresenceRoom
from services.gateway.registry import Registry
from tests.cache.looking import keys
from tests.support.waiting import eventually

ANN, BOB, CAT = (UserId(f"{name}-{uuid4()}") for name in ("ann", "bob", "cat"))
NODE = NodeId("gateway-of-the-room")
BOTH_ARE_HERE = {ANN: "online", BOB: "online"}


@pytest.fixture
async def heard(platform: Platform) -> dict[str, str]:
    """The state of each as the bus told it last."""
    states: dict[str, str] = {}

    def listen(envelope: Envelope, reply: str) -> None:
        assert isinstance(envelope, PresenceChanges)
        states.update((change.user, change.status) for change in envelope.changes)

    await platform.bus.subscribe(subjects.PRESENCE, listen)
    return states


@pytest.fixture
async def room(platform: Platform) -> AsyncIterator[PresenceRoom]:
    """Ann and Bob are seated and known, Cat has left unknown to Redis, and then the lease of the gateway has ended."""
    desk, seated = Desk(grace_seconds=1.0), {ANN: Status.ONLINE, BOB: Status.ONLINE}
    for user, status in seated.items():
        desk.arrive(user, status)
    desk.take_changes(now=0.0)
    lost = await presence.renew(platform.cache, NODE, seated)
    await presence.restore(platform.cache, NODE, lost)
    await presence.record(platform.cache, NODE, {CAT: Status.ONLINE})
    await presence.retire(platform.cache, NODE, grace_seconds=0)
    room = PresenceRoom(platform, desk, NODE, Registry(max_sessions_per_user=5, came=id))
    yield room
    await room.stop()


async def test_who_was_looked_for_after_the_lease_had_ended_is_told_of_again(
    room: PresenceRoom, platform: Platform, heard: dict[str, str]
):
    seen = await presence.statuses(platform.cache, [ANN, BOB])
    assert {one.status for one in seen.values()} == {Status.OFFLINE}

    await room.start()

    await eventually(lambda: heard.items() >= (BOTH_ARE_HERE | {CAT: "offline"}).items())


async def test_who_was_written_by_an_attempt_that_broke_off_is_told_of_by_the_next(
    room: PresenceRoom, platform: Platform, heard: dict[str, str], environment: dict[str, str]
):
    """Bob's entry cannot be written over and is dropped, so the first attempt ends after Ann's was written."""
    [entries] = keys(environment["REDIS_URL"], f"causerie:*:user:{BOB}")
    await platform.cache.command("SET", entries, "no entries")

    await room.start()

    await eventually(lambda: heard.items() >= BOTH_ARE_HERE.items())
