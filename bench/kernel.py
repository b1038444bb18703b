"""What connections cost outside of the server: its pages, and what the kernel keeps for their sockets."""

from collections.abc import Iterable
from dataclasses import dataclass

import psutil

from loadtest.machine import kernel_bytes, tcp


@dataclass(frozen=True)
class Memory:
    """Bytes at one moment. `kernel` is of both ends of every connection on this machine, and of all else it does."""

    rss: int
    private: int
    kernel: int
    sockets: int

    def since(self, earlier: "Memory") -> "Memory":
        return Memory(
            self.rss - earlier.rss,
            self.private - earlier.private,
            self.kernel - earlier.kernel,
            self.sockets - earlier.sockets,
        )


def memory(pids: Iterable[int]) -> Memory:
    full = [psutil.Process(pid).memory_full_info() for pid in pids]
    return Memory(sum(info.rss for info in full), sum(info.uss for info in full), kernel_bytes(), tcp()["inuse"])
