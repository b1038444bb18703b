"""The newest messages of a conversation, as they were at one place of its log.

A cached history says at which (epoch, seq) it was built. The reader learns the current one from PostgreSQL with
the membership check he has to make anyway and compares: equal is a hit, behind by little is brought up to date by
appending what changed, anything else is built anew. So nobody ever invalidates anything, and a delete cannot
be lost in an outage of Redis.

    kept = await history.read(cache, conversation)
    if kept is None or kept.epoch != epoch or kept.seq + FEW < seq:
        kept = await history.build(cache, History(conversation, epoch, seq, messages, is_whole))
    elif kept.seq < seq:
        kept = await history.advance(cache, kept, seq, changed_messages)
    page = kept.page(before_seq=None, from_seq=member.first_seq, limit=50)      # None: ask PostgreSQL
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from causerie.cache.connection import Cache
from causerie.domain.ids import ConversationId
from causerie.domain.message import Message

KEPT_SECONDS = 24 * 3600
KEPT_MESSAGES = 50
MAX_ENTRIES = 100


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
    _kept: bytes = field(default=b"", repr=False, compare=False)
    _entries: int = field(default=0, repr=False, compare=False)

    def page(self, *, before_seq: int | None = None, from_seq: int = 1, limit: int) -> list[Message] | None:
        """The newest `limit` messages with ``from_seq <= seq < before_seq``, newest first; None when that needs PostgreSQL."""
        raise NotImplementedError


async def read(cache: Cache, conversation: ConversationId) -> History | None:
    """What is kept of a conversation, at whatever place of its log; None for nothing or nothing readable.

    An unreadable value (damaged, or of another release) is removed.

    Raises:
        CacheAway: ask PostgreSQL.
    """
    raise NotImplementedError


async def build(cache: Cache, history: History) -> History:
    """Keep a history read from PostgreSQL, in place of whatever was kept; at most the newest fifty of it.

    Raises:
        CacheAway: nothing is kept; the page itself is as good.
    """
    raise NotImplementedError


async def advance(cache: Cache, kept: History, seq: int, changed: Sequence[Message]) -> History:
    """Bring a history just read up to `seq`: `changed` are the messages new or different since, as they are now.

    Events that change no message (members, reads) only move `seq`. Returns the history as of `seq`, kept or not: when
    another reader was faster nothing is written.

    Raises:
        CacheAway: nothing is kept.
    """
    raise NotImplementedError
