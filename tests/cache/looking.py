"""Looking into Redis past the cache, at what it really holds."""

import socket
from urllib.parse import urlsplit


def keys(url: str, pattern: str) -> list[str]:
    """The names of all keys that match, on every node."""
    found: list[str] = []
    for node in url.split(","):
        address = urlsplit(node)
        with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
            connection.sendall(f"KEYS {pattern}\r\nQUIT\r\n".encode())
            with connection.makefile(encoding="ascii") as answer:
                lines = answer.read().splitlines()
        found += [line for line in lines if not line.startswith(("*", "$", "+"))]
    return found
