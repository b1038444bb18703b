"""What a handshake leaves behind: nothing that waits for the garbage collector, which comes late among many sockets."""

import asyncio
import gc
import weakref

import pytest

from services.gateway.admission import Admission, Opening, Room
from services.gateway.http import HttpConnection
from services.gateway.pace import Pace
from services.gateway.pending import Pending
from services.gateway.wheel import Wheel
from tests.support.waiting import eventually

HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class Watched(HttpConnection):
    """One that can be looked for without being held."""

    __slots__ = ("__weakref__",)


class AHouse:
    """Lets everybody in and does nothing more with them."""

    def __init__(self) -> None:
        self.wheel = Wheel(now=0.0)
        self.admission = Admission(allowed_origins=(), cookie=None)
        self.pending = Pending(most=10)
        self.pace = Pace(10)
        self.callers = 0
        self.handshake_seconds = 10.0
        self.room = Room(0, 10, False)
        self.readiness = lambda: None

    def open(self, transport: asyncio.Transport, opening: Opening, origin: str | None, rest: bytes) -> None:
        transport.set_protocol(asyncio.Protocol())
        transport.write(opening.head)


@pytest.mark.parametrize("sent", [HANDSHAKE, HANDSHAKE[:40]], ids=["let in", "gone in the midst of his head"])
async def test_a_handshake_leaves_nothing_to_the_collector(sent: bytes):
    house = AHouse()
    come: list[weakref.ref[HttpConnection]] = []

    def protocol() -> Watched:
        connection = Watched(house)
        come.append(weakref.ref(connection))
        return connection

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    gc.disable()
    try:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(sent)
        if sent is HANDSHAKE:
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        writer.close()

        async def nothing_left() -> bool:
            house.wheel.turn(asyncio.get_running_loop().time() + 60.0)
            return [left() for left in come] == [None]

        await eventually(nothing_left, what="the handshake to be forgotten")
    finally:
        gc.enable()
        server.close()
