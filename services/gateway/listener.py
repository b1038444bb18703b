"""The listening socket. Accepted sockets inherit its options, so they are set once instead of once per client."""

import asyncio
import socket
from collections.abc import Callable

BACKLOG = 4096
SEND_BUFFER_BYTES = 64 * 1024
"""What the kernel keeps for one reader; it doubles this for its own book-keeping."""
NOT_SENT_BYTES = 64 * 1024
"""More than that unsent and the socket counts as full: better we know than the kernel."""
UNACKNOWLEDGED_MILLISECONDS = 30_000
"""A peer that acknowledges nothing for so long is gone, whatever its last heartbeat said."""


def listening_socket(host: str, port: int) -> socket.socket:
    """
    Raises:
        OSError: the address is taken, or not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # Linux has both; elsewhere the bounds of the send queue have to do.
    for name, value in (("TCP_NOTSENT_LOWAT", NOT_SENT_BYTES), ("TCP_USER_TIMEOUT", UNACKNOWLEDGED_MILLISECONDS)):
        if (option := getattr(socket, name, None)) is not None:
            listener.setsockopt(socket.IPPROTO_TCP, option, value)
    listener.setblocking(False)
    listener.bind((host, port))
    return listener


async def listen(listener: socket.socket, protocol: Callable[[], asyncio.Protocol]) -> asyncio.Server:
    return await asyncio.get_running_loop().create_server(protocol, sock=listener, backlog=BACKLOG)
