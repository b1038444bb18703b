"""What the three embedded servers have in common: a remembered port, a start tried again, an end."""

from abc import ABC, abstractmethod
from pathlib import Path

from causerie.embedded.ports import Ports
from causerie.embedded.process import Process, StoreFailed, end_leftover

START_SECONDS = 60.0
"""PostgreSQL may have a crash to recover from."""
ATTEMPTS = 3
"""Somebody may take the port between our look and the server's bind."""


class Server(ABC):
    """One server from a wheel; its files lie in `directory` under its name."""

    def __init__(self, directory: Path, ports: Ports, name: str) -> None:
        self._name = name
        self._ports = ports
        self._log = directory / f"{name}.log"
        self._record = directory / f"{name}.pid"
        self._port = 0
        self.process: Process | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """The address for clients."""

    async def start(self) -> None:
        """Start and wait until clients are answered.

        Raises:
            StoreFailed: with the server's last words.
        """
        await end_leftover(self._record)
        for attempt in range(1, ATTEMPTS + 1):
            self._port = self._ports.of(self._name)
            self.process = self._server()
            self.process.start()
            try:
                await self._until_ready(self.process)
                break
            except StoreFailed:
                await self.process.stop()
                if attempt == ATTEMPTS or not self._may_try_again(self.process):
                    raise

    async def stop(self) -> None:
        """Stop it in good order."""
        if self.process is not None:
            await self.process.stop()

    def kill(self) -> None:
        """Crash it, as a machine that loses power would."""
        if self.process is not None:
            self.process.kill()

    @abstractmethod
    def _server(self) -> Process:
        """The process to start at `_port`."""

    @abstractmethod
    async def _until_ready(self, process: Process) -> None:
        """Wait until it answers clients."""

    def _may_try_again(self, failed: Process) -> bool:
        return True
