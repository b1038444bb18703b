"""A gateway with a worker behind it, and clients that speak the native dialect frame by frame.

One pair serves a module; a test that ends, drains or overfills a gateway starts its own with `services`.  Users are
new in every test, so that no test meets another's events.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from websockets.asyncio.client import connect

from causerie.actions import conversations, members
from causerie.actions.platform import Platform
from causerie.domain.caller import Caller
from causerie.domain.conversation import ConversationType, OpenConversation
from causerie.domain.ids import ConversationId, UserId, uuid_of
from services.gateway.loops import IN_C, IN_PYTHON, Loops
from tests.gateway.client import Client, token_of
from tests.support.gateways import gateway, own, platform, staff
from tests.support.services import Service

__all__ = ("gateway", "own", "platform", "staff")


@pytest.fixture(params=[loops for loops in (IN_PYTHON, IN_C) if loops is not None], ids=lambda loops: loops.language)
def loops(request: pytest.FixtureRequest) -> Loops:
    """Frames go out by the one or the other, and nobody may notice which; those in C where they were built."""
    chosen: Loops = request.param
    return chosen


@pytest.fixture(scope="module")
def environment(module_environment: dict[str, str]) -> dict[str, str]:
    return module_environment | {"CAUSERIE_OFFLINE_GRACE_SECONDS": "0.5", "CAUSERIE_DRAIN_SECONDS": "1"}


_names = count(1)


@pytest.fixture
def ann() -> str:
    return f"ann-{next(_names)}"


@pytest.fixture
def bob() -> str:
    return f"bob-{next(_names)}"


Connect = Callable[..., Awaitable[Client]]


@pytest.fixture
async def dial(gateway: Service) -> AsyncIterator[Connect]:
    """A socket to the gateway, or to another one by `to=`, before anybody said a word."""
    async with AsyncExitStack() as sockets:

        async def open_socket(to: Service | None = None, *, path: str = "/ws", **options: Any) -> Client:
            connecting = connect((to or gateway).ws_url + path, compression=None, ping_interval=None, **options)
            return Client(await sockets.enter_async_context(connecting))

        yield open_socket


@pytest.fixture
async def connected(dial: Connect) -> Connect:
    """A welcomed client who has asked what he missed, so that events reach him from now on."""

    async def enter(user: str, to: Service | None = None, **options: Any) -> Client:
        client = await dial(to, additional_headers={"Authorization": f"Bearer {token_of(user)}"}, **options)
        await client.event("welcome")
        await client.do("sync")
        return client

    return enter


@dataclass(frozen=True)
class Talks:
    """Conversations made and changed as the API would."""

    platform: Platform

    async def open(self, *users: str, type: str = "group") -> str:
        spec = OpenConversation(
            type=ConversationType(type),
            member_ids=tuple(map(UserId, users[1:])),
            name=None if type == "direct" else f"talk {next(_names)}",
        )
        made = await conversations.open_conversation(self.platform, self._caller(users[0]), spec)
        return str(made.conversation["id"])

    async def add(self, talk: str, owner: str, user: str) -> None:
        await members.add(self.platform, self._caller(owner), self._id(talk), UserId(user))

    async def join(self, talk: str, user: str) -> None:
        await members.join(self.platform, self._caller(user), self._id(talk))

    async def leave(self, talk: str, user: str) -> None:
        await members.leave(self.platform, self._caller(user), self._id(talk))

    def _caller(self, user: str) -> Caller:
        return Caller(UserId(user), expires_at=2**40)

    def _id(self, talk: str) -> ConversationId:
        found = uuid_of(talk)
        assert found is not None
        return ConversationId(found)


@pytest.fixture
def talks(platform: Platform) -> Talks:
    return Talks(platform)
