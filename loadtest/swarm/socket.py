"""One connection: a protocol on the loop that reads heads and frames and keeps nothing in between."""

import asyncio
import socket
from typing import Protocol, cast

from loadtest.frames import CLOSE, PING, PONG, TEXT, client_frame, server_frames

MAX_HEAD_BYTES = 16 * 1024
_SWITCHED = b"HTTP/1.1 101"


class Owner(Protocol):
    """Who is told what happens to a connection. `person` is its number."""

    def refused(self, person: int, status: int, come_back_seconds: float | None) -> None: ...

    def heard(self, person: int, payload: bytes) -> None: ...

    def lost(self, person: int) -> None: ...


class Socket(asyncio.Protocol):
    """From the upgrade to the end. The owner forgets it before cutting it, and then hears nothing more of it."""

    __slots__ = ("_is_upgraded", "_opening", "_owner", "_person", "_rest", "_transport")

    def __init__(self, owner: Owner, person: int, opening: bytes) -> None:
        self._owner: Owner | None = owner
        self._person = person
        self._opening = opening
        self._rest = b""
        self._is_upgraded = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not an `isinstance`: the transports of uvloop are of no class of asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._opening)
        self._opening = b""

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._owner is not None:
            self._owner.lost(self._person)
            self._owner = None

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
            self._rest = b""
        if not self._is_upgraded:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._rest = data[:MAX_HEAD_BYTES]
                return
            if not data.startswith(_SWITCHED):
                self._refused(data[:end])
                return
            self._is_upgraded = True
            data = data[end + 4 :]
        frames, self._rest = server_frames(data)
        for opcode, payload in frames:
            if opcode == TEXT:
                if self._owner is not None:
                    self._owner.heard(self._person, payload)
            elif opcode == PING:
                self._write(client_frame(payload, PONG))
            elif opcode == CLOSE and self._transport is not None:
                self._write(client_frame(payload, CLOSE))
                self._transport.close()

    def say(self, text: bytes) -> None:
        self._write(client_frame(text))

    def close(self) -> None:
        """Say goodbye; nobody waits for the answer."""
        self._owner = None
        self._write(client_frame((1000).to_bytes(2, "big"), CLOSE))
        if self._transport is not None:
            self._transport.close()

    def cut(self) -> None:
        """End it without a word, as a network does."""
        self._owner = None
        if self._transport is not None:
            self._transport.abort()

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _refused(self, head: bytes) -> None:
        lines = head.decode("latin-1").split("\r\n")
        words = lines[0].split(" ", 2)
        status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
        pause = next((line.partition(":")[2].strip() for line in lines if line.lower().startswith("retry-after:")), "")
        owner, self._owner = self._owner, None
        if self._transport is not None:
            self._transport.abort()
        if owner is not None:
            owner.refused(self._person, status, float(pause) if pause.isdigit() else None)


async def connect(owner: Owner, person: int, opening: bytes, address: tuple[str, int], *, source: str | None) -> Socket:
    """Open one, from the source address if there is one: an address has 28,000 ports."""
    loop = asyncio.get_running_loop()
    raw = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    raw.setblocking(False)
    try:
        if source is not None:
            raw.bind((source, 0))
        await loop.sock_connect(raw, address)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _, protocol = await loop.create_connection(lambda: Socket(owner, person, opening), sock=raw)
    except BaseException:
        raw.close()
        raise
    return protocol
