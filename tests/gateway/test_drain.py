import pytest

from services.gateway.drain import closed_by


def test_closes_are_spread_evenly_over_the_drain():
    closed = [closed_by(second, total=300, drain_seconds=30.0) for second in range(32)]

    assert closed[0] == 0
    assert {later - earlier for earlier, later in zip(closed[:30], closed[1:31], strict=True)} == {10}
    assert closed[30:] == [300, 300]


def test_a_short_drain_of_many_takes_as_long_as_the_others_need():
    assert closed_by(1.0, total=20_000, drain_seconds=0.0, max_per_second=1_000) == 1_000
    assert closed_by(20.0, total=20_000, drain_seconds=0.0, max_per_second=1_000) == 20_000


@pytest.mark.parametrize("total", [0, 1, 2])
def test_few_are_closed_by_the_end_at_the_latest(total):
    assert closed_by(30.0, total=total, drain_seconds=30.0) == total
