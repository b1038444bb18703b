"""The opening handshake of RFC 6455, server side.

Says what a request is worth; who may come (Origin, token, room) is for the caller to decide.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha1

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_VERSION = "13"


@dataclass(frozen=True, slots=True)
class Handshake:
    """A request that may be answered with 101. `subprotocols` are in the client's order of preference."""

    key: str
    subprotocols: tuple[str, ...]

    def accept(self, subprotocol: str | None = None) -> bytes:
        """The head of the 101 answer. `subprotocol` must be one the client offered."""
        lines = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {accept_value(self.key)}",
        ]
        if subprotocol is not None:
            lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


@dataclass(frozen=True, slots=True)
class BadHandshake:
    """A request that cannot be one, with the HTTP answer it deserves."""

    status: int
    message: str
    headers: dict[str, str] = field(default_factory=dict)


def read_handshake(method: str, http_version: str, headers: Mapping[str, str]) -> Handshake | BadHandshake:
    """Judge a request head.

    `headers` have lower-case names; values of a repeated name are joined by commas, as RFC 9110 allows, which
    also makes a repeated key no key, and a repeated Host no host.
    """
    if method != "GET":
        return BadHandshake(405, "A WebSocket opens with GET.", {"Allow": "GET"})
    if not ("websocket" in _tokens(headers.get("upgrade", "")) and "upgrade" in _tokens(headers.get("connection", ""))):
        return BadHandshake(426, "This path speaks WebSocket.", {"Upgrade": "websocket", "Connection": "Upgrade"})
    if http_version != "1.1":
        return BadHandshake(400, "A WebSocket opens over HTTP/1.1.")
    if len(_list(headers.get("host", ""))) != 1:
        return BadHandshake(400, "A WebSocket opens with one Host.")
    if headers.get("sec-websocket-version") != _VERSION:
        return BadHandshake(426, "This server speaks version 13.", {"Sec-WebSocket-Version": _VERSION})
    key = headers.get("sec-websocket-key", "")
    if not _is_key(key):
        return BadHandshake(400, "Sec-WebSocket-Key must be 16 bytes in base64.")
    return Handshake(key, tuple(_list(headers.get("sec-websocket-protocol", ""))))


def accept_value(key: str) -> str:
    return base64.b64encode(sha1(key.encode("ascii") + _GUID, usedforsecurity=False).digest()).decode()


def _is_key(text: str) -> bool:
    try:
        return len(text) == 24 and len(base64.b64decode(text, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False


def _list(value: str) -> list[str]:
    return [item for item in (part.strip(" \t") for part in value.split(",")) if item]


def _tokens(value: str) -> set[str]:
    """`Connection` is a list: Firefox sends ``keep-alive, Upgrade``."""
    return {item.lower() for item in _list(value)}
