"""Presence changes on their way to the gateways, gathered for a moment because they come in swarms."""

import asyncio

from causerie.bus import ephemeral
from causerie.bus.connection import Bus
from causerie.bus.envelopes import PresenceChange

GATHER_SECONDS = 0.25
MAX_CHANGES = 2_000
"""In one message; a user takes less than 100 bytes."""


class PresencePublisher:
    """Sends at most every 250 ms, and of each user only the last change."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._changed: dict[str, PresenceChange] = {}

    def announce(self, change: PresenceChange) -> None:
        """Tell of one change, without waiting and perhaps in vain."""
        if not self._changed:
            asyncio.get_running_loop().call_later(GATHER_SECONDS, self._send)
        self._changed[change.user] = change

    def _send(self) -> None:
        changes, self._changed = list(self._changed.values()), {}
        for start in range(0, len(changes), MAX_CHANGES):
            ephemeral.presence(self._bus, changes[start : start + MAX_CHANGES])
