"""What is committed reaches those who sit somewhere, in order."""

from causerie.actions import messages
from tests.support.waiting import eventually
from tests.worker.people import Town, caller


async def test_members_on_different_nodes_hear_everything_in_order(town: Town) -> None:
    await town.worker()
    left, right = await town.node("ann"), await town.node("ben", "eve")
    group = await town.open("group", "ann", "ben")

    await town.say("ann", group, *(f"text {number}" for number in range(20)))

    everything = list(range(1, 22))
    await eventually(lambda: left.heard("ann", group) == everything)
    await eventually(lambda: right.heard("ben", group) == everything)
    assert all("eve" not in (delivery.recipients or []) for delivery in right.deliveries)


async def test_a_channel_reaches_nodes_that_follow_it_without_naming_anybody(town: Town) -> None:
    await town.worker()
    following, other = await town.node("ann"), await town.node("ben")
    channel = await town.open("channel", "ann", "ben")
    await following.node.settled(following.node.follow(channel), timeout_seconds=5.0)

    await town.say("ann", channel, "one", "two")

    await eventually(lambda: following.heard("ann", channel)[-2:] == [2, 3])
    assert all(delivery.recipients is None for delivery in following.deliveries)
    assert other.heard("ben", channel) == []


async def test_a_removed_member_hears_of_it_as_his_last(town: Town) -> None:
    await town.worker()
    ears = await town.node("ann", "ben")
    group = await town.open("group", "ann", "ben")
    await town.say("ann", group, "before")

    await town.remove("ann", group, "ben")
    await town.say("ann", group, "after")

    await eventually(lambda: ears.heard("ann", group) == [1, 2, 3, 4])
    assert ears.heard("ben", group) == [1, 2, 3]


async def test_a_new_member_hears_from_his_own_addition_on(town: Town) -> None:
    await town.worker()
    ears = await town.node("ann", "eve")
    group = await town.open("group", "ann", "ben")
    await town.say("ann", group, "before")

    await town.add("ann", group, "eve")
    await town.say("ann", group, "after")

    await eventually(lambda: ears.heard("ann", group) == [1, 2, 3, 4])
    assert ears.heard("eve", group) == [3, 4]


async def test_an_edit_does_not_tell_a_newcomer_what_was_said_before_he_came(town: Town) -> None:
    await town.worker()
    ears = await town.node("ann", "eve")
    group = await town.open("group", "ann", "ben")
    [early] = await town.say("ann", group, "early")
    await town.add("ann", group, "eve")

    await messages.edit(town.platform, caller("ann"), early.message.id, "early secret")

    await eventually(lambda: ears.heard("ann", group) == [1, 2, 3, 4] and ears.heard("eve", group) == [3, 4])
    told = {user: one.payload for one in ears.deliveries if one.seq == 4 for user in one.recipients or []}
    assert b"early secret" in told["ann"]
    assert b"secret" not in told["eve"]
