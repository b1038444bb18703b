"""Replays: what one node lacks, read from the log and sent to it alone, in front of what waits for it.

A stream begins with one (after a take-over, or when a node returns), and falls back to one when its ring no longer
holds what was lost.  Those asked for at the same moment share their reading.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from time import monotonic

from causerie import telemetry
from causerie.bus.envelopes import Delivery
from causerie.domain.errors import Unavailable
from causerie.domain.ids import ConversationId
from causerie.lifetime import ended
from causerie.seats.outgoing import Outgoing, Replay
from causerie.store import log as event_log
from causerie.store.store import Store
from services.worker.dispatcher import Dispatcher
from services.worker.reading import LogReader
from services.worker.shard import Shard

log = logging.getLogger(__name__)

GATHER_SECONDS = 0.01
RETRY_SECONDS = 0.5
MAX_READS = 4


@dataclass(frozen=True, slots=True)
class _Wanted:
    shard: Shard
    stream: Outgoing
    position: int

    @property
    def is_wanted(self) -> bool:
        return self.shard.is_held and self.shard.streams.get(self.stream.node) is self.stream


class Replaying:
    """Runs replays one round after the other; whoever comes meanwhile is in the next round."""

    def __init__(self, store: Store, dispatcher: Dispatcher, reader: LogReader) -> None:
        self._store = store
        self._reader = reader
        self._dispatcher = dispatcher
        self._wanted: list[_Wanted] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        await ended(self._task)

    def want(self, shard: Shard, stream: Outgoing, position: int) -> None:
        """Replay to this stream what was written from `position` on."""
        self._wanted.append(_Wanted(shard, stream, position))
        self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._wake.clear()
            wanted, self._wanted = [one for one in self._wanted if one.is_wanted], []
            try:
                failed = await self._replay(wanted)
            except Exception as error:  # the loop's edge: without replays no stream would ever begin
                if not isinstance(error, Unavailable):
                    log.exception("replays failed")
                failed = wanted
            if failed:
                await asyncio.sleep(RETRY_SECONDS)
                self._wanted += failed
                self._wake.set()

    async def _replay(self, wanted: list[_Wanted]) -> list[_Wanted]:
        """Returns what has to be tried again: a conversation that cannot be read holds up its own shard alone."""
        by_shard: defaultdict[int, list[_Wanted]] = defaultdict(list)
        for one in wanted:
            by_shard[one.shard.number].append(one)
        if not by_shard:
            return []
        failed: list[_Wanted] = []
        lowest = {number: min(one.position for one in some) for number, some in by_shard.items()}
        tails = await event_log.tail(self._store, lowest)
        # Shards without news, nearly all of them, need not wait for the others.
        for number, tail in sorted(tails.items(), key=lambda item: len(item[1].heads)):
            some = by_shard[number]
            try:
                for start in range(0, len(tail.heads), MAX_READS):
                    heads = tail.heads[start : start + MAX_READS]
                    await asyncio.gather(*(self._replay_or_give_up(head, lowest[number], some) for head, _ in heads))
            except Unavailable:
                raise
            except Exception:  # the loop's edge: a replay that failed is tried again
                log.exception("a replay failed", extra={"shard": number})
                failed += some
            else:
                for one in some:
                    self._end(one, tail.position)
        return failed

    async def _replay_or_give_up(
        self, conversation_id: ConversationId, position: int, wanted: Iterable[_Wanted]
    ) -> None:
        try:
            await self._replay_conversation(conversation_id, position, wanted)
        except Unavailable:
            raise
        except Exception as error:
            if not self._reader.gives_up(conversation_id, error):
                raise

    async def _replay_conversation(
        self, conversation_id: ConversationId, position: int, wanted: Iterable[_Wanted]
    ) -> None:
        found = await self._reader.conversation_at(conversation_id, position)
        if found is None:
            return
        conversation, hints = found
        by_node: defaultdict[str, list[Delivery]] = defaultdict(list)
        for hint in hints:
            for node, delivery in self._dispatcher.route(conversation, hint):
                by_node[node].append(delivery)
        for one in wanted:
            deliveries = by_node.get(one.stream.node)
            if deliveries and one.is_wanted:
                telemetry.GAPS_HEALED.add()
                self._dispatcher.send(one.stream.node, one.stream.replay(deliveries, now=monotonic()))

    def _end(self, one: _Wanted, position: int) -> None:
        if not one.is_wanted:
            return
        telemetry.REPLAYS.value += 1
        outcome = one.stream.replayed(position, now=monotonic())
        if isinstance(outcome, Replay):
            self.want(one.shard, one.stream, outcome.position)
        else:
            self._dispatcher.send(one.stream.node, outcome)
