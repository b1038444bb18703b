"""Messages to keep: as PostgreSQL makes them, with text nobody trained the dictionary on."""

import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pydoc_data.topics import topics
from uuid import UUID

from causerie.domain.ids import ConversationId, MessageId, UserId
from causerie.domain.message import Message, MessageType

BEGIN_MILLISECONDS = 1_795_251_600_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@cache
def prose() -> str:
    """English as people wrote it: Python's own manual, which every Python brings along."""
    return re.sub(r"\s+", " ", " ".join(topics.values()))


def uuid7(milliseconds: int, chance: random.Random) -> UUID:
    """A time-ordered id as PostgreSQL 18 makes it."""
    content = bytearray(milliseconds.to_bytes(6, "big") + chance.randbytes(10))
    content[6] = content[6] & 0x0F | 0x70
    content[8] = content[8] & 0x3F | 0x80
    return UUID(bytes=bytes(content))


def conversation_of(
    conversation: ConversationId, *, seed: int = 1, size: int = 200, members: int = 5
) -> Iterator[Message]:
    """Messages of `size` characters with seq 1, 2, 3 …, some seconds apart, each sent with a random key."""
    chance = random.Random(seed)
    text = prose()
    milliseconds = BEGIN_MILLISECONDS
    seq = 0
    while True:
        seq += 1
        milliseconds += chance.randrange(200, 120_000)
        start = text.index(" ", chance.randrange(len(text) - size - 100)) + 1
        yield Message(
            id=MessageId(uuid7(milliseconds, chance)),
            conversation_id=conversation,
            seq=seq,
            number=seq,
            sender_id=UserId(f"user-{chance.randrange(members)}"),
            type=MessageType.TEXT,
            content=text[start : start + size],
            metadata={},
            reply_to_id=None,
            client_id=str(UUID(bytes=chance.randbytes(16), version=4)),
            version=1,
            created_at=EPOCH + timedelta(milliseconds=milliseconds),
        )
