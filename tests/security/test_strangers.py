"""Who has not said who he is: how many of them an address may have, and how long they may take."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.gateway.client import token_of
from tests.gateway.raw import UPGRADE, Wire, wire_to
from tests.security.house import House
from tests.support.services import Service, Services
from tests.support.waiting import eventually

CAP = 3


@pytest.fixture
async def narrow(own: Services) -> Service:
    return await own.start("gateway", CAUSERIE_PENDING_PER_ADDRESS=str(CAP))


async def opened(stack: AsyncExitStack, port: int) -> Wire:
    return await stack.enter_async_context(wire_to(port))


async def handshakes(gateway: Service, result: str) -> float:
    line = f'causerie_gateway_handshakes_total{{result="{result}"}} '
    [value] = [text.removeprefix(line) for text in (await gateway.metrics()).splitlines() if text.startswith(line)]
    return float(value)


async def test_one_too_many_sockets_without_a_token_are_told_to_come_back(narrow: Service):
    async with AsyncExitStack() as stack:
        silent = [await opened(stack, narrow.port) for _ in range(CAP)]
        assert [(await wire.upgrade()).status for wire in silent] == [101] * CAP

        refused = await opened(stack, narrow.port)
        head = await refused.upgrade(f"Authorization: Bearer {token_of('late')}")

        assert (head.status, int(head.headers["retry-after"]) > 0) == (503, True)
        assert b'"overloaded"' in await refused.body(head)
        assert await refused.ended() == b""
        assert await handshakes(narrow, "crowded") == 1


async def test_who_has_a_token_makes_room_for_the_next(narrow: Service):
    async with AsyncExitStack() as stack:
        for number in range(3 * CAP):
            wire = await opened(stack, narrow.port)
            assert (await wire.upgrade(f"Authorization: Bearer {token_of(f'guest-{number}')}")).status == 101
            assert b'"welcome"' in (await wire.read_frame())[1]


@pytest.mark.parametrize(
    "says", [b"", b"GET /ws HTTP/1.1\r\nHost: x\r\nX-", b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"]
)
async def test_half_a_head_and_an_idle_connection_take_a_place_until_they_are_gone(narrow: Service, says: bytes):
    async with AsyncExitStack() as stack:
        async with AsyncExitStack() as first:
            for _ in range(CAP):
                await (await opened(first, narrow.port)).write(says)
            await eventually(lambda: refuses(narrow.port), what="the address is full")
            silent = await opened(stack, narrow.port)
            assert await silent.ended() == b"", "one too many that says nothing is hung up on"

        await eventually(lambda: admits(narrow.port), what="the places are given back")


async def refuses(port: int) -> bool:
    async with wire_to(port) as wire:
        return (await wire.upgrade()).status == 503


async def admits(port: int) -> bool:
    async with wire_to(port) as wire:
        return (await wire.upgrade()).status == 101


async def test_behind_a_trusted_proxy_each_client_has_its_own_places(own: Services):
    narrow = await own.start("gateway", CAUSERIE_PENDING_PER_ADDRESS="1", CAUSERIE_TRUSTED_PROXIES="127.0.0.0/8")
    async with AsyncExitStack() as stack:
        statuses = []
        for client in ("203.0.113.1", "203.0.113.2", "6.6.6.6, 203.0.113.1", "203.0.113.3"):
            wire = await opened(stack, narrow.port)
            statuses.append((await wire.upgrade(f"X-Forwarded-For: {client}")).status)

        assert statuses == [101, 101, 503, 101]


async def test_what_a_client_itself_says_of_its_address_counts_for_nothing(narrow: Service):
    async with AsyncExitStack() as stack:
        statuses = []
        for number in range(CAP + 1):
            wire = await opened(stack, narrow.port)
            statuses.append((await wire.upgrade(f"X-Forwarded-For: 203.0.113.{number}")).status)

        assert statuses == [101] * CAP + [503]


async def test_a_bad_token_keeps_its_place_only_until_the_socket_is_gone(narrow: Service):
    for _ in range(2 * CAP):
        async with wire_to(narrow.port) as wire:
            assert (await wire.upgrade("Authorization: Bearer nonsense")).status == 101
            assert await wire.close_code() == 4001
            await wire.frame(8, b"\x0f\xa1")
            await wire.ended()
    await eventually(lambda: admits(narrow.port))


async def _told_or_cut(wire: Wire) -> None:
    """A socket is told so by a close 4001, half a head is only cut."""
    told = b""
    async with asyncio.timeout(20):
        while (4001).to_bytes(2, "big") not in told and (more := await wire.reader.read(4_096)):
            told += more


async def test_ten_seconds_are_the_default_for_a_head_and_for_a_token(house: House):
    """The only test that waits them out, on both ports at once."""
    started = time.monotonic()

    async def seconds_until_the_end(port: int, says: str, drip: str = "") -> float:
        async with wire_to(port) as wire:
            await wire.write(says)
            ended = asyncio.create_task(_told_or_cut(wire))
            while drip and not ended.done():
                wire.writer.write(drip.encode("latin-1"))
                await asyncio.wait([ended], timeout=0.5)
            async with asyncio.timeout(20):
                await ended
        return time.monotonic() - started

    half = "GET /ws HTTP/1.1\r\nHost: x\r\nX-Slow: "
    waited = await asyncio.gather(
        *(seconds_until_the_end(port, half) for port in (house.api.port, house.gateway.port)),
        *(seconds_until_the_end(port, half, "x") for port in (house.api.port, house.gateway.port)),
        seconds_until_the_end(house.gateway.port, UPGRADE + "\r\n"),
        seconds_until_the_end(house.gateway.port, UPGRADE + "\r\n", "\x81"),
    )

    assert all(9 <= seconds <= 12 for seconds in waited), waited


async def test_neither_a_body_that_drips_nor_a_reader_that_stops_holds_the_api(own: Services):
    api = await own.start("api", CAUSERIE_HANDSHAKE_SECONDS="0.5", CAUSERIE_SLOW_SECONDS="0.5")

    async with wire_to(api.port) as dripping, wire_to(api.port) as deaf:
        await dripping.write("POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
        assert (await dripping.head()).status == 404
        deaf.writer.transport.pause_reading()
        await deaf.write("GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 400)

        async def dripped() -> bool:
            dripping.writer.write(b"x")
            return api_connections(api) == 0

        await eventually(dripped, what="both were cut off")


def api_connections(api: Service) -> int:
    """Connections somebody has open to the service port, on its side."""
    local = f":{api.port:04X}"
    lines = (line.split() for line in Path(f"/proc/{api.pid}/net/tcp").read_text().splitlines()[1:])
    return sum(1 for line in lines if line[1].endswith(local) and line[3] == "01")
