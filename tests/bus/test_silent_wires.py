"""A wire to NATS whose far side has gone without a word: nothing is refused on it, and nothing arrives."""

from collections.abc import AsyncIterator

import pytest

from causerie.bus.envelopes import Echo, Envelope
from tests.support.fault_proxy import FaultProxy, HalfOpen, fault_loop
from tests.support.stores import bus_to
from tests.support.waiting import eventually

CONVERGED_SECONDS = 10.0
"""So soon after a heal clients have everything; a wire must be left well before."""


@pytest.fixture
async def wire(nats_url: str) -> AsyncIterator[FaultProxy]:
    with fault_loop() as wires:
        yield wires.proxy(nats_url)


async def test_who_only_speaks_is_heard_again_soon_after_its_wire_went_half_open(
    nats_url: str, wire: FaultProxy
) -> None:
    """An API listens to nothing, so only pings of the connection can tell it."""
    speaker, listener = await bus_to(wire.url, name="speaker"), await bus_to(nats_url, name="listener")
    heard: list[Envelope] = []
    await listener.subscribe("test.half-open", lambda envelope, reply: heard.append(envelope))
    await listener.settle()
    speaker.publish("test.half-open", Echo("worker", 1))
    await eventually(lambda: heard == [Echo("worker", 1)])

    wire.suffer(HalfOpen())

    def is_heard() -> bool:
        speaker.publish("test.half-open", Echo("worker", 2))
        return Echo("worker", 2) in heard

    await eventually(is_heard, timeout_seconds=CONVERGED_SECONDS)
    assert wire.hits > 0
    await speaker.close()
    await listener.close()
