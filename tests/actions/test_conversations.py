"""Opening conversations, and who may change what."""

import asyncio

import pytest

from causerie.actions import conversations, members
from causerie.actions.platform import Platform
from causerie.domain.conversation import Context, ConversationType, OpenConversation
from causerie.domain.errors import Conflict, ContextTaken, Forbidden, IdempotencyConflict, InvalidRequest, NotFound
from causerie.domain.event import Event
from causerie.domain.membership import Role
from causerie.store import conversations as stored
from causerie.store import log
from causerie.store import members as stored_members
from tests.actions.conftest import ANN, BEN, CAT, ROOT, a_conversation, said

DIRECT, GROUP, CHANNEL = ConversationType.DIRECT, ConversationType.GROUP, ConversationType.CHANNEL


async def test_two_people_have_one_direct_conversation_however_often_it_is_opened(platform: Platform) -> None:
    asked = [(ANN, BEN), (BEN, ANN)] * 8

    opened = await asyncio.gather(
        *(conversations.open_conversation(platform, me, OpenConversation(DIRECT, (you.user,))) for me, you in asked)
    )

    assert len({one.conversation["id"] for one in opened}) == 1
    assert sum(one.created for one in opened) == 1


async def test_opening_writes_event_one_with_everybody(platform: Platform, announced: list[Event]) -> None:
    group = await a_conversation(platform, BEN)

    [event] = announced
    assert (event.conversation_id, event.seq, event.kind) == (group, 1, "member.add")
    assert [member["user_id"] for member in event.data["members"]] == ["ann", "ben"]
    assert event.data["conversation"]["id"] == str(group)


async def test_a_context_has_one_conversation_and_is_not_told_to_others(platform: Platform) -> None:
    spec = OpenConversation(GROUP, (BEN.user,), context=Context("order", "12"))
    first = await conversations.open_conversation(platform, ANN, spec)

    again = await conversations.open_conversation(platform, BEN, spec)

    assert (again.conversation["id"], again.created) == (first.conversation["id"], False)
    with pytest.raises(ContextTaken) as taken:
        await conversations.open_conversation(platform, CAT, spec)
    assert str(first.conversation["id"]) not in taken.value.message


async def test_a_key_opens_one_group(platform: Platform) -> None:
    spec = OpenConversation(GROUP, (BEN.user,), key="open-1")

    opened = await asyncio.gather(*(conversations.open_conversation(platform, ANN, spec) for _ in range(5)))

    assert len({one.conversation["id"] for one in opened}) == 1
    assert sum(one.created for one in opened) == 1
    with pytest.raises(IdempotencyConflict):
        await conversations.open_conversation(platform, ANN, OpenConversation(GROUP, (CAT.user,), key="open-1"))


@pytest.mark.parametrize("others", [(), ("ann",), ("ben", "cat")])
async def test_a_direct_conversation_has_exactly_two_people(platform: Platform, others: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRequest):
        await conversations.open_conversation(platform, ANN, OpenConversation(DIRECT, others))


async def test_members_of_a_direct_conversation_cannot_be_changed(platform: Platform) -> None:
    direct = await a_conversation(platform, BEN, type=DIRECT)

    with pytest.raises(Conflict):
        await members.leave(platform, ANN, direct)
    with pytest.raises(Conflict):
        await members.add(platform, ANN, direct, CAT.user)


async def test_strangers_see_nothing_and_plain_members_change_nothing(platform: Platform) -> None:
    group = await a_conversation(platform, BEN)

    with pytest.raises(NotFound):
        await conversations.change(platform, CAT, group, {"name": "mine"})
    with pytest.raises(Forbidden):
        await conversations.change(platform, BEN, group, {"name": "mine"})
    with pytest.raises(Forbidden):
        await members.add(platform, BEN, group, CAT.user)
    with pytest.raises(NotFound):
        await stored.view(platform.store, CAT.user, group)


async def test_a_change_is_an_event_with_the_changed_fields_alone(platform: Platform, announced: list[Event]) -> None:
    group = await a_conversation(platform, BEN)

    view = await conversations.change(platform, ANN, group, {"name": "Lunch", "description": None})

    assert view["name"] == "Lunch"
    assert (announced[-1].kind, announced[-1].data) == ("conversation.update", {"name": "Lunch"})


async def test_archiving_is_ones_own_and_no_event(platform: Platform, announced: list[Event]) -> None:
    group = await a_conversation(platform, BEN)

    view = await conversations.change(platform, BEN, group, {"is_archived": True})

    assert view["is_archived"] is True
    assert (await stored.view(platform.store, ANN.user, group))["is_archived"] is False
    assert len(announced) == 1


async def test_the_owner_who_leaves_is_followed_by_the_oldest_admin(platform: Platform) -> None:
    group = await a_conversation(platform, BEN, CAT)
    await members.change(platform, ANN, group, CAT.user, {"role": Role.ADMIN})

    await members.leave(platform, ANN, group)

    assert (await stored.view(platform.store, CAT.user, group))["membership"]["role"] == "owner"
    with pytest.raises(NotFound):
        await stored.view(platform.store, ANN.user, group)
    kinds = [(event.kind, event.data["user_id"]) for event in await log.events_between(platform.store, group, 2)]
    assert kinds == [("member.remove", "ann"), ("member.update", "cat")]


async def test_the_last_one_out_archives_the_channel_and_the_next_one_in_owns_it(platform: Platform) -> None:
    channel = await a_conversation(platform, type=CHANNEL)
    await members.leave(platform, ANN, channel)
    assert (await stored.view(platform.store, BEN.user, channel))["is_archived"] is True

    joined = await members.join(platform, BEN, channel)

    assert joined.member["role"] == "owner"
    assert (await stored.view(platform.store, BEN.user, channel))["is_archived"] is False


async def test_a_repeat_with_the_same_key_joins_adds_and_leaves_once(
    platform: Platform, announced: list[Event]
) -> None:
    channel = await a_conversation(platform, type=CHANNEL)

    joined = [await members.join(platform, BEN, channel, key="in") for _ in range(2)]
    added = [await members.add(platform, ANN, channel, CAT.user, key="add") for _ in range(2)]
    left = [await members.leave(platform, BEN, channel, key="out") for _ in range(2)]

    assert [one.replayed for one in (*joined, *added)] == [False, True, False, True]
    assert left == [False, True]
    assert [event.kind for event in announced] == ["member.add", "member.add", "member.add", "member.remove"]
    with pytest.raises(IdempotencyConflict):
        await members.join(platform, BEN, channel, key="out")


async def test_ownership_is_handed_over_and_never_given_up(platform: Platform) -> None:
    group = await a_conversation(platform, BEN)
    with pytest.raises(Conflict):
        await members.change(platform, ANN, group, ANN.user, {"role": Role.MEMBER})

    await members.change(platform, ANN, group, BEN.user, {"role": Role.OWNER})

    page = await _roles(platform, group)
    assert page == {"ann": "admin", "ben": "owner"}


async def test_muting_is_told_to_nobody(platform: Platform, announced: list[Event]) -> None:
    group = await a_conversation(platform, BEN)

    mine = await members.change(platform, BEN, group, BEN.user, {"is_muted": True})

    assert mine["is_muted"] is True
    assert len(announced) == 1
    with pytest.raises(Forbidden):
        await members.change(platform, ANN, group, BEN.user, {"is_muted": True})


async def test_the_scope_admin_administrates_but_reads_nothing(platform: Platform) -> None:
    group = await a_conversation(platform, BEN)
    await said(platform, group, ANN)

    await members.add(platform, ROOT, group, CAT.user)
    await conversations.change(platform, ROOT, group, {"name": "Looked after"})

    with pytest.raises(NotFound):
        await stored.view(platform.store, ROOT.user, group)


async def test_channels_one_could_join_are_listed_apart_from_ones_own(platform: Platform) -> None:
    channel = await a_conversation(platform, type=CHANNEL)

    async def listed(me: object, member: bool) -> list[object]:
        page = await stored.list_mine(platform.store, me.user, type=CHANNEL, member=member)
        return [one["id"] for one in page.items]

    assert await listed(BEN, False) == [str(channel)]
    await members.join(platform, BEN, channel)
    assert (await listed(BEN, False), await listed(BEN, True)) == ([], [str(channel)])


async def test_the_list_is_read_newest_activity_first_page_by_page(platform: Platform) -> None:
    groups = [await a_conversation(platform, BEN) for _ in range(7)]
    await said(platform, groups[2], BEN)
    order = [str(group) for group in [groups[2], *reversed(groups[:2] + groups[3:])]]

    seen: list[object] = []
    cursor = None
    for _ in range(4):
        page = await stored.list_mine(platform.store, ANN.user, limit=2, cursor=cursor)
        seen += [one["id"] for one in page.items]
        cursor = page.next_cursor

    assert seen == order
    assert cursor is None


async def _roles(platform: Platform, group: object) -> dict[object, object]:
    page = await stored_members.list_members(platform.store, ANN.user, group, limit=10)
    return {member["user_id"]: member["role"] for member in page.items}
