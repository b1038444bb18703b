"""Who talks with whom."""

import pytest

from loadtest.cast import MAX_FOLLOWERS, Crowd


@pytest.mark.parametrize("people", [2, 3, 501, 2_000, 7_013])
def test_everybody_is_in_one_group_of_his_own_batch(people: int):
    crowd = Crowd(people, 500, 10)
    groups = [one.members for one in crowd.circles() if one.kind == "group"]

    assert sorted(member for members in groups for member in members) == list(range(people if people != 501 else 500))
    assert all(len({member // 500 for member in members}) == 1 for members in groups)


def test_channels_are_followed_after_zipf_and_hold_no_more_than_may_be():
    crowd = Crowd(100_000, 500, 30)
    sizes = [len(one.members) for one in crowd.circles() if one.kind == "channel"]

    assert sum(sizes) > 0.15 * 100_000
    assert max(sizes) == MAX_FOLLOWERS
    assert sizes[0] > 10 * sizes[-1]


def test_the_same_numbers_make_the_same_cast():
    assert Crowd(700, 500, 10).circles() == Crowd(700, 500, 10).circles()
