"""How many handshakes a gateway takes a second: tokens and unread totals cost what deliveries need.

When a neighbour dies its clients come all at once.  Whom we cannot take now is told when to come back, at a moment
drawn at random, so that the herd comes back as a stream; another gateway may have room at once.
"""

from random import randint

COME_BACK_SECONDS = (1, 5)


class Pace:
    """A token bucket of handshakes. `now` is a steady clock in seconds; a full bucket holds two seconds' worth."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._most = 2.0 * per_second
        self._level = self._most
        self._at = 0.0

    def take(self, *, now: float) -> bool:
        """Take one handshake; False when there is none left for now."""
        self._level = min(self._most, self._level + (now - self._at) * self._per_second)
        self._at = now
        if self._level < 1.0:
            return False
        self._level -= 1.0
        return True


def come_back_seconds() -> int:
    """What to tell whoever was not taken."""
    return randint(*COME_BACK_SECONDS)
