"""What this machine allows, said before anything is started rather than found out in the midst of it."""

import resource
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

from loadtest.machine import KIB
from loadtest.options import MOST_OF_A_SWARM
from loadtest.trouble import Trouble

SPARE_FILES = 2_400
"""What a gateway keeps for itself and for those at its door."""
BYTES_EACH = 48 * KIB
"""Of one connection in all: the gateway, the swarm, and both ends in the kernel."""
SPARE_BYTES = 2 * KIB * KIB * KIB
"""For the stores and for everything else."""


@dataclass(frozen=True)
class Need:
    """How much of something there is, and how much is needed."""

    what: str
    there: int
    needed: int


def check(connections: int, gateways: int, swarms: int) -> None:
    """
    Raises:
        Trouble: one limit or several are too small.
    """
    held = -(-connections // swarms)
    require(
        f"{connections:,} connections",
        [
            open_files(f"a gateway (ulimit -Hn; or more than --gateways {gateways})", connections, gateways),
            Need("open files of a swarm (ulimit -Hn)", most_files(), min(held, MOST_OF_A_SWARM) + 200),
            memory(connections, BYTES_EACH),
        ],
    )


def require(what: str, needs: Iterable[Need]) -> None:
    """
    Raises:
        Trouble: there is too little of something; the line says of what, how much there is and how much is needed.
    """
    if short := [f"{need.what}: {need.there:,}, needed {need.needed:,}" for need in needs if need.there < need.needed]:
        raise Trouble(f"this machine is too small for {what}: {'; '.join(short)}")


def open_files(whose: str, connections: int, servers: int) -> Need:
    """Of each of so many servers that share the connections."""
    return Need(f"open files of {whose}", most_files(), -(-connections // servers) + SPARE_FILES)


def most_files() -> int:
    """How many a process may raise its limit to."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def memory(connections: int, bytes_each: int) -> Need:
    """Of everything on this machine."""
    needed = connections * bytes_each + SPARE_BYTES
    return Need("bytes of memory available", psutil.virtual_memory().available, needed)
