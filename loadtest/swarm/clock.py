"""What time it is: nanoseconds that all swarms of a test agree on, and that never step."""

from time import monotonic_ns, time_ns


class Clock:
    """This machine's own, until it is set by that of the machine where Locust runs."""

    def __init__(self) -> None:
        self._offset_ns = time_ns() - monotonic_ns()

    def now_ns(self) -> int:
        return monotonic_ns() + self._offset_ns

    def set(self, ahead_ns: int) -> None:
        """Go so much further than until now."""
        self._offset_ns += ahead_ns


CLOCK = Clock()
