"""The oldest a connection gets, when an operator wants that."""

import asyncio

from tests.gateway.client import token_of
from tests.gateway.conftest import Connect
from tests.support.services import Services
from tests.support.waiting import eventually

AGE_SECONDS = 3.0


async def test_everybody_is_asked_to_come_back_at_once_after_about_the_same_time(
    dial: Connect, own: Services, ann: str
):
    aging = await own.start("gateway", CAUSERIE_MAX_CONNECTION_AGE_SECONDS=str(AGE_SECONDS))
    loop = asyncio.get_running_loop()

    async def lived(name: str) -> float:
        began = loop.time()
        client = await dial(aging, additional_headers={"Authorization": f"Bearer {token_of(name)}"})
        assert await client.closed() == 1012
        told = client.frames[-1]["data"]
        assert (told["reason"], told["reconnect"], told["retry_after_ms"]) == ("age", True, 0)
        return loop.time() - began

    ages = await asyncio.gather(*(lived(f"{ann}-{number}") for number in range(10)))

    assert min(ages) > 0.8 * AGE_SECONDS
    # They may be 1.2 s apart; less, for what ends while a machine stands still ends together.
    assert max(ages) - min(ages) > 0.2
    await eventually(lambda: _counted(aging, 10))


async def _counted(gateway, count: int) -> bool:
    return f'causerie_gateway_closes_total{{reason="age"}} {count}.0' in await gateway.metrics()
