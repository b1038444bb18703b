import asyncio

import pytest

from causerie.cache import rates
from causerie.cache.rates import Bucket
from tests.support.waiting import eventually

SLOW = Bucket("slow", per_second=0.001, burst=5)
QUICK = Bucket("quick", per_second=50, burst=5)


async def test_a_burst_is_allowed_and_then_no_more(cache):
    verdicts = [await rates.take(cache, SLOW, "ann") for _ in range(7)]

    assert [verdict.allowed for verdict in verdicts] == [True] * 5 + [False] * 2
    assert [verdict.remaining for verdict in verdicts] == [4, 3, 2, 1, 0, 0, 0]
    assert {verdict.limit for verdict in verdicts} == {5}


async def test_callers_at_once_share_one_burst(cache):
    verdicts = await asyncio.gather(*(rates.take(cache, SLOW, "ann") for _ in range(50)))

    assert sum(verdict.allowed for verdict in verdicts) == 5


async def test_a_bucket_fills_again_by_itself(cache):
    for _ in range(5):
        await rates.take(cache, QUICK, "ann")

    async def is_allowed() -> bool:
        return (await rates.take(cache, QUICK, "ann")).allowed

    await eventually(is_allowed, timeout_seconds=2.0)


async def test_a_verdict_says_when_the_bucket_is_full_and_when_one_more_fits(cache):
    for _ in range(5):
        last = await rates.take(cache, SLOW, "ann")
    refused = await rates.take(cache, SLOW, "ann")

    assert last.retry_after_seconds == 0
    assert last.reset_seconds == pytest.approx(5_000, abs=2)
    assert refused.retry_after_seconds == pytest.approx(1_000, abs=2)
    assert refused.reset_seconds == pytest.approx(5_000, abs=2)


async def test_users_and_kinds_have_buckets_of_their_own(cache):
    for _ in range(5):
        await rates.take(cache, SLOW, "ann")

    assert (await rates.take(cache, SLOW, "ben")).allowed
    assert (await rates.take(cache, QUICK, "ann")).allowed


async def test_a_refusal_takes_nothing(cache):
    await rates.take(cache, SLOW, "ann", cost=3)

    assert not (await rates.take(cache, SLOW, "ann", cost=3)).allowed
    assert (await rates.take(cache, SLOW, "ann", cost=2)).allowed


async def test_a_full_bucket_leaves_nothing_behind(cache):
    await rates.take(cache, QUICK, "ann")

    async def is_gone() -> bool:
        return not await cache.command("EXISTS", rates.key(QUICK, "ann"))

    await eventually(is_gone, timeout_seconds=2.0)
