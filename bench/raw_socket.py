"""The cheapest client that is one: a protocol on the loop that reads frames without decoding them.

A generator shares the two cores with what it measures, so it must cost little: frames to send are bytes made
beforehand, masked with zeros (which RFC 6455 allows and which leaves them as they are), and of what comes in only
the beginning of a frame's text is looked at, by whoever is given it.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import cast

from loadtest.frames import CLOSE, PING, PONG, TEXT, client_frame, server_frames, upgrade

OnText = Callable[["RawSocket", bytes], None]


class RawSocket(asyncio.Protocol):
    """One authenticated session. `ready` is done after `welcome`; `on_text` gets every later text."""

    __slots__ = ("_buffer", "_on_text", "_request", "_upgraded", "index", "lost", "ready", "transport")

    def __init__(self, index: int, token: str, on_text: OnText) -> None:
        self.index = index
        self.transport: asyncio.Transport
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.lost = False
        self._on_text = on_text
        self._buffer = b""
        self._upgraded = False
        self._request = upgrade("127.0.0.1", "/ws", token)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not an `isinstance`: the transports of uvloop are of no class of asyncio's.
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self._request)
        self._request = b""

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if not self.ready.done():
            self.ready.set_exception(exc or ConnectionResetError("closed before welcome"))

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        if not self._upgraded:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._buffer = data
                return
            if not data.startswith(b"HTTP/1.1 101"):
                self.ready.set_exception(ConnectionRefusedError(data[:end].decode("latin-1")))
                self.transport.abort()
                return
            self._upgraded = True
            data = data[end + 4 :]
        frames, self._buffer = server_frames(data)
        for opcode, payload in frames:
            if opcode == TEXT:
                if self.ready.done():
                    self._on_text(self, payload)
                elif payload.startswith(b'{"event":"welcome"'):
                    self.ready.set_result(None)
            elif opcode == PING:
                self.transport.write(client_frame(payload, PONG))
            elif opcode == CLOSE:
                self.transport.close()


async def connect_all(
    sessions: Iterable[tuple[int, str, int]], on_text: OnText, *, at_once: int = 50
) -> list[RawSocket]:
    """Open sessions given as (index, token, port), a bounded number at a time, and wait for every welcome."""
    loop = asyncio.get_running_loop()
    slots = asyncio.Semaphore(at_once)

    async def one(index: int, token: str, port: int) -> RawSocket:
        async with slots:
            _, socket = await loop.create_connection(lambda: RawSocket(index, token, on_text), "127.0.0.1", port)
            await asyncio.wait_for(socket.ready, 20.0)
            return socket

    return list(await asyncio.gather(*(one(*session) for session in sessions)))
