import asyncio
import time

from causerie.cache import tickets
from causerie.domain.caller import Caller
from tests.support.waiting import eventually

ANN = Caller(
    "ann", expires_at=1_800_000_000.5, admin=True, display_name="Ann Ó", email="ann@example.com", kind="doctor"
)


async def test_a_ticket_stands_for_the_caller_who_bought_it(cache):
    ticket = await tickets.issue(cache, ANN, now=time.time())

    assert await tickets.redeem(cache, ticket.text) == ANN


async def test_a_ticket_is_good_once_however_many_try_together(cache):
    ticket = await tickets.issue(cache, ANN, now=time.time())

    tries = await asyncio.gather(*(tickets.redeem(cache, ticket.text) for _ in range(20)))

    assert [caller for caller in tries if caller is not None] == [ANN]


async def test_an_old_ticket_is_worth_nothing(cache):
    ticket = await tickets.issue(cache, ANN, now=time.time(), seconds=0.05)

    async def has_run_out() -> bool:
        # Redis forgets it; asking for it would also use it up.
        return not await cache.command("EXISTS", tickets.key(ticket.text))

    await eventually(has_run_out, timeout_seconds=2.0)
    assert await tickets.redeem(cache, ticket.text) is None


async def test_what_was_never_a_ticket_is_worth_nothing(cache):
    for text in ("", "x" * 10_000, "{}", "ключ", "\udcff"):
        assert await tickets.redeem(cache, text) is None


async def test_reading_redis_shows_no_ticket(cache):
    ticket = await tickets.issue(cache, ANN, now=time.time())

    assert ticket.text not in tickets.key(ticket.text)
