"""Which engine carries the gateway's sockets: bytes per idle connection and deliveries per second, beside its peers.

Three engines in one process each, the same idle reader on the other core: the gateway's own connections fed by its own
fan-out, picows (when it is installed: `pip install picows`), and a loop of bare `write` calls on the same sockets as
the floor no engine can pass.  No store takes part; `idle_memory` measures the whole gateway.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any, cast

import psutil
import uvloop

from bench.raw_socket import RawSocket, connect_all
from bench.report import Cell, Report
from causerie.domain.caller import Caller
from causerie.domain.ids import UserId
from causerie.probes import Ready
from causerie.protocol.websocket import text_frame
from causerie.seats import Delivery
from loadtest.machine import KIB
from services.gateway.admission import Admission, Opening, Room
from services.gateway.connection import Connection
from services.gateway.fanout import FanOut
from services.gateway.hall import Hall
from services.gateway.http import HttpConnection
from services.gateway.listener import listen, listening_socket
from services.gateway.loops import LOOPS, Loops
from services.gateway.pace import Pace
from services.gateway.pending import Pending
from services.gateway.registry import Registry
from services.gateway.sends import Outbox
from services.gateway.session import Rules, Session
from services.gateway.wheel import Wheel

IDLE = 5_000
SUBSCRIBERS = 1_000
DELIVERIES = 400_000
PAYLOAD = b'{"event":"message.new","data":"' + b"x" * 167 + b'"}'
COALESCED = (1, 4, 16)
Send = Callable[[int], None]
"""Send so many frames to every connection."""


class Engine:
    """A listening server that counts its connections and can send to all of them."""

    connections = 0

    async def listen(self) -> int:
        raise NotImplementedError

    def send(self, frames: int) -> None:
        raise NotImplementedError


class OurEngine(Engine):
    """The gateway without its stores: real heads, real connections, real fan-out; everybody is welcome."""

    def __init__(self, loops: Loops = LOOPS) -> None:
        loop = asyncio.get_running_loop()
        self.wheel = Wheel(now=loop.time())
        self.admission = Admission(allowed_origins=(), cookie=None)
        self.pending = Pending(most=100_000)
        self.pace = Pace(100_000)
        self.callers = 0
        self.handshake_seconds = 60.0
        self.readiness: Callable[[], Ready] = lambda: Ready(True)
        self.room = Room(0, 100_000, draining=False)
        self.registry: Registry[Any] = Registry(max_sessions_per_user=20, came=id)
        outbox = Outbox(loop.call_soon, loops=loops)
        self._fan_out = FanOut(
            self.registry,
            call_soon=loop.call_soon,
            steady_clock=time.perf_counter,
            unix_clock=time.time,
            on_poison=lambda delivery, error: None,
            spread=outbox.spread,
        )
        nothing = cast(Any, None)
        self._hall = Hall(
            rules=Rules(),
            wheel=self.wheel,
            outbox=outbox,
            lobby=nothing,
            entrance=nothing,
            ops=nothing,
            now=loop.time,
            forget=lambda guest: None,
        )
        self._users: list[str] = []

    async def listen(self) -> int:
        listener = listening_socket("127.0.0.1", 0)
        await listen(listener, lambda: HttpConnection(self))
        return int(listener.getsockname()[1])

    def open(self, transport: asyncio.Transport, opening: Opening, origin: str | None, rest: bytes) -> None:
        if origin is not None:
            self.pending.leave(origin)
        caller = Caller(UserId(f"user-{self.connections}"), expires_at=2**40)
        session = Session(self._hall.rules, number=self.connections, now=self._hall.now())
        session.admit(caller, now=self._hall.now(), unix_now=time.time())
        connection = Connection(self._hall, transport, session)
        transport.write(opening.head)
        transport.set_protocol(connection)
        connection.begin(None)
        self.registry.add(caller.user, connection)
        self._users.append(caller.user)
        self.connections += 1
        connection.deliver(text_frame(b'{"event":"welcome"}'))

    def send(self, frames: int) -> None:
        delivery = Delivery(bytes(16), 1, "message.new", PAYLOAD, time.time(), self._users)
        self._fan_out.deliver([delivery] * frames)


class PicowsEngine(Engine):
    """picows with its automatic pings off, its smallest read buffer being what it is."""

    def __init__(self) -> None:
        import picows

        engine = self
        self.transports: list[Any] = []
        self._text = picows.WSMsgType.TEXT

        class Listener(picows.WSListener):  # type: ignore[misc]  # picows has no types
            def on_ws_connected(self, transport: Any) -> None:
                engine.connections += 1
                engine.transports.append(transport)
                transport.send(engine._text, b'{"event":"welcome"}')

        self._listener = Listener
        self._picows = picows

    async def listen(self) -> int:
        server = await self._picows.ws_create_server(
            lambda request: self._listener(), "127.0.0.1", 0, enable_auto_ping=False
        )
        return int(server.sockets[0].getsockname()[1])

    def send(self, frames: int) -> None:
        for _ in range(frames):
            for transport in self.transports:
                transport.send(self._text, PAYLOAD)


class Floor(OurEngine):
    """One `write` system call per connection, whatever it carries: nothing between the loop and the kernel."""

    def __init__(self) -> None:
        super().__init__()
        self._files: list[int] = []

    def open(self, transport: asyncio.Transport, opening: Opening, origin: str | None, rest: bytes) -> None:
        super().open(transport, opening, origin, rest)
        self._files.append(transport.get_extra_info("socket").fileno())

    def send(self, frames: int) -> None:
        data = text_frame(PAYLOAD) * frames
        for file in self._files:
            os.write(file, data)


ENGINES: dict[str, Callable[[], Engine]] = {"gateway": OurEngine, "picows": PicowsEngine, "write": Floor}


async def serve(name: str) -> None:
    """The measured process: one line with the port, then one with the figures."""
    engine = ENGINES[name]()
    port = await engine.listen()
    process = psutil.Process()
    empty = process.memory_full_info().uss
    print(port, flush=True)
    while engine.connections < IDLE:
        await asyncio.sleep(0.05)
    await asyncio.sleep(1.0)
    figures = {"kib": (process.memory_full_info().uss - empty) / IDLE / KIB}
    leave(figures)


async def serve_fan_out(name: str) -> None:
    engine = ENGINES[name]()
    print(await engine.listen(), flush=True)
    while engine.connections < SUBSCRIBERS:
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)
    figures = {}
    for frames in COALESCED:
        rounds = DELIVERIES // SUBSCRIBERS // frames
        began = time.process_time()
        for _ in range(rounds):
            engine.send(frames)
            # Two turns: what a turn collected is written at its end. The pause lets the readers keep up.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        figures[str(frames)] = rounds * frames * SUBSCRIBERS / (time.process_time() - began)
        await asyncio.sleep(1.0)
    leave(figures)


def leave(figures: dict[str, float]) -> None:
    """Hand over and vanish: the farewells of a gateway need what is not here."""
    print(json.dumps(figures), flush=True)
    os._exit(0)


async def measured(name: str, what: str, connections: int) -> dict[str, float]:
    """Start an engine, connect to it, read what it sends, and take its figures."""
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.gateway_memory", what, name, stdout=subprocess.PIPE
    )
    assert server.stdout is not None
    port = int(await server.stdout.readline())
    sockets: list[RawSocket] = await connect_all(
        ((number, "", port) for number in range(connections)), lambda socket, text: None
    )
    figures: dict[str, float] = json.loads(await server.stdout.readline())
    for socket in sockets:
        socket.transport.abort()
    await server.wait()
    return figures


async def compare() -> Report:
    rows: list[Sequence[Cell]] = []
    for name in ENGINES:
        if name == "picows" and find_spec("picows") is None:
            continue
        idle = "–" if name == "write" else round((await measured(name, "idle", IDLE))["kib"], 2)
        rates = await measured(name, "fan-out", SUBSCRIBERS)
        rows.append((name, idle, *(round(rates[str(frames)]) for frames in COALESCED)))
    return Report(
        "gateway_memory",
        "the engine under the gateway: memory of an idle connection, deliveries per second of one core",
        ("engine", "KiB per connection", *(f"{frames} a turn" for frames in COALESCED)),
        rows,
        notes=(
            f"{IDLE:,} idle connections; {SUBSCRIBERS:,} subscribers, {len(PAYLOAD)} bytes, per second of CPU",
            "session state included for the gateway, none for picows",
        ),
    )


def main() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    match sys.argv[1:]:
        case ["idle", name]:
            uvloop.run(serve(name))
        case ["fan-out", name]:
            uvloop.run(serve_fan_out(name))
        case _:
            uvloop.run(compare()).publish()


if __name__ == "__main__":
    main()
