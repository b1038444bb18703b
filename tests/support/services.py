"""Services as real processes: started as an operator would, waited for, ended whatever the test did."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from causerie.embedded import service as embedded
from causerie.embedded.ports import free_port

START_SECONDS = 30.0
ANSWER_SECONDS = 2.0
SCRAPE_SECONDS = 10.0
"""As long as Prometheus waits."""
DRAIN_SECONDS = 40.0


@dataclass(frozen=True)
class Answer:
    """What a small HTTP request got."""

    status: int
    body: bytes


async def get(port: int, path: str, *, timeout_seconds: float = ANSWER_SECONDS, **headers: str) -> Answer | None:
    """One plain GET on loopback; None when nobody answers."""
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    try:
        async with asyncio.timeout(timeout_seconds):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{more}\r\n".encode())
                answer = await reader.read()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return None
    head, _, body = answer.partition(b"\r\n\r\n")
    parts = head.split(b" ", 2)
    return Answer(int(parts[1]), body) if len(parts) == 3 else None


async def accepts(port: int) -> bool:
    """Whether somebody takes connections there."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


class Service(embedded.Service):
    """One service of a test, with what it says of itself."""

    async def metrics(self) -> str:
        """What Prometheus would scrape."""
        answer = await get(self.health_port, "/metrics", timeout_seconds=SCRAPE_SECONDS)
        assert answer is not None, f"{self.name} does not answer on its health port"
        return answer.body.decode()


class Services:
    """Starts services as long as the block `with Services(environment, directory) as started:`, then ends them all."""

    def __init__(self, environment: Mapping[str, str], directory: Path) -> None:
        self.environment = dict(environment)
        self._directory = directory
        self._started: list[Service] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill_all()

    async def start(self, name: str, *, port: int | None = None, **environment: str) -> Service:
        """Start `services.<name>`; extra settings as keyword arguments."""
        port = port or free_port()
        service = Service(
            name,
            embedded.of_the_machine(os.environ) | self.environment | environment,
            port=port,
            drain_seconds=DRAIN_SECONDS,
            record=self._directory / f"{name}-{port}.pid",
            log=self._directory / f"{name}-{port}.log",
        )
        self._started.append(service)
        service.start()
        await service.until_ready(timeout_seconds=START_SECONDS)
        return service

    def kill_all(self) -> None:
        for service in self._started:
            service.kill()
