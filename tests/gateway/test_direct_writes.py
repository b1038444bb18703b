"""Frames go straight to the socket, and through the transport when that is full: one stream all the same.

On both event loops, for each has transports of its own, and by the loops in Python and in C.
"""

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count, islice
from typing import cast

import pytest
import uvloop

from services.gateway.holding import Outlet
from services.gateway.listener import listening_socket
from services.gateway.loops import Loops
from services.gateway.sends import Outbox
from services.gateway.session import End
from tests.support.waiting import eventually

HEAD = b"head;"
FRAME_BYTES = 3_001
SECONDS = 10.0
Run = Callable[[Awaitable[None]], None]


def frame(number: int) -> bytes:
    return b"%08d" % number + b"." * (FRAME_BYTES - 9) + b";"


class AnEnd(Outlet):
    """The server's end of one TCP connection, which begins with bytes that the transport still has."""

    def __init__(self, outbox: Outbox) -> None:
        self._box = outbox
        self.file = 0
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)
        super().__init__(transport, self._box)
        transport.write(HEAD)
        self.file = int(transport.get_extra_info("socket").fileno())

    def pause_writing(self) -> None:
        self.pause(now=1.0)

    def resume_writing(self) -> None:
        self.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        self.drop()
        self.lost = True

    def end(self, end: End) -> None:
        self.finish(b"bye;")


class APlace:
    """A listening socket whose connections share one outbox."""

    def __init__(self, loops: Loops) -> None:
        self.outbox = Outbox(asyncio.get_running_loop().call_soon, loops=loops)
        self.ends: list[AnEnd] = []
        self.port = 0

    def new_end(self) -> AnEnd:
        self.ends.append(AnEnd(self.outbox))
        return self.ends[-1]

    @asynccontextmanager
    async def client(self) -> AsyncIterator[tuple[socket.socket, AnEnd]]:
        """Somebody with little room who has read nothing yet, and the server's end of it."""
        loop = asyncio.get_running_loop()
        with socket.socket() as reader:
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.setblocking(False)
            number = len(self.ends)
            await loop.sock_connect(reader, ("127.0.0.1", self.port))
            await eventually(lambda: len(self.ends) > number and self.ends[number].file, what="the server's end")
            yield reader, self.ends[number]

    async def send(self, data: bytes, *ends: AnEnd) -> None:
        """One turn of the loop's work."""
        self.outbox.spread(data, ends, AnEnd.deliver)
        await turns()


async def turns() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


@asynccontextmanager
async def a_place(loops: Loops) -> AsyncIterator[APlace]:
    place = APlace(loops)
    listener = listening_socket("127.0.0.1", 0)
    server = await asyncio.get_running_loop().create_server(place.new_end, sock=listener)
    place.port = listener.getsockname()[1]
    try:
        yield place
    finally:
        for end in place.ends:
            end._transport.abort()
        server.close()


async def read(reader: socket.socket, size: int) -> bytes:
    data = b""
    async with asyncio.timeout(SECONDS):
        while len(data) < size and (piece := await asyncio.get_running_loop().sock_recv(reader, 65_536)):
            data += piece
    return data


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    return cast(Run, request.param)


def test_a_reader_who_stops_and_goes_on_gets_everything_in_order(run: Run, loops: Loops):
    async def scenario() -> None:
        async with a_place(loops) as place, place.client() as (reader, end):
            sent = HEAD
            numbers = count(1)

            async def send(frames: int) -> None:
                nonlocal sent
                for number in islice(numbers, frames):
                    sent += frame(number)
                    await place.send(frame(number), end)

            got = b""
            for _ in range(4):
                await send(3)
                while end.stuck_since is None:
                    await send(1)
                await send(20)
                assert end._outbox.held_bytes > 0
                # A little first, so that the socket takes something again while the transport is not yet empty.
                got += await read(reader, 50_000)
                await turns()
                await send(5)
                got += await read(reader, len(sent) - len(got))
                await eventually(lambda: end.stuck_since is None, what="a socket that takes everything")

            assert got == sent
            assert end._outbox.held_bytes == 0

    run(scenario())


def test_what_the_transport_still_has_is_not_overtaken(run: Run, loops: Loops):
    async def scenario() -> None:
        async with a_place(loops) as place, place.client() as (reader, end):
            # Full, but not so full that anybody was told to pause.
            number = 0
            while not end._transport.get_write_buffer_size():
                number += 1
                await place.send(frame(number), end)
            assert end.stuck_since is None
            got = await read(reader, 20_000)
            for _ in range(5):
                number += 1
                end.deliver(frame(number))
                await asyncio.sleep(0)
            expected = HEAD + b"".join(map(frame, range(1, number + 1)))
            got += await read(reader, len(expected) - len(got))

            assert got == expected

    run(scenario())


def test_the_last_word_comes_after_everything_else(run: Run, loops: Loops):
    async def scenario() -> None:
        async with a_place(loops) as place, place.client() as (reader, end):
            await place.send(frame(1), end)
            end.deliver(frame(2))
            end.finish(b"bye;")
            end.deliver(frame(3))
            await turns()
            end._transport.close()

            assert await read(reader, 100_000) == HEAD + frame(1) + frame(2) + b"bye;"

    run(scenario())


def test_a_socket_that_is_reset_in_the_middle_of_a_fan_out_harms_nobody(
    run: Run, loops: Loops, caplog: pytest.LogCaptureFixture
):
    async def scenario() -> None:
        async with a_place(loops) as place, AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(place.client()) for _ in range(5)]
            ends = [end for _, end in clients]
            await place.send(frame(1), *ends)

            gone = clients[2][0]
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            gone.close()
            # In this very turn, before the loop can have heard of it.
            place.outbox.spread(frame(2), ends, AnEnd.deliver)
            await turns()
            place.outbox.spread(frame(3), ends, AnEnd.deliver)
            await eventually(lambda: ends[2].lost, what="a connection that is lost")

            expected = HEAD + frame(1) + frame(2) + frame(3)
            for reader, end in clients:
                if end is not ends[2]:
                    assert await read(reader, len(expected)) == expected
                    assert not end.lost

    run(scenario())
    assert not caplog.records


def test_the_file_of_one_who_is_gone_is_never_written_to_again(run: Run, loops: Loops):
    async def scenario() -> None:
        async with a_place(loops) as place, place.client() as (_, end):
            await place.send(frame(1), end)
            end.deliver(frame(2))
            end._transport.abort()
            await eventually(lambda: end.lost, what="a connection that is lost")
            await turns()

            # Somebody else has this number now.
            ours, theirs = socket.socketpair()
            with ours, theirs:
                if ours.fileno() != end.file:
                    os.dup2(ours.fileno(), end.file)
                try:
                    theirs.setblocking(False)
                    await place.send(frame(3), end)
                    end.tell(frame(4))
                    end.finish(b"bye;")
                    await turns()

                    with pytest.raises(BlockingIOError):
                        theirs.recv(1)
                finally:
                    if ours.fileno() != end.file:
                        os.close(end.file)

    run(scenario())
