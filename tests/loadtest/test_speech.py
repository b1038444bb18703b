"""Where people talk."""

from collections import Counter

from loadtest.swarm.speech import Circles


def test_popular_conversations_are_talked_in_as_much_more_often_as_they_are_popular():
    circles = Circles()
    circles.join("few", [1, 2], 0.1)
    circles.join("many", [3, 4], 0.9)

    chosen = Counter(one.id for one in (circles.choose() for _ in range(2_000)) if one is not None)

    assert 0.85 < chosen["many"] / 2_000 < 0.95


def test_a_conversation_of_several_batches_is_one_and_knows_all_its_members():
    circles = Circles()
    circles.join("room", [1, 2], 1.0)
    circles.join("room", [2, 3], 1.0)
    circles.join("room", [1, 2], 1.0)

    chosen = circles.choose()

    assert chosen is not None
    assert chosen.members == [1, 2, 3]


def test_where_there_is_no_conversation_nobody_talks():
    assert Circles().choose() is None
