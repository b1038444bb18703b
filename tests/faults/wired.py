"""A small fleet whose every wire goes through a proxy that can spoil it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from causerie.client import Client
from tests.journeys.fleet import Fleet, token
from tests.journeys.traffic import Traffic
from tests.support.fault_proxy import Fault, FaultLoop, FaultProxy, Healthy
from tests.support.services import Service, Services
from tests.support.waiting import eventually

EACH = {"api": 1, "gateway": 2, "worker": 1}
CONVERGED_SECONDS = 10.0
"""How soon after the heal everybody must have seen everything that was acknowledged."""


class WiredFleet(Fleet):
    """One API, two gateways, one worker; clients come through `gateway_wires` and `api_wires`."""

    def __init__(self, services: Services, wires: FaultLoop, **each: int) -> None:
        super().__init__(services)
        self._wires = wires
        self._each = EACH | each
        self.gateway_wires: list[FaultProxy] = []
        self.api_wires: list[FaultProxy] = []

    async def start(self) -> None:
        started = await asyncio.gather(
            *(self._services.start(name) for name, count in self._each.items() for _ in range(count))
        )
        for service in started:
            self.running[service.name].append(service)
        self.gateway_wires = [self._wires.proxy(gateway.ws_url, seed=gateway.port) for gateway in self.gateways]
        self.api_wires = [self._wires.proxy(api.url, seed=api.port) for api in self.apis]

    def client(self, user: str, *, gateway: int | None = None, api: int | None = None, **options: Any) -> Client:
        """As of any fleet; it always waits the middle of what it may before it comes back.

        With the bad luck of the longest wait, behind the longest silence, a client may well need more than
        `CONVERGED_SECONDS`.
        """
        return Client(
            user,
            lambda: token(user),
            gateways=_urls(self.gateway_wires, gateway),
            apis=_urls(self.api_wires, api),
            **{"random": lambda: 0.5, **options},
        )

    @property
    def everything(self) -> list[Service]:
        return [service for services in self.running.values() for service in services]

    def pids(self) -> list[int]:
        """Of what runs: equal before and after means that nothing had to be started again."""
        return [service.pid for service in self.everything if service.running]

    def bugs(self) -> list[str]:
        """What any service logged with a trace: a fault of the world is never one of ours."""
        return [line for service in self.everything for line in service.log_text().splitlines() if "Traceback" in line]


async def heals(flow: Traffic, *, messages: int = 20, within_seconds: float = CONVERGED_SECONDS) -> None:
    """The fault is over: sends go on, and everybody has seen everything in time."""
    async with asyncio.timeout(within_seconds):
        await flow.flowed(messages)
        await flow.stop()
        await flow.converged()


async def endure(wires: list[FaultProxy], fault: Fault, meanwhile: Callable[[], Awaitable[object]]) -> None:
    """Let the wires suffer while `meanwhile` runs, and until that was seen: what never happened proves nothing."""
    await eventually(lambda: sum(wire.connections for wire in wires) > 0, what="somebody is there to suffer")
    before = sum(wire.hits for wire in wires)
    for wire in wires:
        wire.suffer(fault)
    try:
        await meanwhile()
        await eventually(lambda: sum(wire.hits for wire in wires) > before, what=f"{fault} happens")
    finally:
        for wire in wires:
            wire.suffer(Healthy())


def _urls(wires: list[FaultProxy], first: int | None) -> list[str]:
    place = (first or 0) % len(wires)
    return [wire.url for wire in wires[place:] + wires[:place]]
