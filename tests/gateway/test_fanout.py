import json
from collections.abc import Callable, Iterable
from uuid import UUID

from causerie.domain.ids import ConversationId, UserId
from causerie.protocol.websocket import text_frame
from causerie.seats import Delivery, EphemeralDelivery
from services.gateway.fanout import SOCKETS_EACH_TURN, TOGETHER_BYTES, FanOut
from services.gateway.registry import Registry

CHANNEL = ConversationId(UUID(int=7))


class AGuest:
    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.ephemeral: list[bytes] = []
        self.lost: list[ConversationId] = []
        self.on_lost: Callable[[], None] = lambda: None

    def deliver(self, frame: bytes) -> None:
        self.frames.append(frame)

    def deliver_ephemeral(self, frame: bytes) -> None:
        self.ephemeral.append(frame)

    def lose_channel(self, channel: ConversationId) -> None:
        self.lost.append(channel)
        self.on_lost()


class AHouse:
    """A registry and a fan-out whose clock moves by `step` at each look, and whose loop is turned by hand."""

    def __init__(self, *, step: float = 0.0) -> None:
        self.registry: Registry[AGuest] = Registry(max_sessions_per_user=20, came=id)
        self._now = 0.0
        self._step = step
        self.soon: list[Callable[[], None]] = []
        self.fan_out = FanOut(
            self.registry,
            call_soon=self.soon.append,
            steady_clock=self._look,
            unix_clock=lambda: 1000.0,
            on_poison=self._poisoned,
            spread=self._spread,
        )
        self._to_write = 0
        self.poison: list[Delivery | None] = []

    def _poisoned(self, delivery: Delivery | None, error: Exception) -> bytes | None:
        self.poison.append(delivery)
        return b"resync" if delivery is not None else None

    def _spread(self, frame: bytes, guests: Iterable[AGuest], give: Callable[[AGuest, bytes], None]) -> int:
        for guest in guests:
            give(guest, frame)
            self._to_write += 1
        return self._to_write

    def written(self) -> None:
        """The turn is over."""
        self._to_write = 0

    def _look(self) -> float:
        self._now += self._step
        return self._now

    def guest(self, user: str) -> AGuest:
        guest = AGuest()
        self.registry.add(UserId(user), guest)
        return guest

    def follower(self, user: str) -> AGuest:
        guest = self.guest(user)
        self.registry.follow(CHANNEL, guest)
        return guest


def a_delivery(payload: bytes, recipients: list[str] | None, *, kind: str = "message.new") -> Delivery:
    return Delivery(CHANNEL.bytes, 1, kind, payload, 999.0, recipients)


def test_every_device_of_every_recipient_gets_the_same_frame():
    house = AHouse()
    ann, anns_phone, bob, eve = house.guest("ann"), house.guest("ann"), house.guest("bob"), house.guest("eve")

    house.fan_out.deliver([a_delivery(b"hi", ["ann", "bob", "nobody"])])

    assert ann.frames == anns_phone.frames == bob.frames == [text_frame(b"hi")]
    assert ann.frames[0] is bob.frames[0]
    assert eve.frames == []


def test_a_channel_event_goes_to_whoever_follows_it():
    house = AHouse()
    follower, other = house.follower("ann"), house.guest("bob")

    house.fan_out.deliver([a_delivery(b"hi", None)])

    assert (follower.frames, other.frames) == ([text_frame(b"hi")], [])


def test_events_of_one_conversation_stay_in_order_across_slices():
    house = AHouse(step=0.003)
    followers = [house.follower(f"user-{number}") for number in range(1000)]

    for first in (0, 5):
        house.fan_out.deliver([a_delivery(str(number).encode(), None) for number in range(first, first + 5)])
    slices = 0
    while house.soon:
        house.soon.pop()()
        slices += 1

    everything = b"".join(text_frame(str(number).encode()) for number in range(10))
    assert slices > 2
    assert all(b"".join(follower.frames) == everything for follower in followers)


def test_events_that_follow_each_other_to_the_same_people_leave_as_one():
    house = AHouse()
    ann, ben = house.guest("ann"), house.guest("ben")
    to_both, to_ann = ["ann", "ben"], ["ann"]
    sent = [(b"1", to_both), (b"2", to_both), (b"3", to_ann), (b"4", to_both), (b"5", [*to_both])]

    house.fan_out.deliver([a_delivery(payload, recipients) for payload, recipients in sent])

    both = [text_frame(b"1") + text_frame(b"2"), text_frame(b"4") + text_frame(b"5")]
    assert ben.frames == both
    assert ann.frames == [both[0], text_frame(b"3"), both[1]]


def test_events_of_two_conversations_do_not_leave_as_one():
    house = AHouse()
    ann, ben = house.follower("ann"), house.follower("ben")
    other = ConversationId(UUID(int=8))
    house.registry.follow(other, ann)

    here = a_delivery(b"here", None)
    house.fan_out.deliver([here, Delivery(other.bytes, 1, "message.new", b"there", 999.0, None), here])

    assert ben.frames == [text_frame(b"here")] * 2
    assert ann.frames == [text_frame(b"here"), text_frame(b"there"), text_frame(b"here")]


def test_a_backlog_leaves_in_pieces_that_a_socket_may_take():
    house = AHouse()
    ann = house.guest("ann")
    payload = b"x" * 10_000

    house.fan_out.deliver([a_delivery(payload, ["ann"])] * 30)

    assert b"".join(ann.frames) == text_frame(payload) * 30
    assert max(map(len, ann.frames)) < TOGETHER_BYTES + 11_000


def test_sockets_enough_for_one_turn_end_a_slice_however_fast_they_were_given_their_frame():
    house = AHouse()
    followers = [house.follower(f"user-{number}") for number in range(SOCKETS_EACH_TURN + 1000)]

    house.fan_out.deliver([a_delivery(b"to all", None)])
    given = sum(len(follower.frames) for follower in followers)
    house.written()
    while house.soon:
        house.soon.pop()()

    assert SOCKETS_EACH_TURN <= given < SOCKETS_EACH_TURN + 200
    assert all(follower.frames == [text_frame(b"to all")] for follower in followers)
    assert not house.fan_out.is_busy


def test_a_direct_event_overtakes_a_large_channel():
    house = AHouse(step=0.003)
    followers = [house.follower(f"user-{number}") for number in range(1000)]
    ann = house.guest("ann")

    house.fan_out.deliver([a_delivery(b"to all", None)])
    house.fan_out.deliver([a_delivery(b"to ann", ["ann"])])
    house.soon.pop()()

    assert ann.frames == [text_frame(b"to ann")]
    assert sum(len(follower.frames) for follower in followers) < 1000
    while house.soon:
        house.soon.pop()()
    assert all(follower.frames == [text_frame(b"to all")] for follower in followers)


def test_ephemeral_frames_go_as_such():
    house = AHouse()
    ann = house.guest("ann")

    house.fan_out.deliver_ephemeral([EphemeralDelivery(CHANNEL.bytes, "typing.start", b"t", ["ann"])])

    assert (ann.frames, ann.ephemeral) == ([], [text_frame(b"t")])


def test_who_is_removed_from_a_channel_gets_that_as_his_last_event():
    house = AHouse()
    ann = house.follower("ann")
    payload = json.dumps({"data": {"user_id": "ann"}}).encode()

    house.fan_out.deliver([a_delivery(payload, None, kind="member.remove")])

    assert ann.frames == [text_frame(payload)]
    assert ann.lost == [CHANNEL]


def test_who_is_removed_in_the_middle_of_a_batch_hears_nothing_of_what_follows():
    house = AHouse()
    ann, ben = house.follower("ann"), house.follower("ben")
    ann.on_lost = lambda: house.registry.unfollow(CHANNEL, ann)
    payload = json.dumps({"data": {"user_id": "ann"}}).encode()
    before, after = a_delivery(b"before", None), a_delivery(b"after", None)

    house.fan_out.deliver([before, a_delivery(payload, None, kind="member.remove"), after])

    assert b"".join(ann.frames) == text_frame(b"before") + text_frame(payload)
    assert b"".join(ben.frames) == text_frame(b"before") + text_frame(payload) + text_frame(b"after")


def test_what_cannot_be_read_takes_nothing_along_of_what_came_with_it():
    house = AHouse()
    ann = house.follower("ann")
    poison = a_delivery(b"no JSON", None, kind="member.remove")

    house.fan_out.deliver([a_delivery(b"before", None), poison, a_delivery(b"after", None)])

    assert house.poison == [poison]
    assert ann.frames == [text_frame(part) for part in (b"before", b"no JSON", b"resync", b"after")]


def test_nobody_sees_himself_type_in_a_channel():
    house = AHouse()
    ann, ben = house.follower("ann"), house.follower("ben")

    house.fan_out.deliver_ephemeral([EphemeralDelivery(CHANNEL.bytes, "typing.start", b"t", None, "ann")])

    assert (ann.ephemeral, ben.ephemeral) == ([], [text_frame(b"t")])
