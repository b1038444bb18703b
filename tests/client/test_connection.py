"""One socket against a server of the same library, for what a real gateway does only when it dies."""

import asyncio
import gc
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from causerie.client.connection import Connection
from causerie.client.errors import Disconnected

WELCOME = '{"event":"welcome","data":{"session_id":"s","user_id":"ann","heartbeat_seconds":25,"unread_total":0}}'
MORE_THAN_BUFFERS_HOLD = "x" * 32 * 1024 * 1024


async def test_a_connection_that_ends_in_mid_send_fails_the_request_and_leaves_nothing_behind():
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, complaint: complaints.append(complaint))
    sending = asyncio.Event()

    async def welcome_then_die(socket: ServerConnection) -> None:
        socket.transport.pause_reading()
        await socket.send(WELCOME)
        await sending.wait()
        socket.transport.abort()

    async with serve(welcome_then_die, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        connection = await Connection.open(f"ws://127.0.0.1:{port}", "token", on_frame=lambda _: None)
        request = asyncio.create_task(connection.request("send", content=MORE_THAN_BUFFERS_HOLD))
        await asyncio.sleep(0)  # One turn of the loop: the request fills all buffers and waits.
        sending.set()
        with pytest.raises(Disconnected):
            await request
        await connection.close()

    del request, connection
    gc.collect()
    assert complaints == []
