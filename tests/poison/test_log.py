"""An event nobody can read: skipped with a `resync` in its place, named in a dead letter, in nobody's way."""

import json
from typing import Any
from uuid import UUID

import pytest

from causerie.domain.ids import ConversationId, uuid_of
from causerie.domain.shards import shard_of
from tests.poison.lab import rows
from tests.support.stores import execute
from tests.support.waiting import eventually
from tests.worker.people import Ears, Town

POISON = {
    "a kind nobody knows": "NEW.kind := 'riddle.new'",
    "a message that is gone": "NEW.message_id := uuidv7()",
    "no data": "NEW.kind := 'member.add'; NEW.data := NULL",
    "data of another shape": """NEW.kind := 'member.add'; NEW.data := '{"members": 7}'""",
    "a row that is gone": "RETURN NULL",
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON.keys())
async def test_an_unreadable_event_is_skipped_with_a_resync_and_the_conversation_goes_on(
    town: Town, database_url: str, poison: str
) -> None:
    await town.worker()
    ears = await town.node("ben")
    group, other = await town.open("group", "ann", "ben"), await town.open("group", "ann", "ben")
    await town.say("ann", group, "good")
    await eventually(lambda: ears.heard("ben", group) == [1, 2])

    await poison_third_events(database_url, poison)
    town.lose(lambda event: event.seq == 3)
    await town.say("ann", group, "bad")
    await town.say("ann", group, "after")
    await town.say("ann", group, "later")
    await town.say("ann", other, "elsewhere")

    await eventually(lambda: ears.heard("ben", group) == [1, 2, 3, 4, 5])
    await eventually(lambda: ears.heard("ben", other) == [1, 2])
    assert [resync["data"]["seq"] for resync in resyncs(ears, group)] == [3]
    await eventually(lambda: letters(database_url, group, 3))


async def test_a_node_that_comes_later_is_not_held_up_by_an_unreadable_event(town: Town, database_url: str) -> None:
    first = await town.worker()
    group, other = await town.open("group", "ann", "ben"), await town.open("group", "ann", "ben")
    ears = await town.node("ben")
    await eventually(lambda: ears.heard("ben", group) == [1])
    await first.stop()
    await town.say("ann", group, "good", "bad", "after")
    await rows(database_url, "UPDATE events SET kind = 'riddle.new' WHERE conversation_id = $1 AND seq = 3", group)
    await town.say("ann", other, "elsewhere")

    await town.worker()

    await eventually(lambda: ears.heard("ben", group) == [1, 2, 3, 4])
    await eventually(lambda: ears.heard("ben", other) == [1, 2])
    assert {resync["data"]["seq"] for resync in resyncs(ears, group)} == {3}


async def test_who_joined_by_an_unreadable_event_hears_nothing_from_before_and_who_left_nothing_after(
    town: Town, database_url: str
) -> None:
    first = await town.worker()
    ears = await town.node("ann", "ben", "eve")
    group = await town.open("group", "ann", "ben")
    await eventually(lambda: ears.heard("ben", group) == [1])
    await first.stop()
    await town.say("ann", group, "before")
    await town.add("ann", group, "eve")
    await town.say("ann", group, "between")
    await town.remove("ann", group, "ben")
    await town.say("ann", group, "after")
    await rows(
        database_url,
        "UPDATE events SET data = NULL WHERE conversation_id = $1 AND kind LIKE 'member.%' AND seq > 1",
        group,
    )

    await town.worker()
    await eventually(lambda: ears.heard("ann", group) == [1, 2, 3, 4, 5, 6])

    assert ears.heard("eve", group) == [3, 4, 5, 6]
    assert ears.heard("ben", group) == [1, 2, 3, 4, 5]


async def test_a_conversation_that_cannot_be_read_at_all_holds_up_nobody_else(town: Town, database_url: str) -> None:
    first = await town.worker()
    ears = await town.node("ben")
    bad = await town.open("group", "ann", "ben")
    others = [await town.open("group", "ann", "ben") for _ in range(20)]
    await eventually(lambda: ears.heard("ben", others[-1]) == [1])
    await first.stop()
    await town.say("ann", bad, "lost for pushing")
    for other in others:
        await town.say("ann", other, "fine")
    await rows(database_url, "ALTER TABLE conversations DROP CONSTRAINT conversations_type_check")
    await rows(database_url, "UPDATE conversations SET type = 'square' WHERE id = $1", bad)

    second = await town.worker()
    for other in others:
        await eventually(lambda other=other: ears.heard("ben", other) == [1, 2])

    await eventually(lambda: letters(database_url, bad, None))
    shard = next(shard for shard in second.shards.values() if shard.number == shard_of(bad))
    await eventually(lambda: shard.position > shard.start, what="the shard to go on")


async def poison_third_events(url: str, deed: str) -> None:
    """What is written as number 3 of a conversation is poison from the moment it is there."""
    await execute(
        url,
        "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN IF NEW.seq = 3 THEN {deed}; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER poison BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION poison()",
    )


def resyncs(ears: Ears, group: ConversationId) -> list[Any]:
    found = [json.loads(one.payload) for one in ears.deliveries if one.kind == "resync"]
    return [frame for frame in found if uuid_of(frame["conversation_id"]) == UUID(bytes=group.bytes)]


async def letters(url: str, group: ConversationId, seq: int | None) -> list[Any]:
    return await rows(
        url,
        "SELECT * FROM dead_letters WHERE kind = 'event' AND conversation_id = $1 AND seq IS NOT DISTINCT FROM $2",
        group,
        seq,
    )
