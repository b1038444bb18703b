"""One timer wheel for every socket: heartbeats and deadlines without a timer object each.

A timer is placed in the slot of the moment it is due and remembers only that slot's number, a small integer
Python keeps anyway.  Moving a timer is placing it again: the entry left behind no longer matches and is passed over.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

RESOLUTION_SECONDS = 0.25
SLOTS = 256
"""How far ahead the wheel sees (64 s); what is due later is looked at early and placed again."""
PATIENCE_SECONDS = 1.0
"""Heartbeats of so many as hear a broadcast are worth delaying for it, and not for longer."""
NOWHERE = -1


class Timer(Protocol):
    """What can be placed: `slot` belongs to the wheel, `tick` answers when to look again (infinity: never)."""

    slot: int

    def tick(self, now: float) -> float: ...


class Wheel:
    """Calls `tick` of a timer at most one resolution after it is due, or `PATIENCE_SECONDS` while `run` has to wait."""

    def __init__(self, *, now: float) -> None:
        self._slots: list[list[Timer]] = [[] for _ in range(SLOTS)]
        self._spare: list[Timer] = []
        self._turned = int(now / RESOLUTION_SECONDS)

    def place(self, timer: Timer, due: float) -> None:
        if due == float("inf"):
            timer.slot = NOWHERE
            return
        steps = int(due / RESOLUTION_SECONDS) + 1 - self._turned
        slot = (self._turned + min(max(steps, 1), SLOTS - 1)) % SLOTS
        if timer.slot != slot:
            timer.slot = slot
            self._slots[slot].append(timer)

    def remove(self, timer: Timer) -> None:
        timer.slot = NOWHERE

    def turn(self, now: float) -> None:
        """Let everything tick that is due by `now`."""
        target = int(now / RESOLUTION_SECONDS)
        # After a long stall each slot is looked at once; its timers know what time it is.
        self._turned = max(self._turned, target - SLOTS)
        while self._turned < target:
            self._turned += 1
            slot = self._turned % SLOTS
            # No new list: it would come to lie in the midst of what a crowd takes, and stay when they have left.
            due, self._slots[slot] = self._slots[slot], self._spare
            for timer in due:
                if timer.slot == slot:
                    timer.slot = NOWHERE
                    self.place(timer, timer.tick(now))
            due.clear()
            self._spare = due

    async def run(self, is_busy: Callable[[], bool]) -> None:
        """Turn for ever; while there is something more urgent, once in a while only."""
        loop = asyncio.get_running_loop()
        turned_at = loop.time()
        while True:
            await asyncio.sleep(RESOLUTION_SECONDS)
            now = loop.time()
            if now >= turned_at + PATIENCE_SECONDS or not is_busy():
                self.turn(now)
                turned_at = now
