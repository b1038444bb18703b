"""A whole platform on loopback for one load test: stores of its own, so many of each service, all gone at the end."""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from causerie.embedded import EmbeddedStores, StoreUrls
from causerie.embedded.ports import free_port
from causerie.embedded.process import Process
from causerie.store import migrate, partitions
from loadtest.sampling import Part, Parts

START_SECONDS = 60.0
DRAIN_SECONDS = 20.0
MONTHS_AHEAD = 3
SERVICES = ("worker", "api", "gateway")
_INHERITED = frozenset({"PATH", "HOME", "LANG", "TZ", "PYTHONPATH"})

SETTINGS = {
    "LOG_LEVEL": "warning",
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


class _Pod:
    """One service as a process."""

    def __init__(self, service: str, number: int, environment: Mapping[str, str], home: Path, logs: Path) -> None:
        self.service = service
        self.port = free_port()
        self.health_port = free_port(avoid=frozenset({self.port}))
        name = f"{service}-{number}"
        own = {"PORT": str(self.port), "CAUSERIE_HEALTH_PORT": str(self.health_port), "CAUSERIE_HOST": "127.0.0.1"}
        self.process = Process(
            name,
            [sys.executable, "-m", f"services.{service}"],
            record=home / f"{name}.pid",
            log=logs / f"{name}.log",
            ladder=[(signal.SIGTERM, DRAIN_SECONDS)],
            when_orphaned=signal.SIGKILL,
            env={**environment, **own},
        )

    @property
    def metrics(self) -> str:
        return f"http://127.0.0.1:{self.health_port}/metrics"

    async def start(self) -> None:
        self.process.start()
        await self.process.until(self._is_ready, timeout_seconds=START_SECONDS)

    async def _is_ready(self) -> bool:
        return await asyncio.to_thread(self._answers)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.health_port}/ready", timeout=2.0) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


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
        inherited = {name: value for name, value in os.environ.items() if name in _INHERITED}
        environment = inherited | SETTINGS | stores.environment() | {"CAUSERIE_JWT_SECRET": secret}
        pods = [
            _Pod(service, n, environment, home, logs) for service in SERVICES for n in range(1, counts[service] + 1)
        ]
        for pod in pods:
            stack.push_async_callback(pod.process.stop)
            await pod.start()
        by_service = {service: [pod for pod in pods if pod.service == service] for service in SERVICES}
        service_parts = [
            Part(service, [pod.process.pid for pod in some], [pod.metrics for pod in some])
            for service, some in by_service.items()
        ]
        yield Running(
            tuple(f"ws://127.0.0.1:{pod.port}" for pod in by_service["gateway"]),
            tuple(f"http://127.0.0.1:{pod.port}" for pod in by_service["api"]),
            secret,
            Parts([*service_parts, *_store_parts(stores)]),
        )


def _store_parts(stores: EmbeddedStores) -> list[Part]:
    """Those that were started here."""
    held = {"postgres": stores.postgres, "redis": stores.valkey, "nats": stores.nats}
    return [
        Part(name, [store.process.pid], (), is_store=True)
        for name, store in held.items()
        if store is not None and store.process is not None
    ]
