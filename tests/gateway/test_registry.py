from uuid import UUID

from causerie.domain.ids import ConversationId, UserId
from services.gateway.registry import MANY, Registry

ANN, BOB = UserId("ann"), UserId("bob")
CHANNEL = ConversationId(UUID(int=1))


def test_a_user_has_as_many_connections_as_he_may():
    registry: Registry[str] = Registry(max_sessions_per_user=2, came=len)

    assert registry.add(ANN, "laptop")
    assert registry.add(ANN, "phone")
    assert not registry.add(ANN, "tablet")
    assert registry.add(BOB, "phone of bob")
    assert registry.of_user("ann") == ("laptop", "phone")
    assert registry.connections == 3

    registry.remove(ANN, "laptop")
    assert registry.add(ANN, "tablet")
    assert registry.of_user("ann") == ("phone", "tablet")


def test_who_has_left_leaves_nothing_behind():
    registry: Registry[str] = Registry(max_sessions_per_user=2, came=len)
    registry.add(ANN, "laptop")
    registry.follow(CHANNEL, "laptop")
    registry.watch(BOB, "laptop")

    registry.unfollow(CHANNEL, "laptop")
    registry.unwatch(BOB, "laptop")
    registry.remove(ANN, "laptop")

    assert list(registry.followers(CHANNEL.bytes)) == list(registry.watchers("bob")) == list(registry.users) == []
    assert (registry.of_user("ann"), registry.connections) == ((), 0)


def test_following_twice_is_following_once():
    registry: Registry[str] = Registry(max_sessions_per_user=2, came=len)
    registry.follow(CHANNEL, "laptop")
    registry.follow(CHANNEL, "laptop")

    assert list(registry.followers(CHANNEL.bytes)) == ["laptop"]
    registry.unfollow(CHANNEL, "phone")
    assert list(registry.followers(CHANNEL.bytes)) == ["laptop"]


def test_a_great_many_followers_are_in_the_order_in_which_they_came_whoever_comes_and_goes():
    registry: Registry[int] = Registry(max_sessions_per_user=2, came=lambda number: number)
    for number in reversed(range(2 * MANY)):
        registry.follow(CHANNEL, number)
    assert registry.followers(CHANNEL.bytes) == tuple(range(2 * MANY))

    registry.unfollow(CHANNEL, 7)
    registry.follow(CHANNEL, 2 * MANY)
    registry.follow(CHANNEL, -1)
    assert registry.followers(CHANNEL.bytes) == (*range(-1, 7), *range(8, 2 * MANY + 1))

    for number in range(-1, 2 * MANY + 1):
        registry.unfollow(CHANNEL, number)
    assert registry.followers(CHANNEL.bytes) == ()
