"""The cheapest client that is one: a protocol on the loop that reads frames without decoding them.

A generator shares the two cores with what it measures, so it must cost little: frames to send are bytes made
beforehand, masked with zeros (which RFC 6455 allows and which leaves them as they are), and of what comes in only
the beginning of a frame's text is looked at, by whoever is given it.
"""

import asyncio
import base64
import os
import struct
from collections.abc import Callable, Iterable
from typing import cast

OnText = Callable[["RawSocket", bytes], None]

_PING, _PONG, _CLOSE, _TEXT = 0x9, 0xA, 0x8, 0x1
_ZERO_MASK = bytes(4)


def client_frame(payload: bytes, opcode: int = _TEXT) -> bytes:
    """A masked frame whose mask is zero."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    elif size < 65536:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size)
    return head + _ZERO_MASK + payload


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
        self._request = (
            "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
            f"Authorization: Bearer {token}\r\n\r\n"
        ).encode()

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
        self._frames(data)

    def _frames(self, data: bytes) -> None:
        place, end = 0, len(data)
        while end - place >= 2:
            size, head = data[place + 1], 2
            if size == 126:
                if end - place < 4:
                    break
                size, head = (data[place + 2] << 8) | data[place + 3], 4
            elif size == 127:
                if end - place < 10:
                    break
                size, head = int.from_bytes(data[place + 2 : place + 10]), 10
            if end - place < head + size:
                break
            payload = data[place + head : place + head + size]
            opcode = data[place] & 0xF
            place += head + size
            if opcode == _TEXT:
                if self.ready.done():
                    self._on_text(self, payload)
                elif payload.startswith(b'{"event":"welcome"'):
                    self.ready.set_result(None)
            elif opcode == _PING:
                self.transport.write(client_frame(payload, _PONG))
            elif opcode == _CLOSE:
                self.transport.close()
        self._buffer = data[place:]


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
