"""The end of the log, read again and again by whoever delivers it: nothing may slip past between two looks."""

from causerie.domain.event import EventKind
from causerie.domain.shards import shard_of
from causerie.store import Store, log
from tests.store.conftest import ANN, a_conversation


async def test_what_commits_late_is_found_by_who_reads_on(store: Store) -> None:
    late = await a_conversation(store)
    shard = shard_of(late)
    async with store.transaction() as tx:
        # Its transaction id is older than what is committed, and seen, before it.
        await log.append(tx, late, 2, EventKind.CONVERSATION_UPDATE, ANN, data={"name": "late"})
        await a_conversation(store)
        seen = await log.tail(store, {shard: await log.current_position(store)})

    found = await log.tail(store, {shard: seen[shard].position})

    assert (late, 2) in found[shard].heads
