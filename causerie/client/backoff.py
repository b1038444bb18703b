"""When to try again: full jitter, unless the server named a time.

Source: Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

from collections.abc import Callable

SPREAD = 0.1
"""A time the server named is stretched by up to this share, so that equal answers do not come back as a herd."""


STABLE_SECONDS = 10.0
"""A connection that lasted less is no success: a gateway that lets in and falls over would be asked at full speed."""


class Backoff:
    """The delay before the next attempt, growing with each failure in a row.

    `random` gives a number in [0, 1).  The cap is low enough for a client to be back within ten seconds of the end of
    an outage, however long it was; that gateways are not overrun then is their own business (503 and `Retry-After`).
    """

    __slots__ = ("_base", "_cap", "_failures", "_random")

    def __init__(self, random: Callable[[], float], *, base_seconds: float = 0.25, cap_seconds: float = 5.0) -> None:
        self._random = random
        self._base = base_seconds
        self._cap = cap_seconds
        self._failures = 0

    def failed(self, retry_after_seconds: float | None = None) -> float:
        """Count a failure and return the seconds to wait."""
        ceiling = min(self._cap, self._base * 2.0 ** min(self._failures, 30))
        self._failures += 1
        if retry_after_seconds is not None:
            return retry_after_seconds * (1.0 + SPREAD * self._random())
        return ceiling * self._random()

    def lasted(self, seconds: float) -> None:
        """A connection has ended after so long."""
        if seconds >= STABLE_SECONDS:
            self._failures = 0
