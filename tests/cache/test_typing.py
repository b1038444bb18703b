from uuid import uuid4

import pytest

from causerie.cache import typing
from causerie.domain.ids import ConversationId
from tests.support.waiting import eventually


@pytest.fixture
def conversation() -> ConversationId:
    return ConversationId(uuid4())


async def test_who_starts_is_shown_until_he_stops(cache, conversation):
    await typing.start(cache, conversation, "ann")
    await typing.start(cache, conversation, "ben")
    assert sorted(await typing.who(cache, conversation)) == ["ann", "ben"]

    assert await typing.stop(cache, conversation, "ann")

    assert await typing.who(cache, conversation) == ["ben"]


async def test_a_mark_ends_by_itself(cache, conversation):
    await typing.start(cache, conversation, "ann", seconds=0.1)

    async def nobody_writes() -> bool:
        return await typing.who(cache, conversation) == []

    await eventually(nobody_writes, timeout_seconds=2.0)


async def test_others_are_told_once_while_somebody_goes_on_writing(cache, conversation):
    told = [await typing.start(cache, conversation, "ann") for _ in range(3)]

    assert told == [True, False, False]


async def test_others_are_told_again_after_a_while(cache, conversation):
    await typing.start(cache, conversation, "ann", repeat_seconds=0.1)

    await eventually(lambda: typing.start(cache, conversation, "ann"), timeout_seconds=2.0)


async def test_others_are_told_again_after_a_stop(cache, conversation):
    await typing.start(cache, conversation, "ann")
    await typing.stop(cache, conversation, "ann")

    assert await typing.start(cache, conversation, "ann")


async def test_stopping_without_a_start_is_nothing_to_tell(cache, conversation):
    assert not await typing.stop(cache, conversation, "ann")


async def test_conversations_do_not_mix(cache, conversation):
    await typing.start(cache, conversation, "ann")

    assert await typing.who(cache, ConversationId(uuid4())) == []
