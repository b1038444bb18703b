"""A store on a fresh database, with what it announced."""

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from causerie.domain.conversation import ConversationType, OpenConversation
from causerie.domain.event import Event, EventKind
from causerie.domain.ids import ConversationId, UserId
from causerie.domain.membership import Role
from causerie.domain.message import Draft
from causerie.store import Store, conversations, log, members
from causerie.store.posts import ANSWER_SECONDS

ANN, BEN, CAT = UserId("ann"), UserId("ben"), UserId("cat")


@pytest.fixture
def announced() -> list[Event]:
    return []


@pytest.fixture
async def store(database_url: str, announced: list[Event]) -> AsyncIterator[Store]:
    store = await Store.connect(database_url, announce=announced.extend, min_size=1, max_size=8)
    yield store
    await store.close()


@pytest.fixture
async def group(store: Store) -> ConversationId:
    return await a_conversation(store)


async def a_conversation(
    store: Store, *users: UserId, type: ConversationType = ConversationType.GROUP
) -> ConversationId:
    """A conversation of these people, Ann and Ben unless said otherwise; its log holds event 1."""
    async with store.transaction() as tx:
        made = await conversations.insert(tx, OpenConversation(type), ANN)
        assert made is not None
        joined = await members.put(tx, made.id, [(user, Role.MEMBER) for user in users or (ANN, BEN)], seq=1)
        data: dict[str, object] = {"members": [member.as_json() for member in joined]}
        await log.append(tx, made.id, 1, EventKind.MEMBER_ADD, ANN, data=data)
    return made.id


def a_draft(conversation_id: ConversationId, sender: UserId = ANN, text: str = "hello", **more: object) -> Draft:
    return Draft(conversation_id, sender, text, **more)


def no_conversation() -> ConversationId:
    return ConversationId(uuid4())


async def overslept() -> float:
    """How late somebody wakes here who sleeps for as long as a draft may wait: so late the answers may be too."""
    began = time.monotonic()
    await asyncio.sleep(ANSWER_SECONDS)
    return time.monotonic() - began - ANSWER_SECONDS
