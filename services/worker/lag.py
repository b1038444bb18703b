"""How long events wait between their commit and their way to the nodes."""

import time

WINDOW_SECONDS = 10.0


class Lag:
    """The longest wait of the last 10 to 20 s: what a scrape every few seconds must not miss."""

    def __init__(self) -> None:
        self._oldest_in_turn: float | None = None
        self._window_began = time.monotonic()
        self._longest = 0.0
        self._longest_before = 0.0

    def dispatched(self, committed_at: float) -> None:
        if self._oldest_in_turn is None or committed_at < self._oldest_in_turn:
            self._oldest_in_turn = committed_at

    def sent(self) -> None:
        """What was dispatched has left."""
        if self._oldest_in_turn is not None:
            self._turn_window()
            self._longest = max(self._longest, time.time() - self._oldest_in_turn)
            self._oldest_in_turn = None

    def read(self) -> float:
        """In seconds."""
        self._turn_window()
        return max(self._longest, self._longest_before)

    def _turn_window(self) -> None:
        elapsed = time.monotonic() - self._window_began
        if elapsed > WINDOW_SECONDS:
            self._longest_before = self._longest if elapsed < 2 * WINDOW_SECONDS else 0.0
            self._longest = 0.0
            self._window_began = time.monotonic()
