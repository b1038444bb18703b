import asyncio
import gc
import weakref

import pytest

from services.gateway import tidy
from services.gateway.tidy import MIN_LEFT, Exodus
from tests.support.waiting import eventually


def test_memory_is_given_back_once_when_most_have_left():
    exodus = Exodus()

    noticed = [exodus.notice(present) for present in (0, 5_000, 17_000, 12_000, 8_000, 3_000, 3_000)]

    assert noticed == [False, False, False, False, True, True, False]


def test_those_who_come_and_go_a_few_at_a_time_cost_no_pause():
    exodus = Exodus()

    noticed = [exodus.notice(present) for present in (MIN_LEFT - 1, 0, MIN_LEFT - 1, 0)]

    assert not any(noticed)


async def test_what_was_remembered_of_those_who_left_is_forgotten(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tidy, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(tidy, "SETTLE_SECONDS", 0.05)
    present = MIN_LEFT
    looks: list[int] = []
    forgotten: list[int] = []

    def look() -> int:
        looks.append(present)
        return present

    keeping = asyncio.create_task(tidy.keep_tidy(look, lambda: forgotten.append(present)))
    try:
        await eventually(lambda: looks)
        present = 0
        await eventually(lambda: forgotten)
        assert forgotten == [0]
    finally:
        keeping.cancel()
        gc.unfreeze()


async def test_what_stays_is_passed_over_and_what_a_failure_left_is_found_in_the_end(monkeypatch: pytest.MonkeyPatch):
    class Left:
        """Something in a cycle with itself."""

        def __init__(self) -> None:
            self.itself = self

    monkeypatch.setattr(tidy, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(tidy, "WHOLE_SECONDS", 0.3)
    keeping = asyncio.create_task(tidy.keep_tidy(lambda: 0, lambda: None))
    try:
        left = Left()
        is_gone = weakref.ref(left)
        await eventually(lambda: all(one is not is_gone() for one in gc.get_objects()))
        del left
        await eventually(lambda: is_gone() is None)
    finally:
        keeping.cancel()
        gc.unfreeze()
