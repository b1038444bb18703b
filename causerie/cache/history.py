"""The newest messages of a conversation, as they were at one place of its log.

A cached history says at which (epoch, seq) it was built. The reader learns the current one from PostgreSQL with
the membership check he has to make anyway and compares: equal is a hit, behind by little is brought up to date by
appending what changed, anything else is built anew. So nobody ever invalidates anything, and a delete cannot
be lost in an outage of Redis.

    kept = await history.read(cache, conversation)
    if kept is None or kept.epoch != epoch or kept.seq + FEW < seq:
        kept = await history.build(cache, History(conversation, epoch, seq, messages, is_whole))
    elif kept.seq < seq:
        kept = await history.advance(cache, kept, seq, changed)
    page = kept.page(before_seq=None, from_seq=member.first_seq, limit=50)      # None: ask PostgreSQL
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from causerie import telemetry
from causerie.cache import history_codec
from causerie.cache.connection import Cache, Script
from causerie.cache.history_codec import SEAL_BYTES, Mark, OtherRelease, Unreadable
from causerie.domain.ids import ConversationId
from causerie.domain.message import Message

KEPT_SECONDS = 24 * 3600
"""From when it was read from PostgreSQL; to prolong it with every append would cost a quarter of the append."""
KEPT_MESSAGES = 51
"""A page of fifty, and the one that tells there are more."""
MAX_ENTRIES = 100
MAX_VALUE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class History:
    """The newest messages of a conversation as of `seq` of its log, oldest first, without a hole.

    `is_whole` says that nothing is older than the first of them.
    """

    conversation_id: ConversationId
    epoch: str
    seq: int
    messages: tuple[Message, ...]
    is_whole: bool
    mark: Mark | None = field(default=None, repr=False, compare=False)
    """Where the value in Redis ends that this was read from."""

    def page(self, *, before_seq: int | None = None, from_seq: int = 1, limit: int) -> list[Message] | None:
        """The newest `limit` messages with ``from_seq <= seq < before_seq``, newest first.

        None when only PostgreSQL can tell, because the page reaches beyond what is kept.
        """
        end = len(self.messages) if before_seq is None else bisect_left(self.messages, before_seq, key=_seq)
        start = max(bisect_left(self.messages, from_seq, key=_seq), end - limit)
        reaches_beyond = start == 0 and end < limit and not self.is_whole
        if reaches_beyond and not (self.messages and self.messages[0].seq <= from_seq):
            return None
        return list(reversed(self.messages[start:end]))


# Where it has changed since it was read, somebody else was faster and nothing is written. Writing beyond a string's
# end makes Redis reserve the double of what it needs, and memory is what this is short of; a copy is exact.
_APPEND = Script("""
if redis.call('GETRANGE', KEYS[1], ARGV[1], -1) ~= ARGV[2] then
  return 0
end
redis.call('SETRANGE', KEYS[1], ARGV[1], ARGV[3])
redis.call('COPY', KEYS[1], KEYS[2])
redis.call('RENAME', KEYS[2], KEYS[1])
return 1
""")


async def read(cache: Cache, conversation: ConversationId) -> History | None:
    """What is kept of a conversation, at whatever place of its log; None for nothing, or nothing readable.

    An unreadable value (damaged, or of another release) is removed.

    Raises:
        CacheAway: ask PostgreSQL.
    """
    data = await cache.command("GET", key(conversation))
    if data is None:
        return None
    try:
        value = history_codec.unpack(data, conversation)
    except Unreadable as error:
        if not isinstance(error, OtherRelease):
            telemetry.DEAD_LETTERS.add("cache")
        await cache.command("DEL", key(conversation))
        return None
    return History(conversation, value.epoch, value.mark.seq, value.messages, value.is_whole, value.mark)


async def build(cache: Cache, history: History) -> History:
    """Keep the newest messages of a history read from PostgreSQL, in place of whatever was kept; returns it whole.

    Raises:
        CacheAway: nothing is kept.
    """
    await cache.command("SET", key(history.conversation_id), _pack(history), "EX", KEPT_SECONDS)
    return history


async def advance(cache: Cache, kept: History, seq: int, changed: Sequence[Message]) -> History:
    """Bring a history just read up to `seq`: `changed` are the messages new or different since, as they are now.

    Events that change no message (members, reads) only move `seq`. Returns the history as of `seq`, whether it was
    kept or another reader was faster.

    Raises:
        CacheAway: nothing is kept.
    """
    oldest = 0 if kept.is_whole else kept.messages[0].seq if kept.messages else kept.seq + 1
    within = sorted((message for message in changed if message.seq >= oldest), key=_seq)
    merged = {message.seq: message for message in (*kept.messages, *within)}
    messages = tuple(merged[place] for place in sorted(merged))
    current = replace(kept, seq=seq, messages=messages, mark=None)
    # A deleted text does not stay behind in an earlier entry.
    has_deleted = any(message.is_deleted for message in within)
    if kept.mark is None or has_deleted or kept.mark.entries + len(within) >= MAX_ENTRIES:
        return await build(cache, current)
    entries, mark = history_codec.extend(kept.mark, seq, within)
    if mark.length + SEAL_BYTES > MAX_VALUE_BYTES:
        return await build(cache, current)
    before = kept.mark.seal.to_bytes(SEAL_BYTES, "big")
    keys = [key(kept.conversation_id), f"{key(kept.conversation_id)}:copy"]
    was_kept = await cache.run(_APPEND, keys, (kept.mark.length, before, entries))
    return replace(current, mark=mark if was_kept else None)


async def bytes_kept(cache: Cache, conversation: ConversationId) -> int:
    """What one conversation costs Redis, key and overhead included; 0 when nothing is kept.

    Raises:
        CacheAway: nobody knows.
    """
    return int(await cache.command("MEMORY USAGE", key(conversation)) or 0)


def _pack(history: History) -> bytes:
    """Write the newest messages, fewer where they are large."""
    count = KEPT_MESSAGES
    while True:
        newest = history.messages[-count:]
        is_whole = history.is_whole and len(newest) == len(history.messages)
        data, _ = history_codec.pack(history.epoch, history.seq, newest, is_whole=is_whole)
        if len(data) <= MAX_VALUE_BYTES or count == 1:
            return data
        count = max(1, count // 2)


def _seq(message: Message) -> int:
    return message.seq


def key(conversation: ConversationId) -> str:
    """Where Redis keeps it."""
    return f"causerie:{{{conversation}}}:history"
