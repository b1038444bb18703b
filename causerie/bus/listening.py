"""Whether a subscription still hears, judged by pings to oneself on its own subject.

A subscription may be lost on the server's side while the connection answers.  Silence alone proves nothing; silence
after a ping does.
"""

from enum import Enum, auto

SILENCE_SECONDS = 3.0
ANSWER_SECONDS = 2.0


class Verdict(Enum):
    FINE = auto()
    PING = auto()
    """Send oneself a ping on the subject."""
    LISTEN_AGAIN = auto()
    """Deaf: subscribe once more; something may have been missed."""
    RECONNECT = auto()
    """Deaf even after that: the connection itself is the trouble."""


class Ear:
    """What one subscription has heard lately."""

    def __init__(self, *, now: float) -> None:
        self._heard_at = now
        self._pinged_at: float | None = None
        self._listened_again = False

    def listening(self, *, now: float) -> None:
        """A subscription was just made: its silence counts from here."""
        self._heard_at = now
        self._pinged_at = None

    def heard(self, *, now: float) -> None:
        self._heard_at = now
        self._pinged_at = None
        self._listened_again = False

    def verdict(self, *, now: float) -> Verdict:
        """What to do now. The verdicts that ask for an act assume that it is done."""
        if self._pinged_at is None:
            if now - self._heard_at < SILENCE_SECONDS:
                return Verdict.FINE
            self._pinged_at = now
            return Verdict.PING
        if now - self._pinged_at < ANSWER_SECONDS:
            return Verdict.FINE
        self.listening(now=now)
        if self._listened_again:
            self._listened_again = False
            return Verdict.RECONNECT
        self._listened_again = True
        return Verdict.LISTEN_AGAIN
