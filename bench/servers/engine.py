"""The engine under the gateway alone: its heads, connections and fan-out, without stores and without a pipeline.

Asked on a second port, in plain lines `K PAYLOAD`, it hands K deliveries to the fan-out in one turn of its loop, as a
batch from a worker would.  `python -m bench.servers.engine PORT CONTROL_PORT` is the process; with `together` as a
further argument it takes all lines that have come as one batch, as it does who coalesces whatever waits, and with
`python` it has its loops in Python, where those in C were built too.
"""

import asyncio
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from uuid import UUID

import uvloop

from bench.cores import SERVER_CORE
from bench.gateway_memory import OurEngine
from bench.processes import running, until_listening
from bench.report import ROOT
from bench.servers.server import PAYLOAD, Burst, Clients, Running, Server
from causerie.domain.ids import ConversationId
from causerie.embedded.ports import free_port
from causerie.seats import Delivery
from services.gateway.admission import Opening
from services.gateway.http import HttpConnection
from services.gateway.listener import listen, listening_socket
from services.gateway.loops import IN_PYTHON, LOOPS, Loops

CHANNEL = ConversationId(UUID(int=1))
READERS = Clients(path="/ws", script=[('{"event":"welcome"', "")], counted="@t")


class Channel(OurEngine):
    """Everybody who comes follows one channel."""

    def open(self, transport: asyncio.Transport, opening: Opening, origin: str | None, rest: bytes) -> None:
        super().open(transport, opening, origin, rest)
        (connection,) = self.registry.of_user(self._users.pop())
        self.registry.follow(CHANNEL, connection)

    @property
    def is_busy(self) -> bool:
        return self._fan_out.is_busy

    def publish(self, lines: Iterable[bytes]) -> None:
        batch: list[Delivery] = []
        for line in lines:
            copies, _, payload = line.partition(b" ")
            batch += [Delivery(CHANNEL.bytes, 1, "message.new", payload, time.time(), None)] * int(copies)
        self._fan_out.deliver(batch)


class Control(asyncio.Protocol):
    """Lines from the publisher, in whatever pieces they come; apart, each gets a turn of the loop of its own.

    Else two bursts that were read together would leave in one write, and what is called one frame would be two.
    """

    def __init__(self, engine: Channel, *, together: bool) -> None:
        self._engine = engine
        self._together = together
        self._rest = b""
        self._waiting: deque[bytes] = deque()
        self._is_due = False

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if self._together:
            self._engine.publish(lines)
            return
        self._waiting.extend(lines)
        if not self._is_due:
            self._publish()

    def _publish(self) -> None:
        self._is_due = False
        if self._waiting:
            if not self._engine.is_busy:
                self._engine.publish([self._waiting.popleft()])
            # Two turns: what a turn collected is written at its end.
            self._is_due = True
            loop = asyncio.get_running_loop()
            loop.call_soon(lambda: loop.call_soon(self._publish))


async def serve(port: int, control_port: int, *, together: bool, loops: Loops) -> None:
    engine = Channel(loops)
    loop = asyncio.get_running_loop()
    await listen(listening_socket("127.0.0.1", port), lambda: HttpConnection(engine))
    control = await loop.create_server(lambda: Control(engine, together=together), "127.0.0.1", control_port)
    await control.serve_forever()


def _engine(name: str, remark: str, *mode: str) -> Server:
    @asynccontextmanager
    async def start(readers: int) -> AsyncIterator[Running]:
        port = free_port()
        control_port = free_port()
        command = [sys.executable, "-m", "bench.servers.engine", str(port), str(control_port), *mode]
        async with running("engine", command, core=SERVER_CORE, folder=ROOT) as process:
            await until_listening("engine", process, control_port)
            publisher = Clients(raw=True)
            yield Running(
                [port], [process.pid], READERS, publisher, [control_port], lambda k: Burst(f"{k} {PAYLOAD}\n")
            )

    return Server(name, start, remark)


_IN = f"loops in {LOOPS.language}"
ENGINE = _engine("causerie engine", f"heads, connections and fan-out of the gateway, no stores; {_IN}")
COALESCING = _engine("causerie coalescing", "the same; bursts that are read together leave together", "together")
WITHOUT_C = _engine("causerie without C", "the engine with its loops in Python", "python")


if __name__ == "__main__":
    chosen = IN_PYTHON if "python" in sys.argv[3:] else LOOPS
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2]), together="together" in sys.argv[3:], loops=chosen))
