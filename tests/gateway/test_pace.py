"""A herd at the door: a gateway takes as many as it can without hurting those inside, and tells the others when."""

import asyncio
from contextlib import AsyncExitStack

from services.gateway.http import MAX_CALLERS
from services.gateway.pace import COME_BACK_SECONDS, Pace, come_back_seconds
from tests.gateway.client import token_of
from tests.gateway.raw import UPGRADE, wire_to
from tests.support.services import Services


def test_a_full_bucket_takes_two_seconds_worth_at_once_and_then_the_rate():
    pace = Pace(100)

    at_once = sum(pace.take(now=1_000.0) for _ in range(500))
    within_a_second = sum(pace.take(now=1_000.0 + tenth / 10) for tenth in range(1, 11) for _ in range(500))

    assert (at_once, within_a_second) == (200, 100)


def test_those_who_must_come_back_are_spread_over_some_seconds():
    told = {come_back_seconds() for _ in range(1_000)}

    assert told == set(range(COME_BACK_SECONDS[0], COME_BACK_SECONDS[1] + 1))


async def test_one_handshake_too_many_is_told_to_come_back_and_then_gets_in(own: Services):
    gateway = await own.start("gateway", CAUSERIE_HANDSHAKES_PER_SECOND="1")
    async with AsyncExitStack() as stack:
        first = [await stack.enter_async_context(wire_to(gateway.port)) for _ in range(3)]
        # All ask before any is answered: a second later there would be room for one more.
        for wire in first:
            await wire.write(UPGRADE + f"Authorization: Bearer {token_of('ann')}\r\n\r\n")
        heads = [await wire.head() for wire in first]

        assert sorted(head.status for head in heads) == [101, 101, 503]
        [(refused, head)] = [(wire, head) for wire, head in zip(first, heads, strict=True) if head.status == 503]
        assert b'"overloaded"' in await refused.body(head)
        lowest, highest = COME_BACK_SECONDS
        assert lowest <= int(head.headers["retry-after"]) <= highest

        async with asyncio.timeout(highest + 5):
            while True:
                again = await stack.enter_async_context(wire_to(gateway.port))
                if (await again.upgrade(f"Authorization: Bearer {token_of('ann')}")).status == 101:
                    break


async def test_callers_that_say_nothing_take_no_file_from_those_who_may_stay(own: Services):
    gateway = await own.start("gateway", CAUSERIE_PENDING_PER_ADDRESS="100000")
    async with AsyncExitStack() as stack:
        inside = await stack.enter_async_context(wire_to(gateway.port))
        assert (await inside.upgrade(f"Authorization: Bearer {token_of('ann')}")).status == 101
        for _ in range(MAX_CALLERS):
            await stack.enter_async_context(wire_to(gateway.port))

        late = await stack.enter_async_context(wire_to(gateway.port))
        head = await late.upgrade(f"Authorization: Bearer {token_of('bob')}")

        assert (head.status, b'"overloaded"' in await late.body(head)) == (503, True)
        assert b'"welcome"' in (await inside.read_frame())[1]
