"""Ports that are free, stay ours until this process ends and, where possible, are the same as last time.

They are picked below the range the kernel takes for outgoing connections: a port from that range may be
somebody's client socket at the next start.
"""

import json
import random
import socket
from pathlib import Path

from causerie.embedded.reservations import RESERVED

FIRST_PORT, LAST_PORT = 20_000, 32_000
ATTEMPTS = 1_000


class NoFreePort(Exception):
    """Nothing free was found; the machine is very full or forbids listening."""


def is_free(port: int, *, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now.

    It only asks for the address: who listened, if but for a moment, would answer a client that looks for the server
    of before, and would be in the way of one that is just starting.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port nobody listens on, never given before by this process nor by another that still runs."""
    for _ in range(ATTEMPTS):
        port = random.randrange(FIRST_PORT, LAST_PORT)
        if port not in RESERVED and _is_ours(port):
            return port
    raise NoFreePort(f"no free port between {FIRST_PORT} and {LAST_PORT}")


class Ports:
    """The ports of one data directory, remembered in a file from run to run."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._known: dict[str, int] = json.loads(file.read_text())
        except (OSError, ValueError):
            self._known = {}
        for port in self._known.values():
            # All at once: what one of them loses must not become the port of another.
            RESERVED.take(port)

    def of(self, name: str) -> int:
        """The port of before if it is free, else a new one, remembered from now on."""
        known = self._known.get(name)
        if known is None or not _is_ours(known):
            self._known[name] = free_port()
            self._file.write_text(json.dumps(self._known, indent=2) + "\n")
        return self._known[name]


def _is_ours(port: int) -> bool:
    """Whether it is reserved for us now and a server could have it: ours listen on loopback alone or everywhere."""
    # Reserved first: then no other process looks at it any more.
    return RESERVED.take(port) and all(is_free(port, host=host) for host in ("127.0.0.1", "0.0.0.0"))
