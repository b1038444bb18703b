import asyncio
import time

from causerie import telemetry
from causerie.telemetry.loop_lag import WINDOW_SECONDS, WorstOfLate
from tests.support.waiting import eventually


def test_a_stall_is_shown_for_at_least_one_window():
    lag = WorstOfLate(now=0.0)
    lag.observe(0.4, now=WINDOW_SECONDS - 0.1)
    lag.observe(0.001, now=WINDOW_SECONDS + 0.1)

    assert lag.worst(now=2 * WINDOW_SECONDS - 0.1) == 0.4


def test_a_stall_is_forgotten_after_two_windows():
    lag = WorstOfLate(now=0.0)
    lag.observe(0.4, now=1.0)

    assert lag.worst(now=2 * WINDOW_SECONDS + 0.1) == 0.0


def test_a_long_silence_forgets_everything():
    lag = WorstOfLate(now=0.0)
    lag.observe(0.4, now=1.0)
    lag.observe(0.1, now=100 * WINDOW_SECONDS)

    assert lag.worst(now=100 * WINDOW_SECONDS) == 0.1


async def test_a_blocked_loop_is_seen():
    sampling = asyncio.create_task(telemetry.sample_loop_lag())
    await asyncio.sleep(0)

    time.sleep(0.3)

    await eventually(lambda: telemetry.EVENT_LOOP_LAG_SECONDS.read() >= 0.1, timeout_seconds=2.0)
    sampling.cancel()
    await asyncio.gather(sampling, return_exceptions=True)
