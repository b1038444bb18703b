"""What Redis spends on a cached conversation of 50 messages, and what it takes to append one.

The texts are sentences put together at random (with a fixed seed), about 200 bytes each, none equal to another;
repeated text would compress to a figure nobody sees.  JSON of the same page is the peer.  The time of an append is
Redis's own, from `INFO commandstats`: what one append keeps its one thread from doing else.
"""

import os
import random
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import orjson
from redis.asyncio import Redis

from bench.report import Report, percentile
from bench.stage import Stage, run
from causerie.cache import history
from causerie.cache.connection import Cache
from causerie.cache.history import History
from causerie.domain.ids import ConversationId, MessageId, UserId
from causerie.domain.message import Message, MessageType

CONVERSATIONS = 50
MESSAGES = 50
APPENDS = 1_000
TEXT_BYTES = 200
_SENTENCES = (
    "The train stood for an hour outside the town again.",
    "Could you send me the address of the new workshop before Friday?",
    "I left the spare key with the neighbour on the second floor.",
    "We ought to order more paper, the printer ran dry at noon.",
    "Grandmother says the garden has never looked better.",
    "Our invoice of March is still open, would you look into it?",
    "It rained so hard that the cellar window gave way.",
    "Shall we meet at the station or straight at the theatre?",
    "The doctor moved my appointment to Tuesday, a quarter past nine.",
    "He forgot his umbrella and came back soaked but laughing.",
    "Nobody told the kitchen that we would be twelve instead of eight.",
    "The second draft reads much better, only the ending is too quick.",
    "My phone says the parcel was delivered, but there is nothing here.",
    "Please bring the blue folder, the red one is last year's.",
    "They have repainted the whole staircase in a dreadful green.",
    "If the bridge is closed we take the ferry and walk the rest.",
)


def a_text(dice: random.Random) -> str:
    text = ""
    while len(text) < TEXT_BYTES:
        text += (
            f"{dice.choice(_SENTENCES)} {dice.choice(('Well,', 'Also:', str(dice.randrange(1000)), 'By the way,'))} "
        )
    return text[:TEXT_BYTES].rstrip()


def a_message(conversation: ConversationId, seq: int, dice: random.Random) -> Message:
    moment = datetime(2026, 11, 21, 9, tzinfo=UTC) + timedelta(seconds=37 * seq, milliseconds=dice.randrange(1000))
    bits = (int(moment.timestamp() * 1000) << 80) | 0x7 << 76 | dice.getrandbits(12) << 64 | 0x2 << 62
    return Message(
        id=MessageId(UUID(int=bits | dice.getrandbits(62))),
        conversation_id=conversation,
        seq=seq,
        number=seq - 1,
        sender_id=UserId(dice.choice(("ann", "ben"))),
        type=MessageType.TEXT,
        content=a_text(dice),
        metadata={},
        reply_to_id=None,
        client_id=str(uuid4()),
        version=1,
        created_at=moment,
    )


async def measure(platform: Stage) -> Report:
    dice = random.Random(1)
    cache = await Cache.connect(platform.stores.redis_url)
    kept: list[int] = []
    json_bytes: list[int] = []
    for _ in range(CONVERSATIONS):
        conversation = ConversationId(UUID(bytes=os.urandom(16), version=4))
        messages = tuple(a_message(conversation, seq, dice) for seq in range(2, MESSAGES + 2))
        built = History(conversation, "7f3a1c-1", MESSAGES + 1, messages, is_whole=False)
        await history.build(cache, built)
        kept.append(await history.bytes_kept(cache, conversation))
        json_bytes.append(len(orjson.dumps([message.as_json() for message in messages])))

    address = urlsplit(platform.stores.redis_url)
    observer = Redis(host=address.hostname or "127.0.0.1", port=address.port or 6379)
    await observer.execute_command("CONFIG", "RESETSTAT")
    trips: list[float] = []
    # A value is built anew after so many entries; each one starts from a fresh read, as a reader does.
    base = replace(built, seq=MESSAGES + 1)
    for step in range(APPENDS):
        if step % 40 == 0:
            await history.build(cache, base)
        current = await history.read(cache, conversation)
        assert current is not None
        fresh = a_message(conversation, current.seq + 1, dice)
        began = time.perf_counter()
        await history.advance(cache, current, current.seq + 1, [fresh])
        trips.append(time.perf_counter() - began)
    appends = (await observer.info("commandstats"))["cmdstat_evalsha"]
    await observer.aclose()
    await cache.close()
    kept.sort()
    trips.sort()
    return Report(
        "cache_bytes",
        f"Redis per cached conversation of {MESSAGES} messages of {TEXT_BYTES} B prose",
        ("what", "median", "most"),
        [
            ("bytes of the key, by MEMORY USAGE", kept[len(kept) // 2], kept[-1]),
            ("bytes of the same page as JSON", sorted(json_bytes)[len(json_bytes) // 2], max(json_bytes)),
            ("append, µs of Redis's thread (mean)", float(appends["usec_per_call"]), "-"),
            ("append, µs round trip seen by a pod", 1e6 * percentile(trips, 0.5), 1e6 * percentile(trips, 0.99)),
        ],
        notes=(
            "budget: <= 8,000 bytes, append <= 20 µs",
            f"{appends['calls']} appends; the last line's second figure is p99",
        ),
    )


if __name__ == "__main__":
    run(measure)
