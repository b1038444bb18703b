"""Which faults belong together, and the world they strike.

A scenario that needs another world (three Valkey nodes, relays on the edges) brings its own `stand`: it yields a
`World` of its kind, started, and its faults know what more it has.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from soak import faults
from soak.faults import Fault
from soak.networks import network_faults, wired_world
from soak.world import World, embedded_world


@dataclass(frozen=True)
class Scenario:
    name: str
    faults: tuple[Fault, ...]
    stand: Callable[[Path], AbstractAsyncContextManager[World]] = embedded_world


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("processes", faults.process_faults()),
        Scenario("stores", faults.store_faults()),
        Scenario("networks", network_faults(), wired_world),
    )
}
