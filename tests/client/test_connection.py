"""One socket against a server of the same library, for what a real gateway does only when it dies."""

import asyncio
import gc
from typing import Any

import orjson
import pytest
import uvloop
from websockets.asyncio.server import ServerConnection, serve

from causerie.client import Client
from causerie.client.connection import Connection
from causerie.client.errors import Disconnected, Unanswered
from tests.support.fault_proxy import Refuse, fault_loop

WELCOME = '{"event":"welcome","data":{"session_id":"s","user_id":"ann","heartbeat_seconds":25,"unread_total":0}}'
ROUNDS, CROWD = 50, 20
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


async def test_a_socket_that_says_nothing_when_asked_is_given_up():
    silent = asyncio.Event()

    async def welcome_then_silence(socket: ServerConnection) -> None:
        await socket.send(WELCOME)
        await silent.wait()

    async with serve(welcome_then_silence, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        connection = await Connection.open(f"ws://127.0.0.1:{port}", "token", on_frame=lambda _: None)
        with pytest.raises(Unanswered):
            await connection.request("send", content="anybody?", timeout_seconds=0.1)
        async with asyncio.timeout(5):
            await connection.ended()
        silent.set()


def test_whatever_a_reset_interrupts_the_gateway_cannot_be_reached():
    """The proxy has a thread of its own, and uvloop is quick: now and then the reset comes before the first byte."""
    with fault_loop() as wires:
        wire = wires.proxy("ws://127.0.0.1:1")
        wire.suffer(Refuse())

        async def knock() -> None:
            with pytest.raises(Disconnected):
                await Connection.open(wire.url, "token", on_frame=lambda _: None)

        async def knock_often() -> None:
            for _ in range(ROUNDS):
                await asyncio.gather(*(knock() for _ in range(CROWD)))

        uvloop.run(knock_often())
        assert wire.hits == ROUNDS * CROWD


async def test_a_client_whose_gateway_has_nobody_to_ask_waits_on_the_connection_it_has():
    away = {"code": "unavailable", "message": "away", "retryable": True, "retry_after_ms": 10}
    page = {"events": [], "reads": [], "resets": [], "next_cursor": "c", "has_more": False, "recovered": True}
    refusals = [away, away]
    connections = 0

    async def welcome_and_answer(socket: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        await socket.send(WELCOME)
        async for frame in socket:
            asked = orjson.loads(frame)["id"]
            answer = {"ok": False, "error": refusals.pop()} if refusals else {"ok": True, "result": page}
            await socket.send(orjson.dumps({"id": asked, **answer}), text=True)

    async with serve(welcome_and_answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with Client("ann", "token", gateways=[f"ws://127.0.0.1:{port}"], apis=["http://127.0.0.1:9"]):
            assert (connections, refusals) == (1, [])
