"""A whole platform on loopback for one load test: stores of its own, so many of each service, all gone at the end."""

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from causerie.embedded import EmbeddedStores, StoreUrls
from causerie.embedded.service import Service, of_the_machine
from causerie.store import migrate, partitions
from loadtest.sampling import Part, Parts

START_SECONDS = 60.0
DRAIN_SECONDS = 20.0
MONTHS_AHEAD = 3
SERVICES = ("worker", "api", "gateway")

SETTINGS = {
    "LOG_LEVEL": "warning",
    "CAUSERIE_HOST": "127.0.0.1",
    "CAUSERIE_DRAIN_SECONDS": "2",
    # One address plays thousands of people; the pace of handshakes stays what an operator gets.
    "CAUSERIE_PENDING_PER_ADDRESS": "20000",
}


@dataclass(frozen=True)
class Running:
    """Where a platform is, and what of it can be weighed."""

    gateways: tuple[str, ...]
    apis: tuple[str, ...]
    secret: str
    parts: Parts


@asynccontextmanager
async def running(counts: Mapping[str, int], logs: Path, *, external: StoreUrls) -> AsyncIterator[Running]:
    """Start so many of each service, and the stores that have no address; what the services log stays in `logs`."""
    logs.mkdir(parents=True, exist_ok=True)
    secret = secrets.token_urlsafe(48)
    # Not below the checkout: PostgreSQL runs as somebody who may not enter there when we are root.
    home = Path(tempfile.mkdtemp(prefix="causerie-load-"))
    home.chmod(0o755)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        stores = await stack.enter_async_context(EmbeddedStores(home, external=external))
        await migrate.up(stores.database_url)
        await partitions.ensure(stores.database_url, months_ahead=MONTHS_AHEAD)
        ours = SETTINGS | stores.environment() | {"CAUSERIE_JWT_SECRET": secret}
        environment = of_the_machine(os.environ) | ours
        pods = {
            service: [_pod(service, n, environment, home, logs) for n in range(1, counts[service] + 1)]
            for service in SERVICES
        }
        for pod in chain.from_iterable(pods.values()):
            stack.push_async_callback(pod.stop)
            pod.start()
            await pod.until_ready(timeout_seconds=START_SECONDS)
        service_parts = [
            Part(service, [pod.pid for pod in some], [pod.metrics_url for pod in some])
            for service, some in pods.items()
        ]
        yield Running(
            tuple(pod.ws_url for pod in pods["gateway"]),
            tuple(pod.url for pod in pods["api"]),
            secret,
            Parts([*service_parts, *_store_parts(stores)]),
        )


def _pod(service: str, number: int, environment: Mapping[str, str], home: Path, logs: Path) -> Service:
    name = f"{service}-{number}"
    record, log = home / f"{name}.pid", logs / f"{name}.log"
    return Service(service, environment, name=name, drain_seconds=DRAIN_SECONDS, record=record, log=log)


def _store_parts(stores: EmbeddedStores) -> list[Part]:
    """Those that were started here."""
    held = {"postgres": stores.postgres, "redis": stores.valkey, "nats": stores.nats}
    return [
        Part(name, [store.process.pid], (), is_store=True)
        for name, store in held.items()
        if store is not None and store.process is not None
    ]
