"""Waiting that a machine which stands still does not cut short."""

import pytest

from tests.support.waiting import LEAST_POLLS, eventually

LONG_AGO = -60.0
"""Where a deadline is for who has slept through it."""


async def test_who_slept_through_the_deadline_still_asks_a_decent_number_of_times():
    answers = iter([False] * (LEAST_POLLS - 1) + [True])

    assert await eventually(lambda: next(answers), timeout_seconds=LONG_AGO)


async def test_time_is_up_in_the_end():
    with pytest.raises(AssertionError, match=r"not within 0.01 s: rain; last: 0$"):
        await eventually(lambda: 0, timeout_seconds=0.01, what="rain")


async def test_the_assertion_that_failed_last_is_what_one_reads():
    async def is_more_than_two() -> None:
        assert 1 > 2, "one is not more than two"

    with pytest.raises(AssertionError, match="one is not more than two"):
        await eventually(is_more_than_two, timeout_seconds=LONG_AGO)
