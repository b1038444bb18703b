"""What a person sees of a run while it goes on: a line every few seconds."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from causerie.lifetime import beside
from soak.crowd import Crowd

SHOW_SECONDS = 3.0

Show = Callable[[str], None]


@asynccontextmanager
async def shown(people: Crowd, show: Show, doing: Callable[[], str]) -> AsyncIterator[None]:
    """Say now and then how many sends were accepted and delivered, and what is being done."""
    async with beside(_keep_showing(people, show, doing)):
        yield


async def _keep_showing(people: Crowd, show: Show, doing: Callable[[], str]) -> None:
    loop = asyncio.get_running_loop()
    began, before = loop.time(), 0
    while True:
        await asyncio.sleep(SHOW_SECONDS)
        accepted = len(people.acknowledged)
        delivered = sum(person.witness.deliveries for person in people.people)
        rate = (accepted - before) / SHOW_SECONDS
        before = accepted
        show(
            f"{loop.time() - began:6.0f} s  accepted {accepted:8,} ({rate:4.0f}/s)  delivered {delivered:9,}  {doing()}"
        )
