"""Readers for `slow_readers`, in a process of their own: it is stopped, and with it every one of its sockets.

Called with a port; tokens come line by line, and `ready` is said when all are welcome and up to date.
"""

import asyncio
import json
import socket
import sys
from functools import partial

from bench.raw_socket import RawSocket
from loadtest.frames import client_frame

RECEIVE_BUFFER_BYTES = 4_096
"""Set before connecting: the megabytes a kernel would otherwise take hide for minutes that nobody reads."""


async def read(port: int, tokens: list[str]) -> None:
    loop = asyncio.get_running_loop()
    answered: set[int] = set()
    sockets = []
    for place, token in enumerate(tokens):
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        plain.setblocking(False)
        await loop.sock_connect(plain, ("127.0.0.1", port))
        reader = RawSocket(place, token, lambda heard_by, text: answered.add(heard_by.index))
        await loop.create_connection(partial(_same, reader), sock=plain)
        await reader.ready
        reader.transport.write(client_frame(json.dumps({"id": 1, "op": "sync", "limit": 1}).encode()))
        sockets.append(reader)
    while len(answered) < len(sockets):
        await asyncio.sleep(0.01)
    print("ready", flush=True)
    while not all(reader.lost for reader in sockets):
        await asyncio.sleep(0.1)


def _same(reader: RawSocket) -> RawSocket:
    return reader


if __name__ == "__main__":
    asyncio.run(read(int(sys.argv[1]), sys.stdin.read().split()))
