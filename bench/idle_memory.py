"""KiB per idle authenticated connection of the real gateway, with what the kernel keeps for it beside it.

Every connection is another user's, which is the dear case.  The gateway's own memory is the growth of its
private pages (USS), so that nothing shared is counted; the kernel's is what sockets add to `Slab` and to the
pages TCP reports, both ends being on this machine, so half of it is the gateway's.
"""

import asyncio

import psutil

from bench.raw_socket import RawSocket, connect_all
from bench.report import Report
from bench.stage import Stage, run
from loadtest.machine import KIB, kernel_bytes

LEVELS = (2_000, 5_000, 10_000)
SETTLE_SECONDS = 3.0


async def measure(platform: Stage) -> Report:
    gateway = await platform.services.start("gateway", CAUSERIE_MAX_CONNECTIONS="19000")
    await platform.services.start("worker")
    process = psutil.Process(gateway.pid)
    await _warm_up(platform, gateway.port)
    empty, kernel_empty = memory(process), kernel_bytes()
    sockets: list[RawSocket] = []
    rows: list[tuple[int, float, float, float, float, int]] = []
    began = asyncio.get_running_loop().time()
    for level in LEVELS:
        opened_from = asyncio.get_running_loop().time()
        wanted = [(n, platform.token(f"idle{n}"), gateway.port) for n in range(len(sockets), level)]
        sockets += await connect_all(wanted, lambda socket, text: None)
        rate = len(wanted) / (asyncio.get_running_loop().time() - opened_from)
        await asyncio.sleep(SETTLE_SECONDS)
        uss, rss = memory(process)
        lost = sum(socket.lost for socket in sockets)
        kernel = (kernel_bytes() - kernel_empty) / level / KIB
        rows.append(
            (level, (uss - empty[0]) / level / KIB, (rss - empty[1]) / level / KIB, kernel / 2, rate, lost),
        )
    heartbeat = 25.0 + 2 * SETTLE_SECONDS - (asyncio.get_running_loop().time() - opened_from)
    if heartbeat > 0 and asyncio.get_running_loop().time() - began + heartbeat < 45.0:
        # Once more after everybody was pinged: a buffer that stays would show.
        await asyncio.sleep(heartbeat)
        uss, rss = memory(process)
        level = LEVELS[-1]
        pinged = f"after a heartbeat of all {level:,}: {(uss - empty[0]) / level / KIB:.2f} KiB private"
    else:
        pinged = "connecting took so long that no heartbeat was waited for"
    for socket in sockets:
        socket.transport.abort()
    return Report(
        "idle_memory",
        "KiB per idle authenticated connection of the gateway",
        ("connections", "gateway KiB (private)", "gateway KiB (RSS)", "kernel KiB (one end)", "opened/s", "lost"),
        rows,
        notes=(
            f"budget: <= 8 KiB, stretch 5; the empty gateway has {empty[1] / KIB / KIB:.0f} MiB RSS",
            pinged,
        ),
    )


async def _warm_up(platform: Stage, port: int) -> None:
    """A first wave that leaves again, so that lazily made things are not charged to the connections."""
    wave = await connect_all(((n, platform.token(f"warm{n}"), port) for n in range(100)), lambda socket, text: None)
    for socket in wave:
        socket.transport.abort()
    await asyncio.sleep(SETTLE_SECONDS)


def memory(process: psutil.Process) -> tuple[int, int]:
    """Private and resident bytes."""
    full = process.memory_full_info()
    return full.uss, full.rss


if __name__ == "__main__":
    run(measure)
