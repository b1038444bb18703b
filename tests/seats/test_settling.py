"""First the seat, then the question: whom a node waits for."""

import asyncio

from causerie.seats.settling import GATHERING_SECONDS, WORKER_SILENCE_SECONDS, Settling


async def test_without_a_worker_nobody_knows_the_seats() -> None:
    settling = Settling()
    assert not await settling.settled(7, timeout_seconds=0.0)

    settling.echoed("one", 7, now=0.0)

    assert await settling.settled(7, timeout_seconds=0.0)


async def test_after_a_silence_of_all_those_known_before_are_waited_for() -> None:
    settling = a_node_that_lost_sight_of("one", "two")

    settling.echoed("one", 2, now=20.0)
    assert not settling.is_settled(2)
    settling.echoed("two", 2, now=21.0)

    assert settling.is_settled(2)


async def test_after_a_silence_of_all_one_that_never_comes_back_is_waited_for_as_long_as_a_silent_one() -> None:
    settling = a_node_that_lost_sight_of("one", "two")
    waiting = asyncio.create_task(settling.settled(2, timeout_seconds=5.0))
    await asyncio.sleep(0)

    for second in range(int(GATHERING_SECONDS) + 1):
        settling.echoed("one", 2, now=20.0 + second)
        settling.expire(now=20.0 + second)
        assert not settling.is_settled(2)
    settling.echoed("one", 2, now=20.0 + GATHERING_SECONDS)
    settling.expire(now=20.0 + GATHERING_SECONDS)

    assert await waiting


def a_node_that_lost_sight_of(*workers: str) -> Settling:
    """It was told of each a moment apart, so they do not fall silent in the same moment either."""
    settling = Settling()
    for place, worker in enumerate(workers):
        settling.echoed(worker, 1, now=float(place))
    for second in range(10):
        settling.expire(now=float(second))
    return settling


async def test_every_living_worker_must_have_echoed() -> None:
    settling = Settling()
    settling.heard("one", now=0.0)
    settling.heard("two", now=0.0)
    waiting = asyncio.create_task(settling.settled(2, timeout_seconds=5.0))
    await asyncio.sleep(0)

    settling.echoed("one", 2, now=0.1)
    settling.echoed("two", 1, now=0.1)
    await asyncio.sleep(0)
    assert not waiting.done()
    settling.echoed("two", 2, now=0.2)

    assert await waiting


async def test_a_worker_that_fell_silent_or_left_is_not_waited_for() -> None:
    settling = Settling()
    for worker in ("silent", "leaving", "alive"):
        settling.heard(worker, now=0.0)
    waiting = asyncio.create_task(settling.settled(1, timeout_seconds=5.0))
    await asyncio.sleep(0)

    settling.left("leaving")
    settling.echoed("alive", 1, now=WORKER_SILENCE_SECONDS)
    settling.expire(now=WORKER_SILENCE_SECONDS + 0.1)

    assert await waiting


async def test_waiting_ends_in_time_and_is_forgotten() -> None:
    settling = Settling()
    settling.heard("frozen", now=0.0)

    assert not await settling.settled(1, timeout_seconds=0.01)
    assert not await settling.settled(2, timeout_seconds=0.01)
    settling.echoed("frozen", 2, now=1.0)

    assert await settling.settled(2, timeout_seconds=0.0)


async def test_a_worker_that_fell_silent_while_we_were_deaf_is_waited_for() -> None:
    settling = Settling()
    settling.echoed("one", 1, now=0.0)
    settling.echoed("two", 1, now=0.0)
    settling.heard("two", now=3.0)
    settling.expire(now=WORKER_SILENCE_SECONDS + 0.1)

    settling.doubt(now=WORKER_SILENCE_SECONDS + 0.2)
    settling.echoed("two", 2, now=WORKER_SILENCE_SECONDS + 0.3)
    assert not settling.is_settled(2)
    settling.echoed("one", 2, now=WORKER_SILENCE_SECONDS + 0.4)

    assert settling.is_settled(2)


async def test_a_worker_that_stays_silent_after_we_were_deaf_is_waited_for_no_longer_than_any_other() -> None:
    settling = Settling()
    settling.echoed("one", 1, now=0.0)
    settling.echoed("two", 1, now=0.0)

    settling.doubt(now=10.0)
    for second in range(4):
        settling.echoed("two", 2, now=10.0 + second)
    settling.expire(now=10.0 + WORKER_SILENCE_SECONDS)
    assert not settling.is_settled(2)
    settling.expire(now=10.0 + WORKER_SILENCE_SECONDS + 0.1)

    assert settling.is_settled(2)
