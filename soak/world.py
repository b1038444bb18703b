"""The platform under proof: embedded stores, two processes of each service, and what a fault may do to them."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import TypeVar

from causerie.domain.ids import UserId
from causerie.embedded import EmbeddedStores, Nats, Postgres, Valkey
from causerie.store import migrate, partitions
from causerie.tokens import issue
from tests.support.services import Service, Services

Store = TypeVar("Store", Postgres, Valkey, Nats)

SERVICES = ("api", "gateway", "worker")
EACH = 2
EACH_OF_ALL = dict.fromkeys(SERVICES, EACH)
RETURN_ATTEMPTS = 5
RETURN_PAUSE_SECONDS = 0.5
TOKEN_SECONDS = 24 * 3600

# A user's own limits are for people, and here each stands for many; the drain and the heartbeat are timed for
# people too, and a proof that waits for them proves no more.  Everything else is as an operator gets it.
SETTINGS = {
    "CAUSERIE_DRAIN_SECONDS": "3",
    "CAUSERIE_HEARTBEAT_SECONDS": "5",
    "CAUSERIE_OFFLINE_GRACE_SECONDS": "2",
    "CAUSERIE_SENDS_PER_SECOND": "10000",
    "CAUSERIE_SENDS_BURST": "10000",
    "CAUSERIE_REQUESTS_PER_SECOND": "10000",
    "LOG_LEVEL": "info",
}


class Platform:
    """Services by kind, in places that keep their ports, on stores that `environment` names."""

    def __init__(self, environment: Mapping[str, str], home: Path, *, settings: Mapping[str, str] = SETTINGS) -> None:
        self._secret = secrets.token_urlsafe(32)
        self._services = Services({**environment, **settings, "CAUSERIE_JWT_SECRET": self._secret}, home)
        self.database_url = environment["DATABASE_URL"]
        """PostgreSQL itself, for whoever compares with it."""
        self.running: dict[str, list[Service]] = {}

    @property
    def gateways(self) -> list[str]:
        return [service.ws_url for service in self.running["gateway"]]

    @property
    def apis(self) -> list[str]:
        return [service.url for service in self.running["api"]]

    def way_in(self, random: Random) -> Sequence[str] | Callable[[], str]:
        """How one client finds a gateway."""
        return random.sample(self.gateways, len(self.gateways))

    async def start(self, *, each: Mapping[str, int] = EACH_OF_ALL) -> None:
        names = [name for name in SERVICES for _ in range(each[name])]
        started = await asyncio.gather(*(self._services.start(name) for name in names))
        self.running = {name: [service for service in started if service.name == name] for name in SERVICES}

    def token(self, user: str) -> str:
        return issue(self._secret, UserId(user), ttl_seconds=TOKEN_SECONDS)

    def kill_services(self) -> None:
        self._services.kill_all()


class World(Platform):
    """`stores` are the servers behind the services, and faults may do to them what they like.

    `environment` is what services are given: a scenario may put a relay or more nodes in front of a store.
    """

    def __init__(self, stores: EmbeddedStores, environment: Mapping[str, str], home: Path) -> None:
        super().__init__(environment, home)
        self.database_url = stores.database_url
        self.stores = stores
        self.home = home

    @property
    def postgres(self) -> Postgres:
        return _ours(self.stores.postgres)

    @property
    def valkey(self) -> Valkey:
        return _ours(self.stores.valkey)

    @property
    def nats(self) -> Nats:
        return _ours(self.stores.nats)

    async def revive(self, name: str, place: int) -> None:
        """Start again what ended, where clients know it; as an orchestrator would, more than once if need be."""
        for attempt in range(1, RETURN_ATTEMPTS + 1):
            try:
                self.running[name][place] = await self._services.start(name, port=self.running[name][place].port)
                return
            except Exception:  # whatever kept it from starting, an orchestrator would try again
                if attempt == RETURN_ATTEMPTS:
                    raise
                await asyncio.sleep(RETURN_PAUSE_SECONDS)


@asynccontextmanager
async def embedded_world(home: Path) -> AsyncIterator[World]:
    """One server of each store, migrated, and the services straight on them."""
    async with migrated_stores(home) as stores:
        world = World(stores, stores.environment(), home)
        try:
            await world.start()
            yield world
        finally:
            world.kill_services()


@asynccontextmanager
async def migrated_stores(home: Path) -> AsyncIterator[EmbeddedStores]:
    async with EmbeddedStores(home) as stores:
        await migrate.up(stores.database_url)
        await partitions.ensure(stores.database_url, months_ahead=3)
        yield stores


def _ours(store: Store | None) -> Store:
    assert store is not None, "a proof starts its own stores, so that it may break them"
    return store
