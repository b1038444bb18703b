"""A worker that was away while others were there: whoever sat down meanwhile was told that all workers knew of him."""

from causerie.domain.ids import ConversationId, UserId
from causerie.domain.shards import shard_of
from tests.support.relay import relay_to
from tests.support.waiting import eventually
from tests.worker.people import Town

GROUPS = 12


async def test_who_sat_down_while_one_worker_could_not_be_told_misses_nothing_and_in_order(
    town: Town, nats_url: str
) -> None:
    """It reads the log without NATS and passes events by who sat where before: its return must not leave a hole."""
    groups = [await town.open("group", "ann", "ben") for _ in range(GROUPS)]
    async with relay_to(nats_url) as nats:
        lonely = await town.worker(nats_url=nats.url)
        await town.worker()
        ears = await town.node("ann")
        await eventually(lambda: ears.node.workers == 2 and 0 < len(lonely.shards) < 60)
        await eventually(lambda: all(ears.node.id in shard.streams for shard in lonely.shards.values()))
        await nats.cut()
        await eventually(lambda: ears.node.workers == 1)

        assert await ears.node.settled(ears.node.sit(UserId("ben")), timeout_seconds=5.0)
        for group in groups:
            await town.say("ann", group, "passed over")
        theirs = [group for group in groups if shard_of(group) in lonely.shards]
        assert theirs

        def passed(group: ConversationId) -> bool:
            known = lonely.shards[shard_of(group)].conversations.get(group.bytes)
            return known is not None and known.last == 2

        await eventually(lambda: all(map(passed, theirs)))
        await nats.start()
        for group in groups:
            await town.say("ann", group, "and the next")

        await eventually(lambda: all(ears.heard("ben", group)[-2:] == [2, 3] for group in groups))
