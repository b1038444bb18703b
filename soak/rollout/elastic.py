"""A platform whose gateways come and go, as under a Deployment."""

from collections.abc import Callable
from random import Random

from soak.world import Platform
from tests.support.services import Service
from tests.support.waiting import eventually

_CONNECTIONS = 'causerie_gateway_connections{dialect="native"} '


class ElasticPlatform(Platform):
    """Clients find the gateways that are ready and not ending, in turn, as a Service leads them."""

    _turn = 0

    def way_in(self, random: Random) -> Callable[[], str]:
        return self._next_gateway

    async def add(self) -> Service:
        """One gateway more, once it is ready."""
        added = await self._services.start("gateway")
        self.running["gateway"].append(added)
        return added

    async def retire(self, gateway: Service) -> None:
        """Lead nobody there any more and tell it to end, at once, as a cluster does; returns when it has gone."""
        self.running["gateway"].remove(gateway)
        await gateway.stop()

    def _next_gateway(self) -> str:
        self._turn += 1
        gateways = self.gateways
        return gateways[self._turn % len(gateways)]


async def connections_of(gateway: Service) -> int:
    """How many sockets are open there, by its own account; asked again while it is too busy to answer."""
    metrics: str = await eventually(gateway.metrics)
    lines = metrics.splitlines()
    return next(int(float(line.removeprefix(_CONNECTIONS))) for line in lines if line.startswith(_CONNECTIONS))
