"""The secret of tokens is replaced while people talk: nobody is sent away who fetches a token in time."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from websockets.asyncio.client import connect

from causerie.domain.ids import UserId
from causerie.store import Store
from causerie.tokens import issue
from tests.conftest import JWT_SECRET
from tests.gateway.client import Client
from tests.store.conftest import a_conversation
from tests.support.services import Services

OLD, NEW = JWT_SECRET, "the-secret-that-follows-the-one-for-tests"
OLD_TOKEN_SECONDS = 4.0
SETTINGS = {"CAUSERIE_JWT_LEEWAY_SECONDS": "1", "CAUSERIE_DRAIN_SECONDS": "1"}


async def test_the_secret_is_replaced_in_three_steps_and_nobody_is_sent_away(
    services: Services, database_url: str
) -> None:
    store = await Store.connect(database_url, announce=lambda events: None)
    group = str(await a_conversation(store, UserId("ann"), UserId("ben")))
    await store.close()

    # Both are believed; Ann has a token of the old secret, Ben's back end signs with the new one already.
    gateway = await services.start("gateway", **SETTINGS, CAUSERIE_JWT_SECRET=f"{OLD},{NEW}")
    ends = time.time() + OLD_TOKEN_SECONDS
    async with (
        entered(gateway.ws_url, "ann", OLD, OLD_TOKEN_SECONDS) as ann,
        entered(gateway.ws_url, "ann", OLD, OLD_TOKEN_SECONDS) as forgetful,
        entered(gateway.ws_url, "ben", NEW, 3600) as ben,
    ):
        assert (await ann.do("send", conversation_id=group, content="with the old one"))["seq"] == 2
        await ann.do("refresh", token=issue(NEW, UserId("ann"), ttl_seconds=3600))
        assert await forgetful.closed() == 4001
        assert time.time() >= ends
        assert (await ann.do("send", conversation_id=group, content="with the new one"))["seq"] == 3
        cursor = (await ben.do("sync"))["next_cursor"]
        assert (await ann.do("send", conversation_id=group, content="while Ben is away"))["seq"] == 4

        # Only the new one is believed from here on: a rolling restart, which asks everybody to come back.
        await gateway.stop()
        assert await ann.closed() == await ben.closed() == 1012
    gateway = await services.start("gateway", port=gateway.port, **SETTINGS, CAUSERIE_JWT_SECRET=NEW)
    async with entered(gateway.ws_url, "ann", NEW, 3600) as ann, entered(gateway.ws_url, "ben", NEW, 3600) as ben:
        missed = await ben.do("sync", cursor=cursor)
        assert [event["data"]["content"] for event in missed["events"]] == ["while Ben is away"]
        assert (await ann.do("send", conversation_id=group, content="after"))["seq"] == 5

    async with connect(f"{gateway.ws_url}/ws", additional_headers=bearer("ann", OLD, 3600)) as socket:
        assert await Client(socket).closed() == 4001


@asynccontextmanager
async def entered(url: str, user: str, secret: str, ttl_seconds: float) -> AsyncIterator[Client]:
    """Somebody who came in with a token of that secret."""
    async with connect(f"{url}/ws", additional_headers=bearer(user, secret, ttl_seconds)) as socket:
        client = Client(socket)
        await client.event("welcome")
        yield client


def bearer(user: str, secret: str, ttl_seconds: float) -> dict[str, str]:
    return {"Authorization": f"Bearer {issue(secret, UserId(user), ttl_seconds=ttl_seconds)}"}
