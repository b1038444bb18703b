"""A gateway with a worker behind it, and clients that speak the native dialect frame by frame."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from itertools import count

import pytest
from websockets.asyncio.client import connect

from causerie.actions.conversations import open_conversation
from causerie.actions.platform import Platform
from causerie.bus.connection import Bus
from causerie.cache import Cache
from causerie.domain.caller import Caller
from causerie.domain.conversation import ConversationType, OpenConversation
from causerie.domain.ids import UserId
from causerie.store import Store
from tests.gateway.client import Client, token_of
from tests.support.services import Service, Services


@pytest.fixture
async def platform(service_environment: dict[str, str]) -> AsyncIterator[Platform]:
    """The stores as an API pod has them, without the pod."""
    from causerie.bus.hints import HintPublisher

    bus = await Bus.connect([service_environment["NATS_URL"]], name="test")
    hints = HintPublisher(bus)
    store = await Store.connect(service_environment["DATABASE_URL"], announce=hints.announce)
    hints.epoch_from(lambda: store.epoch)
    cache = await Cache.connect(service_environment["REDIS_URL"])
    yield Platform(store, cache, bus)
    await store.close()
    await cache.close()
    await bus.close()


@pytest.fixture
async def gateway(services: Services) -> Service:
    await services.start("worker")
    return await services.start("gateway")


Connect = Callable[..., Awaitable[Client]]


@pytest.fixture
async def connected(gateway: Service) -> AsyncIterator[Connect]:
    """`ann = await connected("ann")`: a welcomed client of the gateway, or of another one by `to=`."""
    async with AsyncExitStack() as sockets:

        async def enter(user: str, *, to: Service | None = None) -> Client:
            url = (to or gateway).ws_url + "/ws"
            headers = {"Authorization": f"Bearer {token_of(user)}"}
            socket = await sockets.enter_async_context(connect(url, additional_headers=headers, compression=None))
            client = Client(socket)
            await client.event("welcome")
            return client

        yield enter


_names = count(1)
Open = Callable[..., Awaitable[str]]


@pytest.fixture
async def opened(platform: Platform) -> Open:
    """`talk = await opened("ann", "bob")`: the id of a conversation of theirs; the first one opens it."""

    async def make(*users: str, type: str = "group") -> str:
        spec = OpenConversation(
            type=ConversationType(type),
            member_ids=tuple(map(UserId, users[1:])),
            name=f"talk {next(_names)}" if type != "direct" else None,
        )
        made = await open_conversation(platform, Caller(UserId(users[0]), 2**40), spec)
        return str(made.conversation["id"])

    return make


def names(users: Sequence[UserId]) -> list[str]:
    return [str(user) for user in users]
