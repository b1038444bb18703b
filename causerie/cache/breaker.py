"""When to stop asking a Redis that does not answer.

Pure: time comes in as an argument.  `connection.py` asks leave before each call and reports how it went.
"""

from dataclasses import dataclass, field

FAILURES_TO_OPEN = 3
WINDOW_SECONDS = 1.0


@dataclass(slots=True)
class Breaker:
    """Closed while Redis answers; open after three failures within a second.

    Failures count even between successes: of three nodes one may be frozen, and its share of the calls
    must not wait for ever. Only `close`, after a probe that reached every primary, ends the open state,
    so no caller ever pays for finding out.
    """

    is_open: bool = False
    _failures: list[float] = field(default_factory=list)

    def failed(self, *, now: float) -> bool:
        """Count one failure; True when this one opened the breaker."""
        self._failures = [at for at in self._failures if now - at < WINDOW_SECONDS]
        self._failures.append(now)
        if self.is_open or len(self._failures) < FAILURES_TO_OPEN:
            return False
        self.is_open = True
        return True

    def close(self) -> None:
        self.is_open = False
        self._failures.clear()
