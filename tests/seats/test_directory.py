"""The worker's picture of the seats becomes what the nodes say, whatever was lost on the way."""

from hypothesis import given, settings
from hypothesis import strategies as st

from causerie.bus.envelopes import Heartbeat
from causerie.seats.directory import ASK_AGAIN_SECONDS, LATE_SECONDS, NODE_SILENCE_SECONDS, Directory
from causerie.seats.seating import Seating

CHANNEL = b"c" * 16


def a_heartbeat(seating: Seating, node: str = "node-1", *, uptime: float = 0.0) -> Heartbeat:
    return Heartbeat(node, "gateway", seating.told, 0, False, uptime)


def met(directory: Directory, seating: Seating, *, now: float = 0.0) -> None:
    """The directory has had the node's whole list."""
    seating.take_changes()
    assert directory.heartbeat(a_heartbeat(seating), now=now)
    for page in seating.roster():
        directory.roster(page)


def test_the_first_heartbeat_of_a_node_asks_for_everything() -> None:
    seating, directory = Seating("node-1"), Directory()
    seating.sit("ann")
    seating.follow(CHANNEL)

    assert not directory.is_known("node-1")
    met(directory, seating)

    assert directory.is_known("node-1")
    assert directory.by_node(["ann", "ben"]) == {"node-1": ["ann"]}
    assert directory.channels == {CHANNEL: ("node-1",)}


def test_changes_follow_one_another_without_asking() -> None:
    seating, directory = Seating("node-1"), Directory()
    met(directory, seating)
    seating.sit("ann")
    seating.sit("ann")
    [changes] = seating.take_changes()

    assert not directory.change(changes, now=1.0)
    assert directory.users == {"ann": ("node-1",)}
    assert directory.counter_of("node-1") == 1
    seating.rise("ann")
    assert seating.take_changes() == []
    seating.rise("ann")
    [changes] = seating.take_changes()
    assert not directory.change(changes, now=1.0)
    assert directory.users == {}


def test_what_is_in_doubt_stays_as_it_was_until_the_list_has_come_again() -> None:
    seating, directory = Seating("node-1"), Directory()
    seating.sit("ann")
    met(directory, seating)
    seating.sit("ben")
    seating.take_changes()

    directory.doubt("node-1")

    assert not directory.is_known("node-1")
    assert set(directory.users) == {"ann"}
    assert directory.heartbeat(a_heartbeat(seating), now=0.1)
    for page in seating.roster():
        directory.roster(page)
    assert directory.is_known("node-1")
    assert set(directory.users) == {"ann", "ben"}


def test_in_doubt_a_list_older_than_what_was_known_is_not_believed() -> None:
    """The node was told that we know ben, and counts on it: nobody will tell us of him again."""
    seating, directory = Seating("node-1"), Directory()
    seating.sit("ann")
    met(directory, seating)
    late = seating.roster()
    seating.sit("ben")
    for changes in seating.take_changes():
        directory.change(changes, now=0.1)

    directory.doubt("node-1")
    assert not any(directory.roster(page) for page in late)
    assert set(directory.users) == {"ann", "ben"}

    assert all(directory.roster(page) for page in seating.roster())
    assert set(directory.users) == {"ann", "ben"}


def test_a_missing_change_asks_again_until_the_list_comes() -> None:
    seating, directory = Seating("node-1"), Directory()
    met(directory, seating)
    seating.sit("lost")
    seating.take_changes()
    seating.sit("ann")
    [changes] = seating.take_changes()

    assert directory.change(changes, now=1.0)
    assert not directory.change(changes, now=1.1)
    assert directory.change(changes, now=1.0 + ASK_AGAIN_SECONDS)
    assert directory.counter_of("node-1") == 0
    for page in seating.roster():
        directory.roster(page)
    assert directory.counter_of("node-1") == 2
    assert set(directory.users) == {"lost", "ann"}


def test_a_change_lost_at_the_end_is_noticed_by_the_heartbeat_but_not_one_that_is_late() -> None:
    seating, directory = Seating("node-1"), Directory()
    met(directory, seating)
    seating.sit("ann")
    [changes] = seating.take_changes()

    assert not directory.heartbeat(a_heartbeat(seating), now=5.0)
    assert directory.heartbeat(a_heartbeat(seating), now=5.1 + LATE_SECONDS)
    assert not directory.change(changes, now=6.0)
    assert not directory.heartbeat(a_heartbeat(seating), now=9.0)


def test_changes_that_overtake_the_list_are_applied_after_it() -> None:
    seating, directory = Seating("node-1"), Directory()
    seating.sit("ann")
    seating.take_changes()
    directory.heartbeat(a_heartbeat(seating), now=0.0)
    pages = seating.roster()
    seating.rise("ann")
    seating.sit("ben")
    [changes] = seating.take_changes()

    directory.change(changes, now=0.1)
    for page in pages:
        directory.roster(page)

    assert directory.users == {"ben": ("node-1",)}
    assert directory.counter_of("node-1") == 3


def test_a_list_of_many_comes_in_pages_in_any_order() -> None:
    seating, directory = Seating("node-1"), Directory()
    everybody = {f"user-{number}" for number in range(1_000)}
    for user in everybody:
        seating.sit(user)
    seating.take_changes()
    directory.heartbeat(a_heartbeat(seating), now=0.0)
    pages = seating.roster(max_bytes=2_000)

    assert len(pages) > 3
    complete = [directory.roster(page) for page in reversed(pages)]

    assert complete == [False] * (len(pages) - 1) + [True]
    assert set(directory.users) == everybody


def test_a_silent_node_is_forgotten_but_our_own_deafness_does_not_count() -> None:
    seating, directory = Seating("node-1"), Directory()
    seating.sit("ann")
    met(directory, seating)
    later = NODE_SILENCE_SECONDS + 5.0

    assert directory.expire(now=later, listening_since=later - 1.0) == []
    assert directory.expire(now=later, listening_since=0.0) == ["node-1"]
    assert directory.users == {}


def test_a_user_on_two_nodes_stays_on_the_other_when_one_goes() -> None:
    directory = Directory()
    for name in ("node-1", "node-2"):
        seating = Seating(name)
        seating.sit("ann")
        seating.take_changes()
        directory.heartbeat(a_heartbeat(seating, name), now=0.0)
        for page in seating.roster():
            directory.roster(page)

    assert directory.users["ann"] == ("node-1", "node-2")
    directory.forget("node-1")
    assert directory.users["ann"] == ("node-2",)


moves = st.tuples(st.sampled_from(["sit", "rise", "follow", "unfollow"]), st.integers(0, 4))


@given(st.lists(st.tuples(st.lists(moves, max_size=6), st.sampled_from(["ok", "lost", "twice"])), max_size=30))
@settings(deadline=None)
def test_the_picture_is_right_once_healed(batches: list[tuple[list[tuple[str, int]], str]]) -> None:
    seating, directory = Seating("node-1"), Directory()
    users: dict[str, int] = {}
    channels: dict[bytes, int] = {}
    now = 0.0
    for changes, fate in batches:
        now += 0.1
        for move, number in changes:
            user, channel = f"user-{number}", bytes([number]) * 16
            match move:
                case "sit":
                    seating.sit(user)
                    users[user] = users.get(user, 0) + 1
                case "rise":
                    seating.rise(user)
                    users[user] = max(0, users.get(user, 0) - 1)
                case "follow":
                    seating.follow(channel)
                    channels[channel] = channels.get(channel, 0) + 1
                case "unfollow":
                    seating.unfollow(channel)
                    channels[channel] = max(0, channels.get(channel, 0) - 1)
        for batch in seating.take_changes():
            for _ in range({"ok": 1, "lost": 0, "twice": 2}[fate]):
                if directory.change(batch, now=now):
                    for page in seating.roster():
                        directory.roster(page)

    for _ in range(3):
        now += 1.0
        if directory.heartbeat(a_heartbeat(seating), now=now):
            for page in seating.roster():
                directory.roster(page)

    assert set(directory.users) == {user for user, sessions in users.items() if sessions}
    assert set(directory.channels) == {channel for channel, followers in channels.items() if followers}
    assert directory.counter_of("node-1") == seating.counter
