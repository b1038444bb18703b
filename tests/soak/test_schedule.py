"""The schedule of faults comes from its seed alone."""

from collections import Counter

from soak import schedule
from soak.faults import process_faults, store_faults


def test_a_seed_draws_the_same_schedule_again_and_another_seed_another_one():
    first, again, other = (schedule.draw(seed, process_faults(), times=2) for seed in (7, 7, 8))

    assert first == again
    assert first != other


def test_every_fault_strikes_as_often_as_asked_and_each_of_two_targets_in_turn():
    planned = schedule.draw(3, process_faults(), times=4)

    assert Counter(p.fault for p in planned) == {fault.name: 4 for fault in process_faults()}
    assert set(Counter((p.fault, p.place) for p in planned).values()) == {2}


def test_given_time_is_filled_and_not_exceeded():
    planned = schedule.draw(5, store_faults(), seconds=1800)

    assert 1600 < sum(p.lasts_seconds for p in planned) <= 1800


def test_faults_last_as_long_as_their_kind_says():
    by_name = {fault.name: fault for fault in store_faults()}

    for planned in schedule.draw(1, store_faults(), times=3):
        shortest, longest = by_name[planned.fault].hold_seconds
        assert shortest <= planned.hold_seconds <= longest


def test_without_faults_there_is_nothing_to_draw():
    assert schedule.draw(1, [], times=3) == []
