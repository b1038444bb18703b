"""What the loops of the fan-out cost, in Python and in C, beside a bare loop of `send`: `python -m bench.loops`.

The sockets, the moment and the process are the same for all: they write to everybody by turns, a few milliseconds each,
so that what else the machine does disturbs them alike, and ratios are those of turns that follow each other.  `fanout`
measures the whole engine, from its own process.  One figure more: how long a fan-out takes while another thread
computes, as an exporter of spans does.
"""

import argparse
import asyncio
import ctypes
import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import cast

import uvloop

from bench.cores import OTHER_CORE, SERVER_CORE
from bench.generator import Clients, swarm
from bench.native import NoCompiler, program
from bench.report import Cell, Report, percentile
from bench.servers.server import MARK, MARK_BYTES, PAYLOAD
from causerie.protocol.websocket import text_frame
from services.gateway.holding import Outlet
from services.gateway.listener import listen, listening_socket
from services.gateway.loops import IN_C, IN_PYTHON, Loops
from services.gateway.sends import Outbox
from services.gateway.session import End

FRAME = text_frame(PAYLOAD.replace(MARK, "." * MARK_BYTES).encode())
CHUNK = 128
"""As many as the fan-out gives a frame to at once."""
CONNECTS_PER_SECOND = 2_000.0
ACCEPT_SECONDS = 10.0
REST_SECONDS_PER_SOCKET = 6e-6
"""Between two turns, for the readers to catch up."""
TURNS_BESIDE_A_THREAD = 12
FLOOR = "send in C"
Way = Callable[[bytes], None]
"""Writes to everybody."""


class Reader(Outlet):
    """The server's end of one connection."""

    def __init__(self, outbox: Outbox, present: "list[Reader]") -> None:
        self._box = outbox
        self._present = present
        self.file = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().__init__(cast(asyncio.Transport, transport), self._box)
        self.file = int(transport.get_extra_info("socket").fileno())
        self._present.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.drop()

    def end(self, end: End) -> None:
        raise RuntimeError("a reader was too slow")


def through(loops: Loops, readers: Sequence[Reader]) -> Way:
    soon: list[Callable[[], None]] = []
    outbox = Outbox(soon.append, loops=loops)
    chunks = [readers[place : place + CHUNK] for place in range(0, len(readers), CHUNK)]

    def write(data: bytes) -> None:
        for chunk in chunks:
            outbox.spread(data, chunk, Reader.deliver)
        soon.pop()()

    return write


def bare(readers: Sequence[Reader]) -> Way:
    # Not ctypes.CDLL: that would let go of the GIL.
    send_to_all = ctypes.PyDLL(str(program("sends"))).send_to_all
    files = (ctypes.c_int * len(readers))(*(reader.file for reader in readers))

    def write(data: bytes) -> None:
        if send_to_all(files, len(readers), data, ctypes.c_size_t(len(data))) != len(readers):
            raise RuntimeError("a reader was too slow")

    return write


@contextmanager
def a_thread_that_computes() -> Iterator[None]:
    done = threading.Event()

    def compute() -> None:
        os.sched_setaffinity(0, {SERVER_CORE, OTHER_CORE})
        while not done.is_set():
            sum(range(100))

    thread = threading.Thread(target=compute)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


async def measure(sockets: int, bursts: Sequence[int], rounds: int) -> list[list[Cell]]:
    present: list[Reader] = []
    outbox = Outbox(asyncio.get_running_loop().call_soon)
    listener = listening_socket("127.0.0.1", 0)
    server = await listen(listener, lambda: Reader(outbox, present))
    rest = sockets * REST_SECONDS_PER_SOCKET
    rows: list[list[Cell]] = []
    async with swarm() as generator:
        port = int(listener.getsockname()[1])
        await generator.connect("readers", Clients(raw=True), [port], sockets, rate=CONNECTS_PER_SECOND)
        async with asyncio.timeout(ACCEPT_SECONDS):
            while len(present) < sockets:
                await asyncio.sleep(0.01)
        ways = {FLOOR: bare(present)}
        ways |= {f"in {loops.language}": through(loops, present) for loops in (IN_PYTHON, IN_C) if loops is not None}
        for burst in bursts:
            spent: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(rounds):
                for name in random.sample([*ways], len(ways)):
                    await asyncio.sleep(rest)
                    began = time.thread_time_ns()
                    ways[name](FRAME * burst)
                    spent[name].append((time.thread_time_ns() - began) / 1e3 / sockets)
            beside = await beside_a_thread(ways, FRAME * burst, rest)
            for name, each in spent.items():
                row: list[Cell] = [sockets, burst, name, median(each), percentile(sorted(each), 0.1)]
                for other in (FLOOR, f"in {IN_PYTHON.language}"):
                    row.append(median(theirs / ours for theirs, ours in zip(spent[other], each, strict=True)))
                rows.append([*row, beside[name]])
    server.close()
    return rows


async def beside_a_thread(ways: dict[str, Way], data: bytes, rest: float) -> dict[str, float]:
    """Milliseconds for everybody while another thread computes."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    with a_thread_that_computes():
        for _ in range(TURNS_BESIDE_A_THREAD):
            for name, write in ways.items():
                await asyncio.sleep(rest)
                began = time.perf_counter()
                write(data)
                taken[name].append(1e3 * (time.perf_counter() - began))
    return {name: median(each) for name, each in taken.items()}


async def compare(arguments: argparse.Namespace) -> Report:
    os.sched_setaffinity(0, {SERVER_CORE})
    rows = [row for sockets in arguments.sockets for row in await measure(sockets, arguments.bursts, arguments.rounds)]
    return Report(
        "loops",
        "what the loops of the fan-out cost, by turns in one process",
        (
            "sockets",
            "at once",
            "loops",
            "CPU µs a write",
            "of the fastest tenth",
            "x send in C",
            "x in Python",
            "ms beside a thread",
        ),
        rows,
        notes=(
            f"medians of {arguments.rounds} turns each; {len(FRAME)} bytes a frame; "
            f"this process on core {SERVER_CORE}, the readers on core {OTHER_CORE}",
            "x: CPU time of the other over that of this one, in the same round; 1 would be as cheap",
            f"ms beside a thread: all sockets while a thread of Python computes, median of {TURNS_BESIDE_A_THREAD}",
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="What the loops of the fan-out cost.")
    parser.add_argument("--sockets", type=int, nargs="+", default=[1_000, 5_000])
    parser.add_argument("--bursts", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--rounds", type=int, default=200)
    try:
        uvloop.run(compare(parser.parse_args())).publish()
    except NoCompiler as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
