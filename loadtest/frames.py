"""Frames of RFC 6455 as a client sees them: what `causerie.protocol.websocket` is for the server, turned round.

The mask of what we say is four zeros, which the RFC allows and which costs nothing to apply.
"""

from base64 import b64encode
from os import urandom

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
_FIN, _MASK = 0x80, 0x80
_NO_MASK = bytes(4)


def client_frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """One whole frame of a client."""
    size = len(payload)
    if size < 126:
        head = bytes((_FIN | opcode, _MASK | size))
    elif size < 1 << 16:
        head = bytes((_FIN | opcode, _MASK | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((_FIN | opcode, _MASK | 127)) + size.to_bytes(8, "big")
    return head + _NO_MASK + payload


def server_frames(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """The whole frames that stand in `data` as (opcode, payload), and the rest. Our server fragments nothing."""
    frames: list[tuple[int, bytes]] = []
    place, end = 0, len(data)
    while end - place >= 2:
        size, head = data[place + 1], 2
        if size == 126:
            if end - place < 4:
                break
            size, head = int.from_bytes(data[place + 2 : place + 4], "big"), 4
        elif size == 127:
            if end - place < 10:
                break
            size, head = int.from_bytes(data[place + 2 : place + 10], "big"), 10
        after = place + head + size
        if after > end:
            break
        frames.append((data[place] & 0xF, data[place + head : after]))
        place = after
    return frames, data[place:]


def upgrade(host: str, path: str, token: str) -> bytes:
    """The request that opens a socket."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {b64encode(urandom(16)).decode()}\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    ).encode()
