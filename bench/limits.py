"""What this machine allows, looked at before many connections are opened rather than found out in the midst of them."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import uvloop

from bench.generator import SOURCES_EACH, GeneratorFailed
from bench.native import NoCompiler
from bench.report import Report
from bench.servers import Unavailable
from loadtest.limits import Need, memory, open_files, require
from loadtest.machine import KIB
from loadtest.trouble import Trouble

BYTES_EACH = 40 * KIB
"""Of one connection in all: the server, the generator, and both ends in the kernel."""
BACKLOG = Path("/proc/sys/net/core/netdev_max_backlog")
WANTED_BACKLOG = 200_000
_BURST = 20_000
"""So many at once fit through what systems allow."""


def check(connections: int, processes: int, *, in_flight: int) -> None:
    """
    Raises:
        Trouble: one limit or several are too small for so many connections to so many processes.
    """
    system = Path("/proc/sys")
    each = -(-connections // processes)
    opened, _, most_files = map(int, (system / "fs/file-nr").read_text().split())
    low, high = map(int, (system / "net/ipv4/ip_local_port_range").read_text().split())
    somaxconn = int((system / "net/core/somaxconn").read_text())
    needs = [
        open_files("a process (ulimit -Hn)", connections, processes),
        Need("open files of the machine (fs.file-max)", most_files - opened, 2 * connections + 10_000),
        memory(connections, BYTES_EACH),
        Need("ports of a generator (ip_local_port_range)", (high - low) * SOURCES_EACH, -(-each // processes) + 1_000),
        Need("connections waiting to be accepted (somaxconn)", somaxconn, -(-in_flight // processes)),
    ]
    with contextlib.suppress(OSError):
        tracked, most_tracked = (
            int((system / f"net/netfilter/nf_conntrack_{name}").read_text()) for name in ("count", "max")
        )
        # With rules for loopback every connection is tracked, and the table fills; without them it is empty.
        if tracked:
            needs.append(Need("connections to track (nf_conntrack_max)", most_tracked - tracked, 2 * connections))
    require(f"{connections:,} connections over {processes} processes", needs)


@contextlib.contextmanager
def room_for_bursts(connections: int) -> Iterator[str]:
    """Let loopback queue a broadcast to so many, as long as the block; what was done about it."""
    found = int(BACKLOG.read_text())
    if connections <= _BURST or found >= WANTED_BACKLOG:
        yield f"net.core.netdev_max_backlog is {found:,}"
        return
    try:
        BACKLOG.write_text(str(WANTED_BACKLOG))
    except OSError:
        yield f"net.core.netdev_max_backlog is {found:,} and may not be raised: the kernel may send some packets twice"
        return
    try:
        yield f"net.core.netdev_max_backlog was raised from {found:,} to {WANTED_BACKLOG:,} for the run"
    finally:
        BACKLOG.write_text(str(found))


def run(
    measure: Callable[[str], Awaitable[Report]],
    connections: int,
    processes: int,
    *,
    in_flight: int,
    limit_seconds: float,
) -> None:
    """Measure and publish where so many connections are possible; `measure` is told what was done for bursts.

    What was started and set for it is ended and set back, whoever ends it.

    Raises:
        SystemExit: it cannot be done here, took too long, or was ended; with the reason.
    """

    async def bounded() -> Report:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        with room_for_bursts(connections) as backlog:
            print(backlog, flush=True)
            async with asyncio.timeout(limit_seconds):
                return await measure(backlog)

    try:
        check(connections, processes, in_flight=in_flight)
        uvloop.run(bounded()).publish()
    except (NoCompiler, Trouble, Unavailable, GeneratorFailed) as error:
        raise SystemExit(str(error)) from None
    except asyncio.CancelledError:
        raise SystemExit("ended from outside") from None
    except TimeoutError:
        raise SystemExit(f"given up: it took longer than {limit_seconds:g} s, or a generator did not answer") from None
