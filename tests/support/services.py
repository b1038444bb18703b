"""Services as real processes: started as an operator would, waited for, ended whatever the test did."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from causerie.embedded.ports import free_port
from causerie.embedded.process import Process

START_SECONDS = 30.0
ANSWER_SECONDS = 2.0
DRAIN_SECONDS = 40.0


@dataclass(frozen=True)
class Answer:
    """What a small HTTP request got."""

    status: int
    body: bytes


async def get(port: int, path: str, **headers: str) -> Answer | None:
    """One plain GET on loopback; None when nobody answers."""
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
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


class Service:
    """One running service: `url`, `ws_url`, `port`, `health_port`, `pid`, and ways to end or freeze it."""

    def __init__(self, name: str, environment: Mapping[str, str], directory: Path, *, port: int | None = None) -> None:
        self.name = name
        self.port = port or free_port()
        self.health_port = free_port(avoid=frozenset({self.port}))
        self.url = f"http://127.0.0.1:{self.port}"
        self.ws_url = f"ws://127.0.0.1:{self.port}"
        self.log = directory / f"{name}-{self.port}.log"
        settings = {"PORT": str(self.port), "CAUSERIE_HEALTH_PORT": str(self.health_port)}
        self._process = Process(
            f"services.{name}",
            [sys.executable, "-m", *(["causerie", name] if name == "canary" else [f"services.{name}"])],
            record=directory / f"{name}-{self.port}.pid",
            log=self.log,
            ladder=[(signal.SIGTERM, DRAIN_SECONDS)],
            when_orphaned=signal.SIGKILL,
            env=_inherited() | dict(environment) | settings,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.running

    async def start(self) -> "Service":
        """Start it and wait until it says it is ready."""
        self._process.start()
        await self._process.until(self.is_ready, timeout_seconds=START_SECONDS)
        return self

    async def is_ready(self) -> bool:
        answer = await get(self.health_port, "/ready")
        return answer is not None and answer.status == 200

    async def metrics(self) -> str:
        """What Prometheus would scrape."""
        answer = await get(self.health_port, "/metrics")
        assert answer is not None, f"{self.name} does not answer on its health port"
        return answer.body.decode()

    async def stop(self) -> None:
        """SIGTERM, and wait for its drain to end."""
        await self._process.stop()

    def kill(self) -> None:
        """`kill -9`."""
        self._process.kill()

    def freeze(self) -> None:
        """Stop its clock, as an overcommitted machine does."""
        self._process.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.signal(signal.SIGCONT)

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")


class Services:
    """Starts services for one test and ends all of them after it."""

    def __init__(self, environment: Mapping[str, str], directory: Path) -> None:
        self.environment = dict(environment)
        self._directory = directory
        self._started: list[Service] = []

    async def start(self, name: str, *, port: int | None = None, **environment: str) -> Service:
        """Start `services.<name>`; extra settings as keyword arguments."""
        service = Service(name, self.environment | environment, self._directory, port=port)
        self._started.append(service)
        return await service.start()

    def kill_all(self) -> None:
        for service in self._started:
            service.kill()


def _inherited() -> dict[str, str]:
    """What a service needs of our environment; settings of ours would change what is tested."""
    return {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TZ", "PYTHONPATH"}}
