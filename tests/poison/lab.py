"""One of each service with clients in front of them, and hands in the stores behind them: where poison is given."""

import contextlib
import re
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import asyncpg
from nats.aio.client import Client as NatsClient

from causerie.bus import envelopes
from causerie.bus.envelopes import Envelope, Heartbeat
from causerie.cache import Cache
from causerie.client import Client
from causerie.domain.ids import UserId
from causerie.tokens import issue
from tests.conftest import JWT_SECRET
from tests.support.services import Service
from tests.support.stores import CACHE_PATIENCE_SECONDS
from tests.support.waiting import eventually

_names = count(1)


class Lab:
    def __init__(self, api: Service, gateway: Service, worker: Service, environment: dict[str, str]) -> None:
        self.api, self.gateway, self.worker = api, gateway, worker
        self.environment = environment
        self.cache: Cache
        self.nats: NatsClient

    async def open(self) -> None:
        self.cache = await Cache.connect(self.environment["REDIS_URL"], call_seconds=CACHE_PATIENCE_SECONDS)
        self.nats = NatsClient()
        await self.nats.connect(self.environment["NATS_URL"])

    async def close(self) -> None:
        await self.cache.close()
        await self.nats.close()

    @contextlib.asynccontextmanager
    async def clients(self, *names: str) -> AsyncIterator[list[Client]]:
        """Connected clients under names nobody else has."""
        number = next(_names)
        async with contextlib.AsyncExitStack() as stack:
            yield [await stack.enter_async_context(self.client(f"{name}-{number}")) for name in names]

    def client(self, user: str, *, api: Service | None = None) -> Client:
        def token() -> str:
            return issue(JWT_SECRET, UserId(user), ttl_seconds=3600)

        return Client(user, token, gateways=[self.gateway.ws_url], apis=[(api or self.api).url])

    async def sql(self, statement: str, *arguments: object) -> list[Any]:
        return await rows(self.environment["DATABASE_URL"], statement, *arguments)

    async def letters(self, kind: str) -> list[Any]:
        return await self.sql("SELECT * FROM dead_letters WHERE kind = $1", kind)

    async def count(self, series: str, *services: Service) -> float:
        """A series of the metrics, over these services together."""
        return sum([number(await service.metrics(), series) for service in services])

    async def publish(self, subject: str, message: Envelope | bytes) -> None:
        await self.nats.publish(subject, message if isinstance(message, bytes) else envelopes.encode(message))
        await self.nats.flush()

    async def name_of(self, kind: str) -> str:
        """What the gateway or the worker is called on the bus in this life."""
        heard: list[str] = []

        async def listen(message: Any) -> None:
            heartbeat = envelopes.decode(message.data)
            if isinstance(heartbeat, Heartbeat) and heartbeat.kind == kind:
                heard.append(heartbeat.node)

        listening = await self.nats.subscribe("causerie.heartbeats", cb=listen)
        name = await eventually(lambda: heard[0] if heard else None, what=f"a heartbeat of a {kind}")
        await listening.unsubscribe()
        return str(name)


async def rows(url: str, statement: str, *arguments: object) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(statement, *arguments))
    finally:
        await connection.close()


def number(metrics: str, series: str) -> float:
    found = re.search(rf"^{re.escape(series)} (\S+)$", metrics, re.MULTILINE)
    assert found is not None, f"there is no {series}"
    return float(found[1])
