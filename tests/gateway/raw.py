"""A TCP connection to a gateway, byte by byte: what no well-behaved library would send."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from causerie.protocol.websocket import unmask

READ_SECONDS = 10.0
UPGRADE = (
    "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


@dataclass(frozen=True)
class Head:
    status: int
    headers: dict[str, str]


class Wire:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def write(self, data: bytes | str) -> None:
        self.writer.write(data.encode() if isinstance(data, str) else data)
        await self.writer.drain()

    async def head(self) -> Head:
        async with asyncio.timeout(READ_SECONDS):
            lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        named = (line.partition(":") for line in lines[1:] if line)
        return Head(int(lines[0].split(" ")[1]), {name.lower(): value.strip() for name, _, value in named})

    async def body(self, head: Head) -> bytes:
        async with asyncio.timeout(READ_SECONDS):
            return await self.reader.readexactly(int(head.headers["content-length"]))

    async def upgrade(self, *headers: str) -> Head:
        await self.write(UPGRADE + "".join(f"{header}\r\n" for header in headers) + "\r\n")
        return await self.head()

    async def frame(self, opcode: int, payload: bytes = b"", *, final: bool = True) -> None:
        key = os.urandom(4)
        size = len(payload)
        length = bytes((0x80 | size,)) if size < 126 else bytes((0xFE,)) + size.to_bytes(2, "big")
        assert size < 1 << 16
        await self.write(bytes(((0x80 if final else 0) | opcode,)) + length + key + unmask(payload, key))

    async def read_frame(self) -> tuple[int, bytes]:
        """One server frame: opcode and payload. It must be whole and unmasked."""
        async with asyncio.timeout(READ_SECONDS):
            first, second = await self.reader.readexactly(2)
            assert first & 0xF0 == 0x80, "server frames here are whole, without reserved bits"
            assert second < 0x80, "server frames are not masked"
            size = second
            if size == 126:
                size = int.from_bytes(await self.reader.readexactly(2), "big")
            elif size == 127:
                size = int.from_bytes(await self.reader.readexactly(8), "big")
            return first & 0x0F, await self.reader.readexactly(size)

    async def close_code(self) -> int:
        """Read on to the close of the server."""
        while True:
            opcode, payload = await self.read_frame()
            if opcode == CLOSE:
                return int.from_bytes(payload[:2], "big")

    async def ended(self) -> bytes:
        """What still comes before the server ends the TCP connection."""
        async with asyncio.timeout(READ_SECONDS):
            return await self.reader.read()


@asynccontextmanager
async def wire_to(port: int) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()
