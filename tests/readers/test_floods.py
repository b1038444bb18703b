"""A crowd that vanishes at once, and floods of every kind: bounded, answered, and nobody else loses anything.

How much later the others hear is not asserted here, where the flood, its victims and their clock share two cores and
one loop; what is: that nobody else loses a message, is refused one for good, or is closed.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import psutil
import pytest

from bench.raw_socket import RawSocket
from causerie.actions.platform import Platform
from tests.gateway.client import token_of
from tests.gateway.raw import PING, TEXT, UPGRADE, Wire, wire_to
from tests.poison.lab import number
from tests.readers.crowd import SESSIONS, Crowd, crowd
from tests.support.services import Service, Services, get
from tests.support.waiting import eventually

BYSTANDERS = 16
PER_SECOND = 20
RESET = 2_000
SMALLER = 500
SMALLER_CROWDS = 3
KEPT_SHARE = 0.35
"""An allocator returns little to the system but uses it again: smaller crowds find room where the large one was.  Would
their sockets stay behind, they would add more than a half."""


class Bystanders:
    """People who talk as ever while something happens; `unharmed` says what that means."""

    def __init__(self, crowd: Crowd, author: RawSocket) -> None:
        self._crowd, self._author = crowd, author
        self._is_over = asyncio.Event()
        self._talking: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._talking = asyncio.create_task(self._talk())

    async def _talk(self) -> None:
        while not self._is_over.is_set():
            await self._crowd.listen(self._author, per_second=PER_SECOND, seconds=0.25)

    async def unharmed(self) -> None:
        assert self._talking is not None
        self._is_over.set()
        await self._talking
        everybody = range(BYSTANDERS)
        await eventually(lambda: self._crowd.heard_everything(everybody), timeout_seconds=30)


@asynccontextmanager
async def bystanders(platform: Platform, gateway: Service, name: str) -> AsyncIterator[Bystanders]:
    async with crowd(platform, gateway, name, BYSTANDERS // SESSIONS) as (everybody, author):
        await everybody.enter(BYSTANDERS)
        people = Bystanders(everybody, author)
        people.begin()
        yield people
        await people.unharmed()


async def test_two_thousand_sockets_reset_at_once_and_come_back(platform: Platform, own: Services) -> None:
    gateway = await own.start("gateway", CAUSERIE_HANDSHAKES_PER_SECOND="5000")
    process = psutil.Process(gateway.pid)
    sizes = []
    async with (
        bystanders(platform, gateway, "by-reset"),
        crowd(platform, gateway, "reset", RESET // SESSIONS) as many,
    ):
        everybody = many[0]
        empty = process.memory_info().rss
        for size in (RESET, *[SMALLER] * SMALLER_CROWDS):
            first = len(everybody.sockets)
            everybody.users = [*everybody.users[: first // SESSIONS], *everybody.users[: RESET // SESSIONS]]
            await everybody.enter(size, at_once=100)
            sizes.append(process.memory_info().rss - empty)

            everybody.reset(range(first, first + size))

            await eventually(lambda: answers(gateway))
            await eventually(lambda: are_gone(gateway), timeout_seconds=30)
        assert sizes[-1] <= (1 + KEPT_SHARE) * sizes[0], sizes
    lost = number(await gateway.metrics(), 'causerie_gateway_closes_total{reason="lost"}')
    assert lost >= RESET + SMALLER_CROWDS * SMALLER


async def answers(gateway: Service) -> bool:
    answer = await get(gateway.port, "/health")
    return answer is not None and answer.status == 200


async def are_gone(gateway: Service) -> bool:
    connections = number(await gateway.metrics(), 'causerie_gateway_connections{dialect="native"}')
    return connections <= BYSTANDERS + 2


@pytest.mark.parametrize(
    ("opcode", "payload"),
    [(PING, b"hello"), (TEXT, b'{"op":"ping"}'), (TEXT, b"nonsense"), (TEXT, b'{"op":"sync","id":1}')],
    ids=["pings", "ops", "nonsense", "questions"],
)
async def test_a_flood_of_frames_ends_its_sender_alone(
    platform: Platform, gateway: Service, opcode: int, payload: bytes
) -> None:
    async with bystanders(platform, gateway, f"by-{opcode}-{len(payload)}"):
        codes = await asyncio.gather(
            *(flood(gateway, f"flooder-{opcode}-{len(payload)}-{place}", opcode, payload) for place in range(5))
        )
        assert codes == [1008] * 5


async def flood(gateway: Service, user: str, opcode: int, payload: bytes) -> int:
    async with wire_to(gateway.port) as wire:
        await wire.upgrade(f"Authorization: Bearer {token_of(user)}")

        async def pour() -> None:
            for _ in range(1_000):
                await wire.frame(opcode, payload)

        pouring = asyncio.create_task(pour())
        try:
            return await wire.close_code()
        finally:
            pouring.cancel()
            await asyncio.gather(pouring, return_exceptions=True)


async def test_a_flood_of_upgrades_is_bounded_and_leaves_room_again(platform: Platform, own: Services) -> None:
    gateway = await own.start("gateway", CAUSERIE_MAX_CONNECTIONS="60", CAUSERIE_HANDSHAKE_SECONDS="5")
    async with bystanders(platform, gateway, "by-upgrades"), AsyncExitStack() as sockets:
        heads = []
        for _ in range(10):
            wires = [await sockets.enter_async_context(wire_to(gateway.port)) for _ in range(30)]
            heads += await asyncio.gather(*(wire.upgrade() for wire in wires))

        statuses = [head.status for head in heads]
        assert set(statuses) == {101, 503}
        assert statuses.count(101) <= 60 - BYSTANDERS
        assert all("retry-after" in head.headers for head in heads if head.status == 503)
        # Whoever says nothing is sent away when the time to say who he is has passed, and cut when he does not go.
        await eventually(lambda: can_enter(gateway, "late"), timeout_seconds=30)


async def can_enter(gateway: Service, user: str) -> bool:
    async with wire_to(gateway.port) as wire:
        return (await wire.upgrade(f"Authorization: Bearer {token_of(user)}")).status == 101


async def test_a_flood_of_bad_tokens_lets_nobody_in(platform: Platform, gateway: Service) -> None:
    async with bystanders(platform, gateway, "by-tokens"):
        before = number(await gateway.metrics(), 'causerie_gateway_handshakes_total{result="accepted"}')
        codes: list[int] = []
        for turn in range(10):
            codes += await asyncio.gather(*(bad_token(gateway, f"{turn}-{place}") for place in range(30)))
        assert set(codes) == {4001}
        after = number(await gateway.metrics(), 'causerie_gateway_handshakes_total{result="accepted"}')
        assert after == before


async def bad_token(gateway: Service, user: str) -> int:
    header, payload, _ = token_of(user).split(".")
    async with wire_to(gateway.port) as wire:
        await wire.upgrade(f"Authorization: Bearer {header}.{payload}.{'A' * 43}")
        return await wire.close_code()


async def test_slow_heads_are_cut_when_their_time_is_over(platform: Platform, own: Services) -> None:
    gateway = await own.start("gateway", CAUSERIE_HANDSHAKE_SECONDS="2")
    async with bystanders(platform, gateway, "by-heads"):
        lasted = await asyncio.gather(*(slow_head(gateway) for _ in range(100)))
        assert min(lasted) >= 1.5
        assert number(await gateway.metrics(), 'causerie_gateway_handshakes_total{result="timeout"}') >= 100


async def slow_head(gateway: Service) -> float:
    """A byte of a head now and then, for as long as they are taken; how long that was."""
    began = time.monotonic()
    async with wire_to(gateway.port) as wire:
        drip = asyncio.create_task(_drip(wire))
        try:
            await wire.ended()
        except ConnectionError:
            pass
        finally:
            assert not drip.done() or drip.exception(), "it was let finish"
            drip.cancel()
            await asyncio.gather(drip, return_exceptions=True)
        return time.monotonic() - began


async def _drip(wire: Wire) -> None:
    for character in UPGRADE:
        await wire.write(character)
        await asyncio.sleep(0.1)
