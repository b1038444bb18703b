"""What connections cost outside of the server: its pages, and what the kernel keeps for their sockets."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

PAGE_BYTES = 4096
KIB = 1024


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
    meminfo = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    slab = int(meminfo["Slab"].split()[0]) * KIB
    # "TCP: inuse 9 orphan 0 tw 2 alloc 11 mem 3": `mem` are the pages of its buffers.
    words = next(
        line.split() for line in Path("/proc/net/sockstat").read_text().splitlines() if line.startswith("TCP:")
    )
    tcp = dict(zip(words[1::2], map(int, words[2::2]), strict=True))
    kernel = slab + tcp["mem"] * PAGE_BYTES
    return Memory(sum(info.rss for info in full), sum(info.uss for info in full), kernel, tcp["inuse"])
