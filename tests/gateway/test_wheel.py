import asyncio
from collections.abc import Callable

from services.gateway.wheel import NOWHERE, PATIENCE_SECONDS, RESOLUTION_SECONDS, SLOTS, Wheel
from tests.support.waiting import eventually

FOREVER = float("inf")


class ATimer:
    def __init__(self, *dues: float) -> None:
        self.slot = NOWHERE
        self.ticks: list[float] = []
        self._dues = list(dues)

    def tick(self, now: float) -> float:
        self.ticks.append(now)
        return self._dues.pop(0) if self._dues else FOREVER


def turned(wheel: Wheel, start: float, end: float) -> None:
    now = start
    while now < end:
        now += RESOLUTION_SECONDS
        wheel.turn(now)


def test_a_timer_ticks_within_one_resolution_after_it_is_due_and_never_before():
    for due in (0.1, 0.25, 1.0, 24.9, 60.0):
        wheel, timer = Wheel(now=100.0), ATimer()
        wheel.place(timer, 100.0 + due)

        turned(wheel, 100.0, 170.0)

        assert len(timer.ticks) == 1
        assert 0 <= timer.ticks[0] - (100.0 + due) <= RESOLUTION_SECONDS


def test_a_timer_that_answers_a_moment_ticks_again_then():
    wheel, timer = Wheel(now=0.0), ATimer(20.0, 30.0)
    wheel.place(timer, 10.0)

    turned(wheel, 0.0, 50.0)

    assert [round(tick) for tick in timer.ticks] == [10, 20, 30]


def test_a_timer_moved_ticks_only_at_its_new_moment():
    wheel, timer = Wheel(now=0.0), ATimer()
    wheel.place(timer, 10.0)
    wheel.place(timer, 5.0)
    wheel.place(timer, 20.0)

    turned(wheel, 0.0, 60.0)

    assert [round(tick) for tick in timer.ticks] == [20]


def test_a_removed_timer_never_ticks():
    wheel, timer = Wheel(now=0.0), ATimer()
    wheel.place(timer, 1.0)
    wheel.remove(timer)

    turned(wheel, 0.0, 70.0)

    assert timer.ticks == []


def test_what_is_due_beyond_the_wheel_is_looked_at_early_and_placed_again():
    horizon = SLOTS * RESOLUTION_SECONDS
    wheel, timer = Wheel(now=0.0), ATimer(horizon * 2)
    wheel.place(timer, horizon * 2)

    turned(wheel, 0.0, horizon * 1.5)

    assert len(timer.ticks) == 1


def test_after_a_long_stall_everything_due_ticks_once():
    wheel, timers = Wheel(now=0.0), [ATimer() for _ in range(100)]
    for number, timer in enumerate(timers):
        wheel.place(timer, number * 0.5)

    wheel.turn(10_000.0)

    assert all(timer.ticks == [10_000.0] for timer in timers)


def test_a_timer_may_place_itself_while_it_ticks():
    class Restless(ATimer):
        def tick(self, now: float) -> float:
            wheel.place(self, now + 5.0)
            super().tick(now)
            return now + 5.0 if len(self.ticks) < 3 else FOREVER

    wheel, timer = Wheel(now=0.0), Restless()
    wheel.place(timer, 5.0)

    turned(wheel, 0.0, 40.0)

    assert [int(tick) for tick in timer.ticks] == [5, 10, 15]


async def ticked_at(is_busy: Callable[[], bool]) -> float:
    """How long a timer that is due at once waits."""
    loop = asyncio.get_running_loop()
    wheel, timer, began = Wheel(now=loop.time()), ATimer(), loop.time()
    wheel.place(timer, began)
    running = asyncio.create_task(wheel.run(is_busy))
    await eventually(lambda: bool(timer.ticks))
    running.cancel()
    return timer.ticks[0] - began


async def test_heartbeats_wait_while_there_is_something_more_urgent():
    looks = iter([True, True, False])

    assert await ticked_at(lambda: next(looks)) >= 3 * RESOLUTION_SECONDS


async def test_heartbeats_do_not_wait_for_ever():
    waited = await ticked_at(lambda: True)

    assert waited >= PATIENCE_SECONDS
