"""Two of each service over real stores, and the clients that talk through them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from itertools import count
from typing import Any

from causerie.client import Client
from causerie.domain.ids import UserId
from causerie.tokens import issue
from tests.conftest import JWT_SECRET
from tests.support.services import Service, Services

EACH = 2
SERVICES = ("api", "gateway", "worker")
_names = count(1)

# Presence and draining are timed in tens of seconds for people; a test has the same rules in less time.
BRISK = {
    "CAUSERIE_DRAIN_SECONDS": "2",
    "CAUSERIE_HEARTBEAT_SECONDS": "5",
    "CAUSERIE_OFFLINE_GRACE_SECONDS": "1",
    "CAUSERIE_SENDS_PER_SECOND": "10000",
    "CAUSERIE_SENDS_BURST": "10000",
    "CAUSERIE_REQUESTS_PER_SECOND": "10000",
}


class Fleet:
    """The processes of one module's tests. `revive` brings back on its port what a test has ended."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.running: dict[str, list[Service]] = {name: [] for name in SERVICES}

    async def start(self) -> None:
        started = await asyncio.gather(*(self._services.start(name) for name in SERVICES for _ in range(EACH)))
        for service in started:
            self.running[service.name].append(service)

    async def revive(self, *, name: str | None = None) -> None:
        """Start again whatever does not run, where clients knew it."""
        for services in self.running.values():
            for place, service in enumerate(services):
                if not service.running and name in (None, service.name):
                    services[place] = await self._services.start(service.name, port=service.port)

    @property
    def apis(self) -> list[Service]:
        return self.running["api"]

    @property
    def gateways(self) -> list[Service]:
        return self.running["gateway"]

    @property
    def workers(self) -> list[Service]:
        return self.running["worker"]

    def client(self, user: str, *, gateway: int | None = None, api: int | None = None, **options: Any) -> Client:
        """A client of that user; it begins with the given gateway and API and knows the other ones."""
        return Client(
            user,
            lambda: token(user),
            gateways=[service.ws_url for service in _beginning_with(self.gateways, gateway)],
            apis=[service.url for service in _beginning_with(self.apis, api)],
            **options,
        )

    @contextlib.asynccontextmanager
    async def clients(self, *users: str, spread: bool = True, **options: Any) -> AsyncIterator[list[Client]]:
        """Connected clients, on the gateways by turns."""
        async with contextlib.AsyncExitStack() as stack:
            yield [
                await stack.enter_async_context(
                    self.client(user, gateway=place % EACH if spread else None, api=place % EACH, **options)
                )
                for place, user in enumerate(users)
            ]


def token(user: str, **options: Any) -> str:
    return issue(JWT_SECRET, UserId(user), ttl_seconds=3600, **options)


def people(*names: str) -> list[str]:
    """Users nobody else has heard of, so that tests share a platform without meeting."""
    number = next(_names)
    return [f"{name}-{number}" for name in names]


def agree(clients: list[Client], conversation_id: str) -> Callable[[object], bool]:
    """Whether all clients have seen the same: told of a change of any one, it compares all."""

    def compare(_: object) -> bool:
        known = [client.model.conversations.get(conversation_id) for client in clients]
        logs = [(one.last, sorted(one.messages)) for one in known if one is not None]
        return len(logs) == len(clients) and all(log == logs[0] for log in logs) and all(c.is_settled for c in clients)

    return compare


def _beginning_with(services: list[Service], place: int | None) -> list[Service]:
    return services if place is None else services[place:] + services[:place]
