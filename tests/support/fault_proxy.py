"""A TCP proxy that does to a connection what networks do, so that a test can have any of it on any edge.

It lives in a thread with a loop of its own: services of a module keep their connections between its tests, when no
loop of pytest's runs.  What chance decides is decided by a seeded `random.Random`, so a run can be told again.
"""

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

T = TypeVar("T")

CALL_SECONDS = 10.0
CHUNK_BYTES = 65_536
_AT_ONCE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Healthy:
    """Everything passes at once."""


@dataclass(frozen=True)
class Delay:
    """Every piece waits, each a different while."""

    most_seconds: float


@dataclass(frozen=True)
class Throttle:
    """A thin line."""

    bytes_per_second: int


@dataclass(frozen=True)
class BlackHole:
    """Connections are accepted and open ones stay; nothing arrives until it is over."""


@dataclass(frozen=True)
class HalfOpen:
    """The far side of every connection there is has gone without a word; new ones are well."""


@dataclass(frozen=True)
class ResetAfter:
    """Each connection is reset once so many bytes were answered."""

    reply_bytes: int


@dataclass(frozen=True)
class CutReply:
    """A request arrives and its reply does not: with this chance the connection is reset in its place."""

    chance: float


@dataclass(frozen=True)
class Refuse:
    """Open connections are reset and new ones too: nobody is there."""


Fault = Healthy | Delay | Throttle | BlackHole | HalfOpen | ResetAfter | CutReply | Refuse


class _Link:
    """One connection through the proxy."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self.near = near
        self.far = far
        self.replied = 0
        self.is_deserted = False

    def reset(self) -> None:
        for writer in (self.near, self.far):
            _reset(writer)

    def desert(self) -> None:
        """End the far side; the near one is told nothing, now or later."""
        self.is_deserted = True
        self.far.transport.abort()


class FaultProxy:
    """One edge. `url` is the target's, by way of the proxy; `target` may be set anew at any time.

    `hits` counts what the fault did (pieces held, delayed or cut, connections reset), for a fault that never
    happened proves nothing.
    """

    def __init__(self, threaded: "FaultLoop", url: str, *, seed: int) -> None:
        self._threaded = threaded
        self.target = urlsplit(url)
        self.hits = 0
        self.port = 0
        self._random = random.Random(seed)
        self._fault: Fault = Healthy()
        self._changed = asyncio.Event()
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        credentials, at, _ = self.target.netloc.rpartition("@")
        return urlunsplit(self.target._replace(netloc=f"{credentials}{at}127.0.0.1:{self.port}"))

    @property
    def connections(self) -> int:
        """Those that are open from end to end."""
        return sum(not link.is_deserted for link in self._links.copy())

    def point_to(self, url: str) -> None:
        """Send new connections elsewhere, as a name does that was given to another server; open ones stay."""
        self.target = urlsplit(url)

    def suffer(self, fault: Fault) -> None:
        """Do this to every connection, open or new, until told otherwise."""
        self._threaded.run(self._set(fault))

    def heal(self) -> None:
        """Be a good network again; what was held passes on."""
        self._threaded.run(self._set(Healthy()))

    @contextmanager
    def suffering(self, fault: Fault) -> Iterator[None]:
        self.suffer(fault)
        try:
            yield
        finally:
            self.heal()

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for link in list(self._links):
            link.reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _set(self, fault: Fault) -> None:
        self._fault = fault
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        if isinstance(fault, HalfOpen | Refuse):
            for link in list(self._links):
                self.hits += 1
                link.desert() if isinstance(fault, HalfOpen) else link.reset()
        for link in self._links:
            link.replied = 0

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        # Cancelled only by `close`; the stream that made this task would report it as a fault.
        try:
            with suppress(asyncio.CancelledError):
                await self._relay(reader, writer)
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if isinstance(self._fault, Refuse):
            self.hits += 1
            _reset(writer)
            return
        try:
            there, back = await asyncio.open_connection(self.target.hostname, self.target.port)
        except OSError:
            return
        link = _Link(writer, back)
        self._links.add(link)
        try:
            asking = asyncio.create_task(self._pass(link, reader, back, is_reply=False))
            answering = asyncio.create_task(self._pass(link, there, writer, is_reply=True))
            await asyncio.gather(asking, answering)
            if link.is_deserted:
                await _closed_by_peer(reader)
        finally:
            self._links.discard(link)
            back.transport.abort()

    async def _pass(
        self, link: _Link, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, is_reply: bool
    ) -> None:
        with suppress(OSError):
            while data := await source.read(CHUNK_BYTES):
                if link.is_deserted:
                    return
                if not await self._lets_pass(link, data, is_reply=is_reply):
                    link.reset()
                    return
                if link.is_deserted:
                    return
                sink.write(data)
                await sink.drain()
        if not link.is_deserted:
            sink.close()

    async def _lets_pass(self, link: _Link, data: bytes, *, is_reply: bool) -> bool:
        """Wait as the fault demands; False when the connection is to be reset instead."""
        while isinstance(self._fault, BlackHole):
            self.hits += 1
            await self._changed.wait()
        match self._fault:
            case Delay(most_seconds):
                self.hits += 1
                await self._wait(self._random.uniform(0.0, most_seconds))
            case Throttle(bytes_per_second):
                self.hits += 1
                await self._wait(len(data) / bytes_per_second)
            case ResetAfter(reply_bytes) if is_reply:
                link.replied += len(data)
                if link.replied > reply_bytes:
                    self.hits += 1
                    return False
            case CutReply(chance) if is_reply and self._random.random() < chance:
                self.hits += 1
                return False
            case _:
                pass
        return True

    async def _wait(self, seconds: float) -> None:
        """So long, or until the fault is over."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)


class FaultLoop:
    """The thread in which proxies live."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxies", daemon=True)
        self._proxies: list[FaultProxy] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        for proxy in self._proxies:
            self.run(proxy.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CALL_SECONDS)
        self._loop.close()

    def proxy(self, url: str, *, seed: int = 0) -> FaultProxy:
        """A new edge to the address, healthy and listening."""
        proxy = FaultProxy(self, url, seed=seed)
        self.run(proxy.listen())
        self._proxies.append(proxy)
        return proxy

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(CALL_SECONDS)


@contextmanager
def fault_loop() -> Iterator[FaultLoop]:
    """Proxies for the length of a block."""
    running = FaultLoop()
    running.start()
    try:
        yield running
    finally:
        running.stop()


def _reset(writer: asyncio.StreamWriter) -> None:
    """As a RST: an end without it is one that the other side may take for a farewell."""
    if not writer.transport.is_closing():
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    writer.transport.abort()


async def _closed_by_peer(reader: asyncio.StreamReader) -> None:
    """Swallow what the deserted side still says, until it gives up."""
    with suppress(OSError):
        while await reader.read(CHUNK_BYTES):
            pass
