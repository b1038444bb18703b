"""A TCP relay between a service and a store, so that a test can take the store away and give it back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit


class Relay:
    """Passes bytes on until told otherwise; `url` is the store's, by way of the relay.

    `freezes_at` is what it must hear to freeze by itself, and never passes on.
    """

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._passing = asyncio.Event()
        self._passing.set()
        self._port = 0
        self.freezes_at: bytes | None = None
        self.overhear: Callable[[], Callable[[bytes], None]] | None = None
        """Makes, for each new connection, who is told what passes towards the store."""

    @property
    def url(self) -> str:
        credentials, at, _ = self._target.netloc.rpartition("@")
        return urlunsplit(self._target._replace(netloc=f"{credentials}{at}127.0.0.1:{self._port}"))

    async def start(self) -> None:
        """Listen, on the same port as before."""
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Refuse and break every connection, as a server that died."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            writer.transport.abort()

    def freeze(self) -> None:
        """Go on accepting and say nothing any more, as a server whose machine hangs."""
        self._passing.clear()

    def thaw(self) -> None:
        self._passing.set()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(self._target.hostname, self._target.port)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, back}
        ear = self.overhear() if self.overhear is not None else None
        await asyncio.gather(self._pass(reader, back, ear), self._pass(there, writer))
        self._open -= {writer, back}

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        ear: Callable[[bytes], None] | None = None,
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                if ear is not None:
                    ear(data)
                if self.freezes_at is not None and self.freezes_at in data:
                    self.freeze()
                await self._passing.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def relay_to(url: str) -> AsyncIterator[Relay]:
    """A relay for the length of a block."""
    relay = Relay(url)
    await relay.start()
    try:
        yield relay
    finally:
        relay.thaw()
        await relay.cut()
