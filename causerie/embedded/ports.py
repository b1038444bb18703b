"""Ports that are free now and, where possible, the same as last time.

They are picked below the range the kernel takes for outgoing connections: a port from that range may be
somebody's client socket at the next start.
"""

import json
import random
import socket
from pathlib import Path

FIRST_PORT, LAST_PORT = 20_000, 32_000
ATTEMPTS = 1_000


class NoFreePort(Exception):
    """Nothing free was found; the machine is very full or forbids listening."""


def is_free(port: int, *, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def free_port(*, host: str = "127.0.0.1", avoid: frozenset[int] = frozenset()) -> int:
    """A port nobody listens on, drawn at random so that parallel runs seldom pick the same."""
    for _ in range(ATTEMPTS):
        port = random.randrange(FIRST_PORT, LAST_PORT)
        if port not in avoid and is_free(port, host=host):
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

    def of(self, name: str) -> int:
        """The port of before if it is free, else a new one, remembered from now on."""
        known = self._known.get(name)
        if known is None or not is_free(known):
            self._known[name] = free_port(avoid=frozenset(self._known.values()))
            self._file.write_text(json.dumps(self._known, indent=2) + "\n")
        return self._known[name]
