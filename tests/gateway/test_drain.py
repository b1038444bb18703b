import pytest

from services.gateway.drain import duration_of, place_by

STEP = 0.05


def closes_by_second(total: int, drain_seconds: float, *, stalls: dict[float, float] | None = None) -> list[int]:
    """How many a drain closes in each second; at some moments its loop stands still for so long."""
    duration = duration_of(total, drain_seconds)
    waiting = sorted((stalls or {}).items())
    seconds = [0] * 100
    now = looked_at = place = 0.0
    while place < total:
        before = int(place)
        place = place_by(now, gap=now - looked_at, place=place, total=total, duration=duration)
        seconds[int(now)] += int(place) - before
        looked_at = now
        now += STEP
        if waiting and waiting[0][0] <= now:
            now += waiting.pop(0)[1]
    return seconds[: int(looked_at) + 1]


def test_closes_are_spread_evenly_over_the_drain():
    closes = closes_by_second(300, 30.0)

    assert sum(closes) == 300
    assert all(9 <= count <= 11 for count in closes[:30])
    assert 30 <= len(closes) <= 31


def test_a_short_drain_of_many_takes_as_long_as_the_others_need():
    closes = closes_by_second(20_000, 0.0)

    assert max(closes) <= 1_100
    assert 20 <= len(closes) <= 21


@pytest.mark.parametrize("total", [1, 2])
def test_few_are_closed_by_the_end_at_the_latest(total):
    assert sum(closes_by_second(total, 30.0)[:31]) == total


@pytest.mark.parametrize("stalls", [{5.0: 3.0}, {0.0: 4.0}, {5.0: 1.0, 7.0: 1.0, 9.0: 1.0}, {28.0: 6.0}])
def test_what_a_standstill_left_undone_is_made_up_for_without_a_herd(stalls):
    closes = closes_by_second(1_000, 30.0, stalls=stalls)

    assert sum(closes) == 1_000
    assert max(closes) <= 2 * 1_000 / 30
    assert len(closes) <= 30 + 2 * sum(stalls.values())
