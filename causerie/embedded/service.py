"""A service of ours as a process, as `causerie run`, a load test and the tests have it beside the stores.

It is started as an operator starts it and never imported, so that its crash, its signals and its settings are its own.
"""

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path

from causerie import interpreter
from causerie.embedded.ports import free_port
from causerie.embedded.process import Process

ANSWER_SECONDS = 2.0
_OF_THE_MACHINE = frozenset({"PATH", "HOME", "LANG", "TZ", "PYTHONPATH"})


class Service(Process):
    """An API, a gateway, a worker or a canary at `port` and `health_port`; those not given are what is free.

    A `port` of 0 is none at all; `environment` is all it is given besides.  `drain_seconds` after SIGTERM it is killed.
    """

    def __init__(
        self,
        service: str,
        environment: Mapping[str, str],
        *,
        name: str | None = None,
        drain_seconds: float,
        port: int | None = None,
        health_port: int | None = None,
        record: Path | None = None,
        log: Path | None = None,
    ) -> None:
        self.service = service
        self.port = free_port() if port is None else port
        self.health_port = free_port() if health_port is None else health_port
        self.url = f"http://127.0.0.1:{self.port}"
        self.ws_url = f"ws://127.0.0.1:{self.port}"
        self.metrics_url = f"http://127.0.0.1:{self.health_port}/metrics"
        ports = {"CAUSERIE_HEALTH_PORT": str(self.health_port)} | ({"PORT": str(self.port)} if self.port else {})
        super().__init__(
            name or service,
            interpreter.command(service),
            ladder=[(signal.SIGTERM, drain_seconds)],
            record=record,
            log=log,
            # Whoever started it has mostly started its stores too: there is nothing left to drain into.
            when_orphaned=signal.SIGKILL,
            env=interpreter.environment(service, {**environment, **ports}),
        )

    async def until_ready(self, *, timeout_seconds: float) -> None:
        """Wait until it takes work.

        Raises:
            StoreFailed: it ended instead, or was not ready in time.
        """
        await self.until(self.is_ready, timeout_seconds=timeout_seconds)

    async def is_ready(self) -> bool:
        return await is_ready(self.health_port)


def of_the_machine(environment: Mapping[str, str]) -> dict[str, str]:
    """What a service needs of our own environment to run at all; settings of ours would change what is tried."""
    return {name: value for name, value in environment.items() if name in _OF_THE_MACHINE}


async def is_ready(port: int) -> bool:
    """Whether `/ready` on that health port of this machine answers 200."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(b"GET /ready HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                status = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
    return b" 200 " in status
