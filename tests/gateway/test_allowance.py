import pytest

from causerie.actions.platform import Platform
from causerie.cache import rates
from causerie.cache.rates import Bucket
from causerie.domain.errors import RateLimited
from causerie.domain.ids import UserId
from services.gateway.allowance import Allowance
from tests.support.waiting import eventually

ANN = UserId("ann")
SENDS = Bucket("sends", per_second=20, burst=100)


class AClock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_a_burst_is_allowed_and_then_as_many_as_drip_in(platform: Platform):
    clock = AClock()
    allowance = Allowance(platform.cache, SENDS, clock=clock)

    for _ in range(100):
        allowance.take(ANN)
    with pytest.raises(RateLimited) as refusal:
        allowance.take(ANN)
    assert refusal.value.retry_after_seconds == pytest.approx(0.05)

    clock.now += 0.5
    for _ in range(10):
        allowance.take(ANN)
    with pytest.raises(RateLimited):
        allowance.take(ANN)


async def test_what_was_used_here_is_missing_elsewhere(platform: Platform):
    allowance = Allowance(platform.cache, Bucket("sends", per_second=0.001, burst=100), clock=AClock())
    for _ in range(100):
        allowance.take(ANN)

    async def charged() -> bool:
        return not (await rates.take(platform.cache, Bucket("sends", per_second=0.001, burst=100), ANN)).allowed

    await eventually(charged, what="the common bucket to be empty")


async def test_what_was_used_elsewhere_ends_the_burst_here(platform: Platform):
    bucket = Bucket("sends", per_second=0.001, burst=100)
    await rates.take(platform.cache, bucket, ANN, 90)
    allowance = Allowance(platform.cache, bucket, clock=AClock())
    for _ in range(25):
        allowance.take(ANN)

    async def refused() -> bool:
        try:
            allowance.take(ANN)
        except RateLimited:
            return True
        return False

    await eventually(refused, what="a refusal")


async def test_who_has_asked_nothing_for_a_while_takes_no_room(platform: Platform):
    clock = AClock()
    allowance = Allowance(platform.cache, SENDS, clock=clock, sweep_seconds=0.01)
    allowance.take(ANN)
    clock.now += 60.0
    allowance.take(UserId("bob"))

    async def only_bob() -> bool:
        return len(allowance) == 1

    await eventually(only_bob, what="ann to be forgotten")
