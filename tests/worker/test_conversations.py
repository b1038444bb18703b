"""What can be dispatched in order, and who hears it."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from causerie.bus.envelopes import Hint
from causerie.domain.conversation import ConversationType
from causerie.store.log import Audience
from services.worker.conversations import Conversation, Conversations

ID = b"c" * 16


def a_hint(seq: int, kind: str = "message.new", data: dict[str, object] | None = None) -> Hint:
    return Hint(ID, seq, kind, orjson.dumps({"data": data or {}}), 0.0)


def added(seq: int, user: str) -> Hint:
    return a_hint(seq, "member.add", {"user_id": user})


def removed(seq: int, user: str) -> Hint:
    return a_hint(seq, "member.remove", {"user_id": user})


def a_group(*members: str, last: int = 0) -> Conversation:
    return Conversation(ConversationType.GROUP, members, last=last)


def test_a_hint_that_is_next_goes_at_once_and_a_repeat_never() -> None:
    group = a_group()

    assert list(group.offer(a_hint(1))) == [a_hint(1)]
    assert list(group.offer(a_hint(1))) == []
    assert not group.has_gap


def test_what_comes_too_early_waits_for_what_is_missing() -> None:
    group = a_group()

    assert list(group.offer(a_hint(3))) == []
    assert group.has_gap
    assert list(group.offer(a_hint(1))) == [a_hint(1)]
    assert list(group.offer(a_hint(2))) == [a_hint(2), a_hint(3)]
    assert not group.has_gap


@given(st.permutations(range(1, 12)), st.lists(st.integers(1, 11)))
def test_any_order_and_any_repeats_give_every_event_once_and_in_order(order: list[int], repeats: list[int]) -> None:
    group = a_group()

    dispatched = [ready.seq for seq in [*order, *repeats] for ready in group.offer(a_hint(seq))]

    assert dispatched == list(range(1, 12))
    assert not group.has_gap


def test_members_hear_from_their_addition_to_their_removal() -> None:
    group = a_group("ann", "ben")

    assert set(group.hears(a_hint(1))) == {"ann", "ben"}
    assert set(group.hears(added(2, "cat"))) == {"ann", "ben", "cat"}
    assert set(group.hears(removed(3, "ben"))) == {"ann", "ben", "cat"}
    assert set(group.hears(a_hint(4))) == {"ann", "cat"}


def test_the_first_event_says_everything_about_a_conversation() -> None:
    members = [{"user_id": "ann"}, {"user_id": "ben"}]
    first = a_hint(1, "member.add", {"members": members, "conversation": {"type": "group"}})

    begun = Conversation.begun_by(first)

    assert begun is not None
    assert list(begun.offer(first)) == [first]
    assert set(begun.hears(first)) == {"ann", "ben"}
    assert Conversation.begun_by(added(2, "cat")) is None
    assert Conversation.begun_by(a_hint(1)) is None


movements = st.lists(st.tuples(st.booleans(), st.sampled_from("abcd")), max_size=12)


@given(st.sets(st.sampled_from("abcd")), movements)
def test_going_back_over_events_finds_the_members_before_them(members: set[str], moves: list[tuple[bool, str]]) -> None:
    """As the log has them: only who is outside is added, only who is inside removed."""
    pending: list[Hint] = []
    now = set(members)
    for joins, user in moves:
        if joins != (user in now):
            pending.append((added if joins else removed)(len(pending) + 5, user))
            now ^= {user}

    before = Conversation.before(
        Audience(ConversationType.GROUP, frozenset(now), len(now), {}, 5, 4 + len(pending)), pending
    )

    assert (before.members, before.last) == (members, 4)
    for hint in pending:
        before.hears(hint)
    assert before.members == now


def test_who_joined_a_group_late_is_blind_to_what_was_said_before() -> None:
    group = Conversation(ConversationType.GROUP, ("ann", "ben"), last=4, joined={"ann": 1, "ben": 3})
    group.hears(added(5, "cat"))

    assert (group.blind_to(2), group.blind_to(4), group.blind_to(5)) == ({"ben", "cat"}, {"cat"}, set())
    group.hears(removed(6, "ben"))
    assert group.blind_to(2) == {"cat"}


def test_a_channel_counts_its_members_but_keeps_no_names() -> None:
    channel = Conversation(ConversationType.CHANNEL, ("ann", "ben"), last=0)
    channel.hears(added(1, "cat"))

    assert (channel.member_count, channel.members) == (3, set())


def test_a_channel_is_counted_back_to_before_what_is_pending() -> None:
    pending = [added(5, "cat"), removed(6, "ann"), added(7, "dan")]
    before = Conversation.before(Audience(ConversationType.CHANNEL, frozenset(), 101, {}, 5, 7), pending)

    assert (before.member_count, before.last) == (100, 4)
    for hint in pending:
        before.hears(hint)
    assert before.member_count == 101


def test_the_least_recent_conversations_are_forgotten_first() -> None:
    known = Conversations(max_weight=10)
    for name in (b"1", b"2", b"3"):
        known.put(name, a_group("ann", "ben"))

    known.get(b"1")
    known.put(b"4", a_group("ann", "ben"))

    assert b"2" not in known
    assert all(name in known for name in (b"1", b"3", b"4"))


def test_one_conversation_larger_than_the_bound_is_kept_alone() -> None:
    known = Conversations(max_weight=2)
    known.put(b"1", a_group("ann", "ben", "cat"))

    assert b"1" in known
