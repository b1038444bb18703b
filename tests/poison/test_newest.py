"""An unreadable event that nothing follows leaves no hole behind it, and its readers learn of it all the same."""

from tests.poison.lab import rows
from tests.support.waiting import eventually
from tests.worker.people import Town


async def test_who_waits_for_the_newest_event_is_told_when_nobody_can_read_it(town: Town, database_url: str) -> None:
    first = await town.worker()
    ears = await town.node("ben")
    group = await town.open("group", "ann", "ben")
    await eventually(lambda: ears.heard("ben", group) == [1])
    await first.stop()
    await town.say("ann", group, "good")
    await town.say("ann", group, "bad")
    await rows(database_url, "UPDATE events SET kind = 'riddle.new' WHERE conversation_id = $1 AND seq = 3", group)

    await town.worker()

    await eventually(lambda: ears.heard("ben", group) == [1, 2, 3])
