"""Sockets are files, and a process may open only so many."""

import logging
import resource

log = logging.getLogger(__name__)

OWN_FILES = 256
"""For the stores, the probes and logs."""
RESERVED_FILES = OWN_FILES + 2_048
"""Those, and connections at the door that are no sockets yet: whoever cannot stay is told so, never just cut off."""


def raise_limit() -> int:
    """Take as many files as the system lets us have; returns how many that is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard or hard == resource.RLIM_INFINITY:
        wanted = 1_048_576 if hard == resource.RLIM_INFINITY else hard
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def connections_within(max_connections: int, files: int) -> int:
    """How many sockets fit; says so when that is less than what was asked for."""
    possible = max(1, files - RESERVED_FILES)
    if possible < max_connections:
        log.warning(
            "fewer connections than configured fit under the limit of open files",
            extra={"max_connections": max_connections, "open_files": files, "possible": possible},
        )
    return min(max_connections, possible)
