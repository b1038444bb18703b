"""From entries of the log to hints, as if they had been announced; what cannot be told becomes a `Skipped`.

An entry may be damaged, of a kind only a later release knows, or gone.  Its place in the log is known all the same, so
whoever cannot have it is told to resync there, and the conversation goes on behind it.
"""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from causerie.bus.envelopes import Hint
from causerie.bus.hints import hint_of
from causerie.domain.event import Entry, Event
from causerie.domain.ids import ConversationId, UserId
from causerie.protocol.native import encode_resync
from causerie.store import log as event_log
from causerie.store.dead_letters import DeadLetters
from causerie.store.store import Store
from services.worker.conversations import Conversation, Skipped, movement

SUBJECT = "log"
MAX_FAILURES = 3
"""To read one conversation, while PostgreSQL answers."""


class LogReader:
    """Reads for the dispatcher and for replays."""

    def __init__(self, store: Store, letters: DeadLetters) -> None:
        self._store = store
        self._letters = letters
        self._failures: Counter[ConversationId] = Counter()

    async def conversation_at(
        self, conversation_id: ConversationId, position: int
    ) -> tuple[Conversation, Sequence[Hint]] | None:
        """The conversation as a reader at `position` has it, and what he lacks; None when there is none."""
        audience = await event_log.load_audience(self._store, conversation_id, position)
        if audience is None:
            return None
        entries = await event_log.all_events_between(
            self._store, conversation_id, audience.first_seq - 1, audience.last_seq
        )
        # What stood before the first one is older than the log is kept: nobody misses that here.
        pending = await self.hints(conversation_id, entries, entries[0].seq - 1 if entries else 0)
        return Conversation.before(audience, pending), pending

    async def after(self, conversation_id: ConversationId, seq: int) -> Sequence[Hint]:
        """Everything of one conversation behind `seq`."""
        return await self.hints(
            conversation_id, await event_log.all_events_between(self._store, conversation_id, seq), seq
        )

    async def hints(self, conversation_id: ConversationId, entries: Sequence[Entry], after_seq: int) -> list[Hint]:
        """What follows `after_seq`, without a hole as far as `entries` go."""
        hints: list[Hint] = []
        poisoned: list[int] = []
        for entry in entries:
            if entry.seq > after_seq + 1:
                self._bury(conversation_id, after_seq + 1, "Missing")
                committed_at = entry.ts.timestamp()
                hints.append(self.skipped(conversation_id, after_seq + 1, entry.seq - 1, committed_at=committed_at))
            hint = self._told(entry)
            if hint is None:
                poisoned.append(entry.seq)
                hint = self.skipped(conversation_id, entry.seq, entry.seq, committed_at=entry.ts.timestamp())
            hints.append(hint)
            after_seq = entry.seq
        return await self._with_movements(conversation_id, hints, poisoned) if poisoned else hints

    def gives_up(self, conversation_id: ConversationId, error: Exception) -> bool:
        """Whether a conversation that cannot even be read is left aside now: it may not hold up its shard for ever."""
        self._failures[conversation_id] += 1
        if self._failures[conversation_id] < MAX_FAILURES:
            return False
        del self._failures[conversation_id]
        self._letters.bury("event", SUBJECT, error, conversation_id=conversation_id)
        return True

    def skipped(self, conversation_id: ConversationId, first: int, seq: int, *, committed_at: float) -> Skipped:
        """What takes the place of events that cannot be told: their readers fetch what they lack, if it is there."""
        frame = encode_resync(conversation_id, epoch=self._store.epoch, seq=seq)
        return Skipped(conversation_id.bytes, seq, Skipped.KIND, frame, committed_at, first=first)

    def in_place_of(self, hint: Hint, error: Exception) -> Skipped:
        """The same for a hint that was in order and could not be dispatched."""
        conversation_id = ConversationId(UUID(bytes=hint.conversation))
        self._bury(conversation_id, hint.seq, error)
        return self.skipped(conversation_id, hint.seq, hint.seq, committed_at=hint.committed_at)

    def _told(self, entry: Entry) -> Hint | None:
        if not isinstance(entry, Event):
            self._bury(entry.conversation_id, entry.seq, entry.reason)
            return None
        try:
            hint = hint_of(entry, self._store.epoch)
            movement(hint)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            self._bury(entry.conversation_id, entry.seq, error)
            return None
        return hint

    def _bury(self, conversation_id: ConversationId, seq: int, error: Exception | str) -> None:
        self._letters.bury("event", SUBJECT, error, conversation_id=conversation_id, seq=seq)

    async def _with_movements(
        self, conversation_id: ConversationId, hints: Sequence[Hint], poisoned: list[int]
    ) -> list[Hint]:
        """Who came or left by an event nobody can read: else one might hear too much, or too little."""
        joined, left = await event_log.movements(self._store, conversation_id, poisoned)
        return [
            hint.moving(_of(joined, hint.seq), _of(left, hint.seq)) if isinstance(hint, Skipped) else hint
            for hint in hints
        ]


def _of(moved: dict[UserId, int], seq: int) -> frozenset[str]:
    return frozenset(user for user, at in moved.items() if at == seq)
