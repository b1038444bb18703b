"""An API, a gateway and a worker to be attacked, which say everything they have to say into their logs.

Limits on how often somebody may ask are raised out of the way: they have tests of their own, and here they would
answer in the place of the rule that is meant.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import on_stores
from tests.support.services import Service, Services

ALLOWED_ORIGIN = "https://app.example"


@dataclass(frozen=True)
class House:
    api: Service
    gateway: Service
    worker: Service

    @property
    def services(self) -> tuple[Service, ...]:
        return (self.api, self.gateway, self.worker)

    def written(self) -> str:
        """Everything the three have logged."""
        return "\n".join(service.log_text() for service in self.services)


def environment(database_url: str, redis_url: str, nats_url: str, **more: str) -> dict[str, str]:
    return {
        **on_stores(database_url, redis_url, nats_url),
        "CAUSERIE_ALLOWED_ORIGINS": ALLOWED_ORIGIN,
        "CAUSERIE_DRAIN_SECONDS": "1",
        "CAUSERIE_REQUESTS_PER_SECOND": "1000000",
        "CAUSERIE_SENDS_PER_SECOND": "1000000",
        "CAUSERIE_SENDS_BURST": "1000000",
        "CAUSERIE_FRAMES_PER_SECOND": "1000000",
        "LOG_LEVEL": "DEBUG",
    } | more


@contextmanager
def a_house(settings: Mapping[str, str], directory: Path) -> Iterator[House]:
    with Services(settings, directory) as services:

        async def start() -> House:
            return House(*await asyncio.gather(*(services.start(name) for name in ("api", "gateway", "worker"))))

        yield asyncio.run(start())
