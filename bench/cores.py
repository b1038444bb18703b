"""Who runs where, and what it used: a server on one core, everything else on another, or they measure each other."""

import contextlib
import os
from collections.abc import Collection, Iterable
from pathlib import Path

import psutil

_AVAILABLE = sorted(os.sched_getaffinity(0))
SERVER_CORE = _AVAILABLE[0]
OTHER_CORE = _AVAILABLE[-1]
"""For the generator, and for stores and workers behind a server. The same one when there is only one."""


def pin(pid: int, *cores: int) -> None:
    """Bind a running process with all its threads; those it starts later inherit it."""
    for thread in psutil.Process(pid).threads():
        try:
            os.sched_setaffinity(thread.id, cores)
        except ProcessLookupError:
            continue


def pin_family(root: psutil.Process, core: int, *, but: Iterable[int]) -> None:
    """Bind all descendants except `but`."""
    spared = set(but)
    for process in root.children(recursive=True):
        if process.pid not in spared:
            try:
                pin(process.pid, core)
            except psutil.NoSuchProcess:
                continue


def part(servers: Collection[int]) -> None:
    """These of our descendants on the core of servers, all others on the other."""
    pin_family(psutil.Process(), OTHER_CORE, but=servers)
    for pid in servers:
        pin(pid, SERVER_CORE)


def mix() -> None:
    """All our descendants on any core."""
    for process in psutil.Process().children(recursive=True):
        try:
            pin(process.pid, *_AVAILABLE)
        except psutil.NoSuchProcess:
            continue


def cpu_nanoseconds(pids: Iterable[int]) -> int:
    """What these processes have run so far, exactly: clock ticks are too coarse for what takes milliseconds."""
    tasks = (task for pid in pids for task in Path(f"/proc/{pid}/task").iterdir())
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)


def cpu_of_family() -> int:
    """As `cpu_nanoseconds`, of all our descendants: servers, stores and generators."""
    used = 0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            used += cpu_nanoseconds([process.pid])
    return used


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of these processes so far."""
    used = 0.0
    for pid in pids:
        times = psutil.Process(pid).cpu_times()
        used += times.user + times.system
    return used
