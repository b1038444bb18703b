import json
from collections.abc import Callable
from uuid import UUID

from causerie.domain.ids import ConversationId, UserId
from causerie.protocol.websocket import text_frame
from causerie.seats import Delivery, EphemeralDelivery
from services.gateway.fanout import FanOut
from services.gateway.registry import Registry

CHANNEL = ConversationId(UUID(int=7))


class AGuest:
    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.ephemeral: list[bytes] = []
        self.lost: list[ConversationId] = []

    def deliver(self, frame: bytes) -> None:
        self.frames.append(frame)

    def deliver_ephemeral(self, frame: bytes) -> None:
        self.ephemeral.append(frame)

    def lose_channel(self, channel: ConversationId) -> None:
        self.lost.append(channel)


class AHouse:
    """A registry and a fan-out whose clock moves by `step` at each look, and whose loop is turned by hand."""

    def __init__(self, *, step: float = 0.0) -> None:
        self.registry: Registry[AGuest] = Registry(max_sessions_per_user=20)
        self._now = 0.0
        self._step = step
        self.soon: list[Callable[[], None]] = []
        self.fan_out = FanOut(
            self.registry,
            call_soon=self.soon.append,
            steady_clock=self._look,
            unix_clock=lambda: 1000.0,
            on_poison=self._poisoned,
        )
        self.poison: list[Delivery | None] = []

    def _poisoned(self, delivery: Delivery | None, error: Exception) -> bytes | None:
        self.poison.append(delivery)
        return b"resync" if delivery is not None else None

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
    guest = house.guest("ann")

    house.fan_out.deliver([a_delivery(str(number).encode(), ["ann"]) for number in range(20)])
    assert 0 < len(guest.frames) < 20
    while house.soon:
        house.soon.pop()()

    assert guest.frames == [text_frame(str(number).encode()) for number in range(20)]


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


def test_nobody_sees_himself_type_in_a_channel():
    house = AHouse()
    ann, ben = house.follower("ann"), house.follower("ben")

    house.fan_out.deliver_ephemeral([EphemeralDelivery(CHANNEL.bytes, "typing.start", b"t", None, "ann")])

    assert (ann.ephemeral, ben.ephemeral) == ([], [text_frame(b"t")])
