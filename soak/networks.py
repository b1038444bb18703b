"""A world whose wires can be spoilt, and the faults of networks for the schedule to choose from.

Clients reach gateways and APIs through proxies, services PostgreSQL and NATS; Redis is left alone here, because a
cluster of one node tells its clients where it really is.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from soak.faults import Fault, Proof, Strike
from soak.world import World, migrated_stores
from tests.support import fault_proxy
from tests.support.fault_proxy import FaultLoop, FaultProxy, fault_loop

HOLD = (3.0, 12.0)
KINDS: tuple[tuple[str, fault_proxy.Fault], ...] = (
    ("slow", fault_proxy.Delay(0.5)),
    ("thin", fault_proxy.Throttle(20_000)),
    ("black hole", fault_proxy.BlackHole()),
    ("half open", fault_proxy.HalfOpen()),
    ("reset after 600 bytes", fault_proxy.ResetAfter(600)),
    ("replies cut off", fault_proxy.CutReply(0.2)),
    ("refused", fault_proxy.Refuse()),
)


class WiredWorld(World):
    """`wires` are the proxies by edge."""

    def wire(self, loop: FaultLoop, database: FaultProxy, nats: FaultProxy) -> None:
        """Put proxies before what has just started."""
        self.wires = {
            "gateways": [loop.proxy(one.ws_url, seed=place) for place, one in enumerate(self.running["gateway"])],
            "apis": [loop.proxy(one.url, seed=place) for place, one in enumerate(self.running["api"])],
            "postgres": [database],
            "nats": [nats],
        }

    @property
    def gateways(self) -> list[str]:
        return [wire.url for wire in self.wires["gateways"]]

    @property
    def apis(self) -> list[str]:
        return [wire.url for wire in self.wires["apis"]]


@asynccontextmanager
async def wired_world(home: Path) -> AsyncIterator[World]:
    """As `embedded_world`, with a proxy on every wire."""
    with fault_loop() as loop:
        async with migrated_stores(home) as stores:
            database, nats = loop.proxy(stores.database_url), loop.proxy(stores.nats_url)
            environment = {**stores.environment(), "DATABASE_URL": database.url, "NATS_URL": nats.url}
            world = WiredWorld(stores, environment, home)
            try:
                await world.start()
                world.wire(loop, database, nats)
                yield world
            finally:
                world.kill_services()


def network_faults() -> tuple[Fault, ...]:
    return tuple(
        Fault(f"{edge} {name}", _spoilt(edge, kind), HOLD)
        for edge in ("gateways", "apis", "postgres", "nats")
        for name, kind in KINDS
    )


def _spoilt(edge: str, kind: fault_proxy.Fault) -> Strike:
    @asynccontextmanager
    async def strike(world: World, _: int) -> AsyncIterator[Proof]:
        assert isinstance(world, WiredWorld), "this fault needs a world with wires"
        wires, proof = world.wires[edge], Proof()
        before = sum(wire.hits for wire in wires)
        for wire in wires:
            wire.suffer(kind)
        try:
            yield proof
        finally:
            for wire in wires:
                wire.heal()
        if hits := sum(wire.hits for wire in wires) - before:
            proof.seen = f"{kind} happened {hits} times"

    return strike
