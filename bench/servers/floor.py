"""The floor: `native/floor.c`, one `send` for each socket and burst."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from bench.cores import SERVER_CORE
from bench.native import program
from bench.processes import running, until_listening
from bench.servers.server import MARK, MARK_BYTES, PAYLOAD, Burst, Clients, Running, Server
from causerie.embedded.ports import free_port

LIFETIME_SECONDS = 900


def floor(payload: str = PAYLOAD, *, processes: int = 1) -> Server:
    """For frames of this payload: what a larger frame costs is not the fault of who sends it."""

    @asynccontextmanager
    async def start(readers: int) -> AsyncIterator[Running]:
        ports: list[int] = []
        pids: list[int] = []
        async with AsyncExitStack() as stack:
            for number in range(processes):
                name, port = f"floor-{number}", free_port()
                command: list[str | Path] = [program("floor"), str(port), str(LIFETIME_SECONDS)]
                process = await stack.enter_async_context(running(name, command, core=SERVER_CORE))
                await until_listening(name, process, port)
                ports.append(port)
                pids.append(process.pid)
            yield Running(ports, pids, Clients(), Clients(), ports, lambda k: Burst(f"{k} {payload}"))

    size = len(payload) - len(MARK) + MARK_BYTES
    return Server(f"floor, {size} bytes", start, "epoll in C, one send per socket and burst", is_floor=True)
