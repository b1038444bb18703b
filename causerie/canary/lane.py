"""What became of the messages from one client to another: came through, lost, doubled, and for how long nothing did.

Pure: time comes in as an argument.
"""

from dataclasses import dataclass

from causerie import telemetry

LATE_SECONDS = 1.0
"""A message that has not arrived by then shows that nothing comes through, if no later one has either."""
MAX_REMEMBERED = 10_000


@dataclass(slots=True)
class _Message:
    sent_at: float
    is_acknowledged: bool = False
    has_arrived: bool = False


class Lane:
    """One way of one dialect."""

    def __init__(self, dialect: str, *, lost_after_seconds: float) -> None:
        self._dialect = dialect
        self._lost_after_seconds = lost_after_seconds
        self._messages: dict[str, _Message] = {}
        self._newest_arrived = float("-inf")
        """When the newest of those that arrived was sent: what is older may be lost, but the way is open."""
        self._down_since: float | None = None

    @property
    def under_way(self) -> list[str]:
        """What has not arrived yet."""
        return [name for name, message in self._messages.items() if not message.has_arrived]

    def down_seconds(self, *, now: float) -> float:
        """How long nothing has come through."""
        return 0.0 if self._down_since is None else now - self._down_since

    def sending(self, name: str, *, now: float) -> None:
        """A message is being sent from now on; its name is new."""
        self._messages[name] = _Message(now)

    def acknowledged(self, name: str) -> None:
        message = self._messages.get(name)
        if message is not None and not message.is_acknowledged:
            message.is_acknowledged = True
            telemetry.CANARY_SENT.add(self._dialect)

    def refused(self, name: str) -> None:
        """Nobody has acknowledged it, nor will: it is not missed."""
        message = self._messages.get(name)
        if message is not None and not message.is_acknowledged:
            telemetry.CANARY_REFUSED.add(self._dialect)
            del self._messages[name]

    def arrived(self, name: str, *, now: float) -> None:
        """The other client was shown it."""
        message = self._messages.get(name)
        if message is None:
            return  # Of an earlier life, or given up long ago.
        if message.has_arrived:
            telemetry.CANARY_DUPLICATES.add(self._dialect)
            return
        message.has_arrived = True
        self.acknowledged(name)  # Whoever sees it knows that it was accepted.
        telemetry.CANARY_RECEIVED.add(self._dialect)
        telemetry.CANARY_SECONDS.record_of(self._dialect, now - message.sent_at)
        self._newest_arrived = max(self._newest_arrived, message.sent_at)
        if self._down_since is not None:
            telemetry.CANARY_RECOVERY_SECONDS.record_of(self._dialect, now - self._down_since)
            self._down_since = None

    def look(self, *, now: float) -> None:
        """What is late, and what is lost, by now."""
        for name, message in list(self._messages.items()):
            age = now - message.sent_at
            if message.has_arrived or age <= LATE_SECONDS:
                continue
            if message.sent_at > self._newest_arrived and self._down_since is None:
                self._down_since = message.sent_at
            if age > self._lost_after_seconds and message.is_acknowledged:
                telemetry.CANARY_LOST.add(self._dialect)
                del self._messages[name]
        self._forget(now)

    def _forget(self, now: float) -> None:
        """Those that arrived are remembered for a while, for one of them may come again."""
        for name, message in list(self._messages.items()):
            is_old = now - message.sent_at > 2 * self._lost_after_seconds
            if not is_old and len(self._messages) <= MAX_REMEMBERED:
                return
            del self._messages[name]
