"""Actions on real stores, with what they announced."""

import time
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from causerie.actions import conversations
from causerie.actions.platform import Platform
from causerie.cache.connection import Cache
from causerie.domain.caller import Caller
from causerie.domain.conversation import ConversationType, OpenConversation
from causerie.domain.event import Event
from causerie.domain.ids import ConversationId, UserId
from causerie.domain.message import Draft, Message
from causerie.store import Store
from tests.support.stores import CACHE_PATIENCE_SECONDS, bus_to


@pytest.fixture
def announced() -> list[Event]:
    return []


@pytest.fixture
async def platform(database_url: str, redis_url: str, nats_url: str, announced: list[Event]) -> AsyncIterator[Platform]:
    store = await Store.connect(database_url, announce=announced.extend, max_size=8)
    cache = await Cache.connect(redis_url, call_seconds=CACHE_PATIENCE_SECONDS)
    bus = await bus_to(nats_url, name="test")
    yield Platform(store, cache, bus)
    await bus.close()
    await cache.close()
    await store.close()


def a_caller(name: str, *, admin: bool = False) -> Caller:
    return Caller(UserId(name), time.time() + 3600, admin=admin)


ANN, BEN, CAT, ROOT = a_caller("ann"), a_caller("ben"), a_caller("cat"), a_caller("root", admin=True)


async def a_conversation(
    platform: Platform, *others: Caller, type: ConversationType = ConversationType.GROUP
) -> ConversationId:
    """Opened by Ann."""
    spec = OpenConversation(type, tuple(other.user for other in others))
    opened = await conversations.open_conversation(platform, ANN, spec)
    return ConversationId(_uuid(opened.conversation["id"]))


async def said(platform: Platform, conversation_id: ConversationId, by: Caller, text: str = "hello") -> Message:
    return (await platform.store.posts.submit(Draft(conversation_id, by.user, text))).message


def _uuid(text: object) -> UUID:
    return UUID(str(text))
