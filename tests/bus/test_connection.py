"""The bus against a real NATS: it starts without one, comes back by itself, and never makes a publisher wait."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from causerie import telemetry
from causerie.bus import connection
from causerie.bus.connection import Bus, Subscription
from causerie.bus.envelopes import Echo, Envelope, Hint, Hints
from causerie.embedded import Nats
from causerie.embedded.ports import Ports, free_port
from tests.support.stores import bus_to
from tests.support.waiting import eventually


class Heard:
    """What a subscription has heard, and how often it was told of a gap."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.gaps = 0

    async def listen(self, bus: Bus, subject: str) -> Subscription:
        return await bus.subscribe(subject, self._on_message, on_gap=self._on_gap)

    def _on_message(self, envelope: Envelope, reply: str) -> None:
        self.envelopes.append(envelope)

    def _on_gap(self) -> None:
        self.gaps += 1


@pytest.fixture
async def two(nats_url: str) -> AsyncIterator[tuple[Bus, Bus]]:
    left, right = await bus_to(nats_url, name="left"), await bus_to(nats_url, name="right")
    yield left, right
    await left.close()
    await right.close()


async def test_what_one_publishes_the_other_hears_in_order(two: tuple[Bus, Bus]) -> None:
    left, right = two
    heard = Heard()
    await heard.listen(right, "test.order")
    await right.settle()

    sent = [Echo("worker", number) for number in range(1_000)]
    assert all(left.publish("test.order", envelope) for envelope in sent)

    await eventually(lambda: heard.envelopes == sent)


async def test_publishing_does_not_wait_and_drops_beyond_its_bound(two: tuple[Bus, Bus]) -> None:
    left, _ = two
    big = Hints([Hint(b"c" * 16, 1, "message.new", b"x" * 200_000, 0.0)])

    left_at_once = sum(left.publish("test.flood", big) for _ in range(200))

    assert left_at_once < 60
    assert left.dropped == 200 - left_at_once
    await eventually(lambda: left.publish("test.flood", big))


async def test_garbage_is_counted_and_the_next_message_heard(two: tuple[Bus, Bus]) -> None:
    left, right = two
    heard = Heard()
    await heard.listen(right, "test.garbage")
    await right.settle()

    left.publish_encoded("test.garbage", b"\x00garbage")
    left.publish("test.garbage", Echo("worker", 1))

    await eventually(lambda: heard.envelopes == [Echo("worker", 1)])
    assert right.garbage == 1


async def test_a_handler_that_fails_does_not_end_its_subscription(two: tuple[Bus, Bus]) -> None:
    left, right = two
    heard: list[Envelope] = []

    def handler(envelope: Envelope, reply: str) -> None:
        if envelope == Echo("worker", 1):
            raise RuntimeError("a bug")
        heard.append(envelope)

    await right.subscribe("test.bug", handler)
    await right.settle()
    left.publish("test.bug", Echo("worker", 1))
    left.publish("test.bug", Echo("worker", 2))

    await eventually(lambda: heard == [Echo("worker", 2)])


async def test_a_deaf_subscription_is_made_again(two: tuple[Bus, Bus]) -> None:
    left, right = two
    heard = Heard()
    subscription = await heard.listen(right, "test.deaf")
    await right.settle()
    deaf = telemetry.BUS_DEAF.value

    # The server forgets the subscription, the client does not know.
    assert subscription.listening is not None and right._client is not None
    await right._client._send_unsubscribe(subscription.listening._id)

    await eventually(lambda: heard.gaps == 1, timeout_seconds=15.0)
    assert telemetry.BUS_DEAF.value == deaf + 1
    await right.settle()
    left.publish("test.deaf", Echo("worker", 1))
    await eventually(lambda: heard.envelopes == [Echo("worker", 1)])


async def test_a_subscription_that_reads_too_slowly_is_counted_and_told(
    two: tuple[Bus, Bus], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MAX_UNREAD_BYTES", 4 * 1024)
    left, right = two
    heard = Heard()
    await heard.listen(right, "test.slow")
    await right.settle()
    slow = telemetry.BUS_SLOW.value

    for _ in range(50):
        left.publish("test.slow", Hints([Hint(b"c" * 16, 1, "message.new", b"x" * 1024, 0.0)]))

    await eventually(lambda: telemetry.BUS_SLOW.value > slow and heard.gaps > 0)
    assert len(heard.envelopes) < 50


async def test_it_starts_without_nats_and_listens_once_it_comes(tmp_path: Path) -> None:
    port = free_port()
    bus = await Bus.connect([f"nats://127.0.0.1:{port}"], name="early")
    heard = Heard()
    await heard.listen(bus, "test.early")
    assert not bus.is_up
    assert not bus.publish("test.early", Echo("worker", 0))

    remembered = tmp_path / "ports"
    remembered.write_text(json.dumps({"nats": port}))
    server = Nats(tmp_path, Ports(remembered))
    await server.start()
    await eventually(lambda: bus.is_up and heard.gaps == 1)
    bus.publish("test.early", Echo("worker", 1))

    await eventually(lambda: heard.envelopes == [Echo("worker", 1)])
    await bus.close()
    await server.stop()


async def test_it_comes_back_after_a_crash_of_the_server_and_tells_of_the_gap(tmp_path: Path) -> None:
    server = Nats(tmp_path, Ports(tmp_path / "ports"))
    await server.start()
    bus = await bus_to(server.url, name="patient")
    heard = Heard()
    await heard.listen(bus, "test.back")
    gaps, reconnects = heard.gaps, telemetry.BUS_RECONNECTS.value

    server.kill()
    await eventually(lambda: not bus.is_up)
    assert not telemetry.STORE_UP.reads["nats"]()
    assert not bus.publish("test.back", Echo("worker", 1))
    later = await bus.subscribe("test.later", heard._on_message)
    await server.start()
    await eventually(lambda: bus.is_up and heard.gaps > gaps)
    await bus.settle()
    bus.publish("test.back", Echo("worker", 2))
    bus.publish("test.later", Echo("worker", 3))

    await eventually(lambda: set(heard.envelopes) == {Echo("worker", 2), Echo("worker", 3)})
    assert telemetry.BUS_RECONNECTS.value == reconnects + 1
    assert telemetry.STORE_UP.reads["nats"]() and telemetry.BUS_MESSAGES.reads["in"]() >= 2
    await bus.unsubscribe(later)
    await bus.close()
    await server.stop()
