"""What no hint told: read from the log.

Three things bring us here: a hint of a conversation we do not know, a hint that leaves a hole before it, and the tail
of the log, read on a short timer because the last event of a conversation leaves no hole behind it.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from uuid import UUID

from causerie import telemetry
from causerie.bus.envelopes import Ephemeral, Hint
from causerie.domain.errors import Unavailable
from causerie.domain.ids import ConversationId
from causerie.lifetime import ended
from causerie.store import log as event_log
from causerie.store.store import Store
from services.worker.dispatcher import Dispatcher
from services.worker.reading import LogReader
from services.worker.shard import Shard

log = logging.getLogger(__name__)

SHORTEST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 1.0
GRACE_SECONDS = 0.015
"""What is committed but not yet heard of is usually on its way."""
MAX_READS = 6
"""At once; the rest of the pool is for leases and tails."""
MAX_WAITING = 1_000
"""Hints and frames of one conversation kept while it is read; the log has the hints."""
MAX_READING = 5_000
"""Conversations that are read or wait for it."""
MAX_AT_ONCE = 200
"""Of one shard, while its tail is healed."""

ID_BYTES = 16

Waiting = Hint | Ephemeral


class Healing:
    """Reads for the dispatcher, each conversation at most once at a time."""

    def __init__(self, store: Store, shards: Mapping[int, Shard], reader: LogReader) -> None:
        self.dispatcher: Dispatcher
        """Set once by whoever builds both: each needs the other."""
        self._store = store
        self._reader = reader
        self._shards = shards
        self._permits = asyncio.Semaphore(MAX_READS)
        self._reading: dict[bytes, asyncio.Task[bool]] = {}
        self._waiting: defaultdict[bytes, list[Waiting]] = defaultdict(list)
        self._gaps: dict[bytes, Shard] = {}
        self._wake = asyncio.Event()
        self._tailing: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._tailing = asyncio.create_task(self._follow_tail())

    async def stop(self) -> None:
        await ended(*self._reading.values(), self._tailing)

    def unknown(self, shard: Shard, conversation_id: bytes, item: Waiting) -> None:
        """Load a conversation, then dispatch the item. When too many are being loaded, the tail will find it."""
        if conversation_id not in self._reading and len(self._reading) >= MAX_READING:
            return
        if len(conversation_id) != ID_BYTES:
            raise ValueError("not the id of a conversation")
        waiting = self._waiting[conversation_id]
        if len(waiting) < MAX_WAITING:
            waiting.append(item)
        self._read(shard, conversation_id)

    def gap(self, shard: Shard, conversation_id: bytes) -> None:
        """Fill a hole, unless the missing hint comes in a moment."""
        if not self._gaps:
            asyncio.get_running_loop().call_later(GRACE_SECONDS, self._fill_gaps)
        self._gaps[conversation_id] = shard

    def useless(self, shard: Shard, conversation_id: bytes) -> None:
        """A hint could not be dispatched: forget what it may have begun, and go by the log."""
        shard.conversations.forget(conversation_id)
        if len(conversation_id) == ID_BYTES and len(self._reading) < MAX_READING:
            self._read(shard, conversation_id)

    def oldest_waiting(self) -> float | None:
        """When the oldest hint that waits for a read was committed."""
        committed = [item.committed_at for items in self._waiting.values() for item in items if isinstance(item, Hint)]
        return min(committed, default=None)

    @property
    def reading(self) -> int:
        """How many conversations are read, or wait for it."""
        return len(self._reading)

    def look_now(self) -> None:
        """Hints may have been lost: read the tail at once."""
        self._wake.set()

    def _fill_gaps(self) -> None:
        gaps, self._gaps = self._gaps, {}
        for conversation_id, shard in gaps.items():
            conversation = shard.conversations.get(conversation_id)
            if conversation is None or conversation.has_gap:
                self._read(shard, conversation_id)

    def _read(self, shard: Shard, conversation_id: bytes) -> "asyncio.Task[bool]":
        task = self._reading.get(conversation_id)
        if task is None:
            task = asyncio.create_task(self._read_conversation(shard, conversation_id))
            self._reading[conversation_id] = task
        return task

    async def _read_conversation(self, shard: Shard, conversation_id: bytes) -> bool:
        """Bring one conversation to its head; False when that has to be tried again: the tail may not pass it."""
        try:
            async with self._permits:
                missed = await self._fetch(shard, conversation_id)
        except Unavailable:
            return False
        except Exception as error:  # the loop's edge: one bad conversation must not hold up the others
            log.exception("a conversation could not be read")
            return self._reader.gives_up(ConversationId(UUID(bytes=conversation_id)), error)
        finally:
            del self._reading[conversation_id]
            waiting = self._waiting.pop(conversation_id, [])
        if not shard.is_held:
            return False
        if missed is None:
            return True
        if conversation_id not in shard.conversations:
            return False
        self.dispatcher.hear(shard, missed, of_log=True)
        self.dispatcher.hear(shard, [item for item in waiting if isinstance(item, Hint)])
        for item in waiting:
            if isinstance(item, Ephemeral):
                self.dispatcher.hear_ephemeral(shard, item)
        return True

    async def _fetch(self, shard: Shard, conversation_id: bytes) -> Sequence[Hint] | None:
        """What of a conversation was not dispatched, None of one that does not exist.

        It is known afterwards, unless it was forgotten while this read went on.
        """
        name = ConversationId(UUID(bytes=conversation_id))
        conversation = shard.conversations.get(conversation_id)
        if conversation is not None:
            missed = await self._reader.after(name, conversation.last)
            telemetry.GAPS_HEALED.add(1 if missed else 0)
            return missed
        found = await self._reader.conversation_at(name, shard.position)
        if found is None:
            return None
        loaded, missed = found
        # Its first event may have come meanwhile, and with it all there is to know.
        if conversation_id not in shard.conversations:
            shard.conversations.put(conversation_id, loaded)
        return missed

    async def _follow_tail(self) -> None:
        pause = SHORTEST_PAUSE_SECONDS
        rounds = telemetry.Rounds("log_tail")
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)
            self._wake.clear()
            try:
                healed = await self._read_tail()
                rounds.succeeded()
            except Unavailable:
                healed = False
            except Exception:  # the loop's edge: healing must not end by one bad shard
                log.exception("reading the tail failed")
                healed = False
            pause = SHORTEST_PAUSE_SECONDS if healed else min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _read_tail(self) -> bool:
        """Heal what the log has and we have not; returns whether there was anything."""
        shards = {shard.number: shard for shard in self._shards.values() if shard.is_held}
        if not shards:
            return False
        tails = await event_log.tail(self._store, {number: shard.position for number, shard in shards.items()})
        if any(self._behind(shards[number], tail.heads) for number, tail in tails.items()):
            await asyncio.sleep(GRACE_SECONDS)
        healed = False
        for number, tail in tails.items():
            shard = shards[number]
            behind = self._behind(shard, tail.heads)
            healed = healed or bool(behind)
            if await self._read_all(shard, behind) and shard.is_held:
                shard.follow(tail)
        return healed

    async def _read_all(self, shard: Shard, behind: Sequence[bytes]) -> bool:
        reached = True
        for start in range(0, len(behind), MAX_AT_ONCE):
            some = behind[start : start + MAX_AT_ONCE]
            reached &= all(await asyncio.gather(*(self._read(shard, conversation_id) for conversation_id in some)))
        return reached

    def _behind(self, shard: Shard, heads: Sequence[tuple[ConversationId, int]]) -> list[bytes]:
        """Conversations with events that were not dispatched. Without a stream nobody misses them yet: a stream begins
        with a replay."""
        behind: list[bytes] = []
        for conversation_id, last_seq in heads:
            conversation = shard.conversations.get(conversation_id.bytes)
            if conversation.last < last_seq if conversation is not None else bool(shard.streams):
                behind.append(conversation_id.bytes)
        return behind
