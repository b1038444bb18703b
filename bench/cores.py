"""Who runs where, and what it used: a server on one core, everything else on another, or they measure each other."""

import os
from collections.abc import Iterable

import psutil

_AVAILABLE = sorted(os.sched_getaffinity(0))
SERVER_CORE = _AVAILABLE[0]
OTHER_CORE = _AVAILABLE[-1]
"""For the generator, and for stores and workers behind a server. The same one when there is only one."""


def pin(pid: int, core: int) -> None:
    """Bind a running process with all its threads; those it starts later inherit it."""
    for thread in psutil.Process(pid).threads():
        try:
            os.sched_setaffinity(thread.id, {core})
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


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of these processes so far."""
    used = 0.0
    for pid in pids:
        times = psutil.Process(pid).cpu_times()
        used += times.user + times.system
    return used
