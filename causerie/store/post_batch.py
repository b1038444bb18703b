"""The one transaction in which drafts become messages: lock, admit, write.

Three statements whatever the size of the batch.  Conversations are locked in the order of their ids,
else two batches would deadlock.  Membership and keys are read after the lock and not with it: the
snapshot of the locking statement may be older than the lock.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from typing import Any
from uuid import UUID

import orjson

from causerie.domain.conversation import ConversationType
from causerie.domain.errors import CauserieError, Forbidden, IdempotencyConflict, InvalidRequest, NotFound
from causerie.domain.event import Event, EventKind
from causerie.domain.ids import ConversationId, MessageId
from causerie.domain.message import Draft, Message, MessageType, Posted
from causerie.domain.shards import shard_of
from causerie.store import rows
from causerie.store.transaction import Connection, Transaction


class Skipped(enum.Enum):
    """Why a draft must be tried again: nothing was decided about it."""

    LOCKED = enum.auto()
    KEY_IN_USE = enum.auto()


Outcome = Posted | CauserieError | Skipped


@dataclass(slots=True)
class _Head:
    """A locked conversation; its counters move as drafts are given their numbers."""

    type: ConversationType
    last_seq: int
    message_count: int
    last_month: date | None


_HEADS = """
SELECT id, type, last_seq, message_count, last_month FROM conversations
WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE """

# The current week and the one before: a key lives at least 7 days.
_ADMIT = """
SELECT p.joined_seq, k.message_id, k.digest
FROM unnest($1::uuid[], $2::text[], $3::text[]) WITH ORDINALITY AS d (conversation_id, sender_id, client_id, place)
LEFT JOIN conversation_participants p
  ON p.conversation_id = d.conversation_id AND p.user_id = d.sender_id AND p.left_seq IS NULL
LEFT JOIN LATERAL (
    SELECT s.message_id, s.digest FROM send_keys s
    WHERE s.sender_id = d.sender_id AND s.client_id = d.client_id
      AND s.week >= date_trunc('week', now() AT TIME ZONE 'UTC')::date - 7
    LIMIT 1
) k ON d.client_id IS NOT NULL
ORDER BY d.place"""

_WRITE = """
WITH fresh AS MATERIALIZED (
    SELECT uuidv7() AS id, d.*
    FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::smallint[], $5::text[], $6::text[], $7::text[],
                $8::text[], $9::uuid[], $10::text[], $11::bytea[], $12::date[])
      AS d (conversation_id, seq, number, shard, sender_id, type, content, metadata, reply_to_id, client_id, digest,
            last_month)
), stamped AS MATERIALIZED (
    SELECT *, uuid_extract_timestamp(id) AS created_at FROM fresh
), keys AS (
    INSERT INTO send_keys (week, sender_id, client_id, message_id, digest)
    SELECT date_trunc('week', created_at AT TIME ZONE 'UTC')::date, sender_id, client_id, id, digest
    FROM stamped WHERE client_id IS NOT NULL ORDER BY sender_id, client_id
    ON CONFLICT DO NOTHING RETURNING message_id
), written AS (
    INSERT INTO messages (id, conversation_id, seq, number, sender_id, type, content, metadata, reply_to_id,
                          client_id, created_at)
    SELECT id, conversation_id, seq, number, sender_id, type, content, metadata::jsonb, reply_to_id, client_id,
           created_at
    FROM stamped
), logged AS (
    INSERT INTO events (conversation_id, seq, shard, kind, actor, message_id, created_at)
    SELECT conversation_id, seq, shard, 'message.new', sender_id, id, created_at FROM stamped
), months AS (
    INSERT INTO conversation_months (conversation_id, month, first_seq)
    SELECT conversation_id, date_trunc('month', created_at AT TIME ZONE 'UTC')::date AS month, min(seq)
    FROM stamped WHERE last_month IS DISTINCT FROM date_trunc('month', created_at AT TIME ZONE 'UTC')::date
    GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT DO NOTHING
), heads AS (
    UPDATE conversations c
    SET last_seq = h.seq, message_count = h.number, last_message_seq = h.seq, last_activity_at = h.created_at,
        last_month = date_trunc('month', h.created_at AT TIME ZONE 'UTC')::date, xid = pg_current_xact_id()
    FROM (SELECT DISTINCT ON (conversation_id) conversation_id, seq, number, created_at
          FROM stamped ORDER BY conversation_id, seq DESC) h
    WHERE c.id = h.conversation_id
), horizons AS (
    INSERT INTO read_horizons AS r (conversation_id, user_id, seq, number)
    SELECT conversation_id, sender_id, max(seq), max(number) FROM stamped GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (conversation_id, user_id) DO UPDATE
    SET seq = greatest(r.seq, excluded.seq), number = greatest(r.number, excluded.number),
        read_at = clock_timestamp(), xid = pg_current_xact_id()
)
SELECT id, created_at, client_id IS NULL OR id IN (SELECT message_id FROM keys) AS owns_key FROM stamped"""


async def write(tx: Transaction, drafts: Sequence[Draft], *, wait_for_lock: bool) -> list[Outcome]:
    """Write what can be written of `drafts` and say of each what became of it, in their order.

    With `wait_for_lock` no draft comes back as `LOCKED`; it is meant for drafts of one conversation.
    Draft after draft of one conversation gets rising seq.
    """
    connection = tx.connection
    heads = await _lock(connection, {draft.conversation_id for draft in drafts}, wait=wait_for_lock)
    outcomes: list[Outcome | None] = [None] * len(drafts)
    missing = {draft.conversation_id for draft in drafts} - heads.keys()
    absent = await _absent(connection, missing) if missing and not wait_for_lock else missing
    admitted = await connection.fetch(
        _ADMIT,
        [draft.conversation_id for draft in drafts],
        [draft.sender_id for draft in drafts],
        [draft.client_id for draft in drafts],
    )
    replies = await _replies(connection, drafts)
    digests = [_digest(draft) if draft.client_id is not None else b"" for draft in drafts]
    used: dict[tuple[str, str], int] = {}
    replayed: dict[int, MessageId] = {}
    fresh: list[int] = []
    for place, (draft, row) in enumerate(zip(drafts, admitted, strict=True)):
        head = heads.get(draft.conversation_id)
        if draft.conversation_id in absent:
            outcomes[place] = NotFound()
        elif head is None:
            outcomes[place] = Skipped.LOCKED
        elif row["joined_seq"] is None:
            # Anyone may see a channel, so there the refusal may say what it is.
            outcomes[place] = Forbidden("Join first.") if head.type is ConversationType.CHANNEL else NotFound()
        elif row["message_id"] is not None:
            if row["digest"] == digests[place]:
                replayed[place] = row["message_id"]
            else:
                outcomes[place] = IdempotencyConflict()
        elif draft.reply_to_id is not None and not _may_reply(draft, replies, head, row["joined_seq"]):
            outcomes[place] = InvalidRequest.of("reply_to_id", "names no message of this conversation")
        elif draft.client_id is not None and (draft.sender_id, draft.client_id) in used:
            # The same key twice in one batch: the later one meets the key in the next batch.
            outcomes[place] = Skipped.KEY_IN_USE
        else:
            if draft.client_id is not None:
                used[draft.sender_id, draft.client_id] = place
            fresh.append(place)
    if fresh:
        await _append(tx, drafts, digests, heads, fresh, outcomes)
    if replayed:
        messages = await _by_id(connection, replayed.values())
        for place, message_id in replayed.items():
            outcomes[place] = Posted(messages[message_id], replayed=True)
    return [outcome for outcome in outcomes if outcome is not None]


async def _append(
    tx: Transaction,
    drafts: Sequence[Draft],
    digests: Sequence[bytes],
    heads: dict[ConversationId, _Head],
    fresh: Sequence[int],
    outcomes: list[Outcome | None],
) -> None:
    columns: list[tuple[Any, ...]] = []
    for place in fresh:
        draft = drafts[place]
        head = heads[draft.conversation_id]
        head.last_seq += 1
        head.message_count += draft.type is not MessageType.SYSTEM
        columns.append(
            (
                draft.conversation_id,
                head.last_seq,
                head.message_count,
                shard_of(draft.conversation_id),
                draft.sender_id,
                draft.type.value,
                draft.content,
                orjson.dumps(draft.metadata).decode() if draft.metadata else "{}",
                draft.reply_to_id,
                draft.client_id,
                digests[place],
                head.last_month,
            )
        )
    written = await tx.connection.fetch(_WRITE, *zip(*columns, strict=True))
    if not all(row["owns_key"] for row in written):
        raise KeyTaken
    for place, values, row in zip(fresh, columns, written, strict=True):
        draft = drafts[place]
        message = Message(
            id=row["id"],
            conversation_id=draft.conversation_id,
            seq=values[1],
            number=values[2],
            sender_id=draft.sender_id,
            type=draft.type,
            content=draft.content,
            metadata=draft.metadata,
            reply_to_id=draft.reply_to_id,
            client_id=draft.client_id,
            version=1,
            created_at=row["created_at"],
        )
        data = message.as_json()
        outcomes[place] = Posted(message, replayed=False, data=data)
        tx.events.append(
            Event(
                message.conversation_id,
                message.seq,
                EventKind.MESSAGE_NEW,
                message.created_at,
                message.sender_id,
                data,
            )
        )


class KeyTaken(Exception):
    """Another transaction wrote one of the batch's keys a moment ago, in another conversation: write it anew."""


async def _lock(connection: Connection, ids: set[ConversationId], *, wait: bool) -> dict[ConversationId, _Head]:
    locked = await connection.fetch(_HEADS + ("" if wait else "SKIP LOCKED"), list(ids))
    return {
        row["id"]: _Head(ConversationType(row["type"]), row["last_seq"], row["message_count"], row["last_month"])
        for row in locked
    }


async def _absent(connection: Connection, ids: set[ConversationId]) -> set[ConversationId]:
    present = await connection.fetch("SELECT id FROM conversations WHERE id = ANY($1)", list(ids))
    return ids - {row["id"] for row in present}


async def _replies(connection: Connection, drafts: Sequence[Draft]) -> dict[UUID, Message]:
    wanted = [draft.reply_to_id for draft in drafts if draft.reply_to_id is not None]
    return await _by_id(connection, wanted) if wanted else {}


def _may_reply(draft: Draft, replies: dict[UUID, Message], head: _Head, joined_seq: int) -> bool:
    """Whether the message replied to is one of this conversation that the sender may see."""
    message = replies.get(draft.reply_to_id) if draft.reply_to_id else None
    if message is None or message.conversation_id != draft.conversation_id:
        return False
    return head.type is not ConversationType.GROUP or message.seq >= joined_seq


async def _by_id(connection: Connection, ids: Any) -> dict[UUID, Message]:
    found = await connection.fetch(rows.SELECT_MESSAGES_BY_ID, list(ids))
    return {row["id"]: rows.message(row) for row in found}


def _digest(draft: Draft) -> bytes:
    """What a repeat must agree on: everything the author chose."""
    chosen = [
        str(draft.conversation_id),
        draft.type.value,
        draft.content,
        draft.metadata,
        str(draft.reply_to_id) if draft.reply_to_id else None,
    ]
    return blake2b(orjson.dumps(chosen, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()
