"""The machine a run stands on, as far as figures depend on it."""

from pathlib import Path

PAGE_BYTES = 4096
KIB = 1024


def processor() -> str:
    """The name of its kind; it is "unknown" where the system does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def kernel_bytes() -> int:
    """What the kernel keeps for itself and for all sockets of this machine, both ends of those that are here."""
    meminfo = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    return int(meminfo["Slab"].split()[0]) * KIB + tcp()["mem"] * PAGE_BYTES


def tcp() -> dict[str, int]:
    """Sockets of this machine by state; `mem` are the pages of their buffers."""
    # "TCP: inuse 9 orphan 0 tw 2 alloc 11 mem 3"
    words = next(
        line.split() for line in Path("/proc/net/sockstat").read_text().splitlines() if line.startswith("TCP:")
    )
    return dict(zip(words[1::2], map(int, words[2::2]), strict=True))
