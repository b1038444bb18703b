"""What this machine allows, said before anything is started rather than found out in the midst of it."""

import resource

import psutil

from loadtest.options import MOST_OF_A_SWARM
from loadtest.trouble import Trouble

SPARE_FILES = 2_400
"""What a gateway keeps for itself and for those at its door."""
BYTES_EACH = 48 * 1024
"""Of one connection in all: the gateway, the swarm, and both ends in the kernel."""
SPARE_BYTES = 2 * 1024**3


def check(connections: int, gateways: int, swarms: int) -> None:
    """
    Raises:
        Trouble: one limit or several are too small; the line says which, what they are and what is needed.
    """
    each = -(-connections // gateways)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    held = -(-connections // swarms)
    troubles = [
        f"{what}: {there:,}, needed {needed:,}"
        for what, there, needed in (
            (f"open files of a gateway (ulimit -Hn; or more than --gateways {gateways})", files, each + SPARE_FILES),
            ("open files of a swarm (ulimit -Hn)", files, min(held, MOST_OF_A_SWARM) + 200),
            ("bytes of memory available", psutil.virtual_memory().available, connections * BYTES_EACH + SPARE_BYTES),
        )
        if there < needed
    ]
    if troubles:
        raise Trouble(f"this machine is too small for {connections:,} connections: {'; '.join(troubles)}")
