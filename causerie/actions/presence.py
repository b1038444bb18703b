"""Be seen without a socket, and see who is there."""

from collections.abc import Callable, Collection

from causerie.actions.platform import Platform
from causerie.bus import ephemeral
from causerie.bus.envelopes import PresenceChange
from causerie.cache import presence
from causerie.cache.connection import CacheAway
from causerie.cache.presence import Presence, Status
from causerie.domain.caller import Caller
from causerie.domain.ids import UserId
from causerie.domain.times import rfc3339


async def heartbeat(platform: Platform, caller: Caller) -> dict[str, object]:
    """Stay online for five minutes without a socket.

    Raises:
        CacheAway: nobody can be told.
    """
    changed = await presence.heartbeat(platform.cache, caller.user)
    ephemeral.presence(platform.bus, [change_of(one) for one in changed])
    return {"user_id": caller.user, "status": Status.ONLINE.value, "last_seen": None}


async def check(
    platform: Platform, users: Collection[UserId], *, on_away: Callable[[], None] = lambda: None
) -> list[dict[str, object]]:
    """The state of each of `users`, in the order asked; everybody is offline while Redis is away.

    `on_away` is then called: who keeps the answer must ask again.
    """
    try:
        known = await presence.statuses(platform.cache, users)
    except CacheAway:
        on_away()
        known = {}
    return [as_json(known.get(user, Presence(user, Status.OFFLINE, None))) for user in users]


def as_json(one: Presence) -> dict[str, object]:
    """The presence of the contract."""
    return {
        "user_id": one.user,
        "status": one.status.value,
        "last_seen": rfc3339(one.last_seen) if one.last_seen else None,
    }


def change_of(one: Presence) -> PresenceChange:
    """A presence as the bus carries it."""
    return PresenceChange(one.user, one.status.value, one.last_seen.timestamp() if one.last_seen else None)
