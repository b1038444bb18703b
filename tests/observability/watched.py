"""A small platform that a Prometheus watches, and people who use all of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from uuid import uuid4

from causerie.client import Client, ClientError
from tests.journeys.fleet import Fleet, people
from tests.support.services import Service

EACH = {"api": 1, "gateway": 2, "worker": 1}
PAUSE_SECONDS = 0.1
STAY_SECONDS = 1.0


class WatchedFleet(Fleet):
    """One API, two gateways, one worker, a canary: of a gateway and of nothing else there is another."""

    async def start(self) -> None:
        started = await asyncio.gather(*(self._services.start(name) for name, n in EACH.items() for _ in range(n)))
        for service in started:
            self.running[service.name].append(service)
        self.canary = await self._services.start(
            "canary",
            CAUSERIE_CANARY_GATEWAYS=",".join(gateway.ws_url for gateway in self.gateways),
            CAUSERIE_CANARY_APIS=",".join(api.url for api in self.apis),
            CAUSERIE_CANARY_EVERY_SECONDS="0.5",
        )

    @property
    def everything(self) -> list[Service]:
        return [*(service for services in self.running.values() for service in services), self.canary]


@contextlib.asynccontextmanager
async def busy(fleet: Fleet) -> AsyncIterator[None]:
    """People who talk, read, type and look who is there, and others who come and go, until the block ends.

    What is refused meanwhile they try again, as people do.
    """
    names = people("ann", "ben", "cai", "dot")
    async with fleet.clients(*names) as clients:
        group = (await clients[0].open("group", names[1:]))["id"]
        for client in clients:
            await client.until(lambda model: group in model.conversations)
        lives = [asyncio.create_task(_live(client, group, names)) for client in clients]
        lives += [asyncio.create_task(_come_and_go(fleet, place)) for place in range(EACH["gateway"])]
        try:
            yield
        finally:
            for life in lives:
                life.cancel()
            ended = await asyncio.gather(*lives, return_exceptions=True)
            bugs = [end for end in ended if not isinstance(end, asyncio.CancelledError)]
            assert not bugs, bugs


async def _live(client: Client, group: str, names: list[str]) -> None:
    while True:
        with contextlib.suppress(ClientError, TimeoutError):
            said = await client.send(group, "by socket", deadline_seconds=1.0)
            await client.edit(said["id"], "by socket, better said")
            said = await client.send(group, "by REST", by_rest=True, deadline_seconds=1.0)
            await client.read(group, said["seq"])
            await client.type(group)
            await client.watch(names)
            await client.history(group)
            await client.call("history", conversation_id=group)
            await client.rest.view(str(uuid4()))
        await asyncio.sleep(PAUSE_SECONDS)


async def _come_and_go(fleet: Fleet, place: int) -> None:
    while True:
        (name,) = people("eve")
        with contextlib.suppress(ClientError, TimeoutError):
            async with fleet.client(name, gateway=place):
                await asyncio.sleep(STAY_SECONDS)
