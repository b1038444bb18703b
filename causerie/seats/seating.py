"""Who sits on this node, and what the workers have to be told about it.

A user is announced when his first session comes and when his last one leaves; likewise a channel and its followers.
Every announced change has a number, so that a worker notices one it missed and asks for the whole list.
"""

from causerie.bus.envelopes import MAX_MESSAGE_BYTES, RosterPage, SeatChange, SeatChanges

MAX_CHANGES = 2_000
"""In one message: a change takes at most 70 bytes."""
_ROSTER_ENVELOPE_BYTES = 256


class Seating:
    """Counts sessions per user and followers per channel; numbers what changes."""

    def __init__(self, node: str) -> None:
        self.counter = 0
        """The number of the latest change."""
        self._node = node
        self._users: dict[str, int] = {}
        self._channels: dict[bytes, int] = {}
        self._untold: list[SeatChange] = []

    @property
    def told(self) -> int:
        """The number of the latest change that `take_changes` has handed out."""
        return self.counter - len(self._untold)

    def sit(self, user: str) -> None:
        sessions = self._users.get(user, 0)
        self._users[user] = sessions + 1
        if sessions == 0:
            self._change(SeatChange(user, None, True))

    def rise(self, user: str) -> None:
        sessions = self._users.get(user, 0)
        if sessions > 1:
            self._users[user] = sessions - 1
        elif sessions == 1:
            del self._users[user]
            self._change(SeatChange(user, None, False))

    def follow(self, channel: bytes) -> None:
        followers = self._channels.get(channel, 0)
        self._channels[channel] = followers + 1
        if followers == 0:
            self._change(SeatChange(None, channel, True))

    def unfollow(self, channel: bytes) -> None:
        followers = self._channels.get(channel, 0)
        if followers > 1:
            self._channels[channel] = followers - 1
        elif followers == 1:
            del self._channels[channel]
            self._change(SeatChange(None, channel, False))

    def take_changes(self) -> list[SeatChanges]:
        """What has changed since the last call, to be sent to all workers."""
        first, changes = self.told + 1, self._untold
        self._untold = []
        return [
            SeatChanges(self._node, first + start, changes[start : start + MAX_CHANGES])
            for start in range(0, len(changes), MAX_CHANGES)
        ]

    def roster(self, *, max_bytes: int = MAX_MESSAGE_BYTES) -> list[RosterPage]:
        """All seats as they are now, in pages of at most `max_bytes`; at least one page."""
        pages: list[tuple[list[str], list[bytes]]] = [([], [])]
        room = max_bytes - _ROSTER_ENVELOPE_BYTES
        left = room
        keys: list[str | bytes] = [*self._users, *self._channels]
        for key in keys:
            size = len(key) + 2
            if size > left:
                pages.append(([], []))
                left = room
            left -= size
            if isinstance(key, str):
                pages[-1][0].append(key)
            else:
                pages[-1][1].append(key)
        return [
            RosterPage(self._node, self.counter, number, len(pages), users, channels)
            for number, (users, channels) in enumerate(pages)
        ]

    def _change(self, change: SeatChange) -> None:
        self.counter += 1
        self._untold.append(change)
