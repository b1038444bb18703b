"""The engine under the gateway alone: its heads, connections and fan-out, without stores and without a pipeline.

Asked on a second port, in plain lines `K PAYLOAD`, it hands K deliveries to the fan-out in one turn of its loop, as a
batch from a worker would.  `python -m bench.servers.engine PORT CONTROL_PORT` is the process.
"""

import asyncio
import sys
import time
from collections import deque
from collections.abc import AsyncIterator
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

CHANNEL = ConversationId(UUID(int=1))
READERS = Clients(path="/ws", script=[('{"event":"welcome"', "")], counted="@t")


class Channel(OurEngine):
    """Everybody who comes follows one channel."""

    def open(self, transport: asyncio.Transport, opening: Opening, origin: str | None, rest: bytes) -> None:
        super().open(transport, opening, origin, rest)
        (connection,) = self.registry.of_user(self._users.pop())
        self.registry.follow(CHANNEL, connection)

    def publish(self, copies: int, payload: bytes) -> None:
        delivery = Delivery(CHANNEL.bytes, 1, "message.new", payload, time.time(), None)
        self._fan_out.deliver([delivery] * copies)


class Control(asyncio.Protocol):
    """Lines from the publisher, in whatever pieces they come; each gets a turn of the loop of its own.

    Else two bursts that were read together would leave in one write, and what is called one frame would be two.
    """

    def __init__(self, engine: Channel) -> None:
        self._engine = engine
        self._rest = b""
        self._waiting: deque[bytes] = deque()
        self._is_due = False

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._waiting.extend(lines)
        if not self._is_due:
            self._publish()

    def _publish(self) -> None:
        self._is_due = False
        if self._waiting:
            copies, _, payload = self._waiting.popleft().partition(b" ")
            self._engine.publish(int(copies), payload)
            # Two turns: what a turn collected is written at its end.
            self._is_due = True
            loop = asyncio.get_running_loop()
            loop.call_soon(lambda: loop.call_soon(self._publish))


async def serve(port: int, control_port: int) -> None:
    engine = Channel()
    loop = asyncio.get_running_loop()
    await listen(listening_socket("127.0.0.1", port), lambda: HttpConnection(engine))
    control = await loop.create_server(lambda: Control(engine), "127.0.0.1", control_port)
    await control.serve_forever()


@asynccontextmanager
async def _start(readers: int) -> AsyncIterator[Running]:
    port = free_port()
    control_port = free_port(avoid=frozenset({port}))
    command = [sys.executable, "-m", "bench.servers.engine", str(port), str(control_port)]
    async with running("engine", command, core=SERVER_CORE, folder=ROOT) as process:
        await until_listening("engine", process, control_port)
        publisher = Clients(raw=True)
        yield Running([port], [process.pid], READERS, publisher, [control_port], lambda k: Burst(f"{k} {PAYLOAD}\n"))


ENGINE = Server("causerie engine", _start, "heads, connections and fan-out of the gateway, no stores")


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))
