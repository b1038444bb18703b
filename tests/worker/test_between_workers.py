"""No worker runs for a while: what is said meanwhile waits in the log, also for those who sat down meanwhile."""

from tests.support.waiting import eventually
from tests.worker.people import Town


async def test_who_sat_down_while_no_worker_ran_hears_what_was_said_since(town: Town) -> None:
    """His node has met no worker, so it can name no position: the next owner must begin where the last one ended."""
    first = await town.worker()
    group, silent = await town.open("group", "ann", "ben"), await town.open("group", "ann", "ben")
    await first.stop()
    ears = await town.node("ben")
    await town.say("ann", group, "into the void", "again")
    await town.say("ann", silent, "and here, and then nothing more")

    await town.worker()

    await eventually(lambda: ears.heard("ben", group)[-2:] == [2, 3])
    await eventually(lambda: ears.heard("ben", silent)[-1:] == [2])
