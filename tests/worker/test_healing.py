"""Whatever the bus loses is found in the log."""

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
