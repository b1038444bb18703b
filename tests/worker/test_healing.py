"""Whatever the bus loses is found in the log."""

import asyncpg

from tests.support.waiting import eventually
from tests.worker.people import Town


async def test_hints_that_are_all_lost_cost_time_and_nothing_else(town: Town) -> None:
    await town.worker()
    ears = await town.node("ann", "ben")
    group = await town.open("group", "ann", "ben")
    await eventually(lambda: ears.heard("ben", group) == [1])

    town.lose(lambda event: True)
    await town.say("ann", group, *(f"text {number}" for number in range(50)))

    await eventually(lambda: ears.heard("ben", group) == list(range(1, 52)))


async def test_a_hint_lost_in_the_middle_is_filled_in_before_what_follows(town: Town) -> None:
    await town.worker()
    ears = await town.node("ben")
    groups = [await town.open("group", "ann", "ben") for _ in range(5)]
    town.lose(lambda event: event.seq % 3 == 0)

    for group in groups:
        await town.say("ann", group, *(f"text {number}" for number in range(30)))

    for group in groups:
        await eventually(lambda group=group: ears.heard("ben", group) == list(range(1, 32)))


async def test_a_conversation_nobody_has_announced_is_found_by_its_tail(town: Town) -> None:
    town.lose(lambda event: True)
    await town.worker()
    ears = await town.node("ben")

    direct = await town.open("direct", "ann", "ben")

    await eventually(lambda: ears.heard("ben", direct) == [1])


async def test_what_was_committed_without_any_worker_is_delivered_when_one_comes(town: Town) -> None:
    first = await town.worker()
    ears = await town.node("ben")
    group = await town.open("group", "ann", "ben")
    await eventually(lambda: ears.heard("ben", group) == [1])
    await first.stop()

    await town.say("ann", group, "into the void", "again")
    await town.worker()

    await eventually(lambda: ears.heard("ben", group) == [1, 2, 3])


async def test_a_conversation_forgotten_while_it_is_read_is_read_again(town: Town, database_url: str) -> None:
    worker = await town.worker()
    ears = await town.node("ben")
    group = await town.open("group", "ann", "ben")
    await eventually(lambda: ears.heard("ben", group) == [1])
    town.lose(lambda event: True)
    other = await asyncpg.connect(database_url)

    await town.add("ann", group, "cem")
    async with other.transaction():
        # Whoever reads the log waits for this; the tail, which comes up to a second later, does not.
        await other.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        # Now and then the tail was quicker, and nothing has to wait.
        await eventually(lambda: ears.heard("ben", group) == [1, 2] or other.fetchval(waiting))
        # As happens to the least used when there are too many.
        for shard in worker.shards.values():
            shard.conversations.forget(group.bytes)
    await other.close()

    await eventually(lambda: ears.heard("ben", group) == [1, 2])
