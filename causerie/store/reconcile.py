"""What posts keep counted, compared with what was posted: heads, counters, numbers, months and read marks.

All of it is written in the transaction of the post, so it can drift only by a fault of ours, a hand in the tables or a
partial restore; then unread numbers are wrong for good, and nobody sees why.  Messages and the log are the truth.
A look takes no lock.  A repair takes a conversation's own lock, as a post does, looks again, and tells the change to
its readers' next `sync`.  Runs rest longer than they work, so that they may take a night over a large platform.

What retention has dropped cannot be counted again: there the counters themselves are all that is known.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from causerie.store import ddl

if TYPE_CHECKING:
    from causerie.store.ddl import Connection

PAGE_CONVERSATIONS = 200
MAX_SHOWN = 20
REST = 4.0
"""Times as long as the work before it."""

RECENT = "date_trunc('month', now() - interval '1 month', 'UTC')"
"""Numbers of messages are compared from here on: a daily run has seen those before."""

# One statement, so that everything is of the same moment.  $1 the id before the first, $2 how many.
_DRIFTED = f"""
WITH page AS MATERIALIZED (
    SELECT * FROM conversations WHERE id > $1 ORDER BY id LIMIT $2
), truth AS MATERIALIZED (
    SELECT c.*, newest.seq AS newest_seq, newest.number AS newest_number, newest.created_at AS newest_at,
           date_trunc('month', newest.created_at AT TIME ZONE 'UTC')::date AS newest_month, logged.seq AS logged_seq
    FROM page c
    LEFT JOIN LATERAL (SELECT m.seq, m.number, m.created_at FROM messages m
                       WHERE m.conversation_id = c.id ORDER BY m.seq DESC LIMIT 1) newest ON true
    LEFT JOIN LATERAL (SELECT e.seq FROM events e
                       WHERE e.conversation_id = c.id ORDER BY e.seq DESC LIMIT 1) logged ON true
), heads AS (
    SELECT id, 'behind' AS kind, NULL AS user_id, NULL::date AS month, last_seq AS is, NULL::bigint AS is_number,
           greatest(logged_seq, newest_seq) AS should_be, NULL::bigint AS should_be_number, NULL::timestamptz AS moment
    FROM truth WHERE last_seq < greatest(logged_seq, newest_seq)
    UNION ALL
    SELECT id, 'cut', NULL, NULL, last_seq, NULL, logged_seq, NULL, NULL
    FROM truth WHERE last_seq > greatest(logged_seq, newest_seq) AND logged_seq IS NOT NULL
    UNION ALL
    SELECT id, 'count', NULL, newest_month, last_message_seq, message_count, newest_seq, newest_number, newest_at
    FROM truth
    WHERE newest_seq IS NOT NULL AND (last_message_seq, message_count, last_activity_at, last_month)
          IS DISTINCT FROM (newest_seq, newest_number, newest_at, newest_month)
), marks AS (
    SELECT t.id, 'mark', p.user_id, NULL::date, r.seq, r.number, right_mark.seq, right_mark.number, NULL::timestamptz
    FROM truth t
    JOIN conversation_participants p ON p.conversation_id = t.id AND p.left_seq IS NULL
    LEFT JOIN read_horizons r ON r.conversation_id = t.id AND r.user_id = p.user_id
    CROSS JOIN LATERAL (SELECT least(coalesce(r.seq, p.joined_seq), greatest(t.last_seq, logged_seq, newest_seq))
                               AS seq) mark
    CROSS JOIN LATERAL (
        SELECT mark.seq, CASE WHEN newest_seq IS NULL THEN coalesce(r.number, t.message_count)
                              WHEN mark.seq >= newest_seq THEN newest_number
                              ELSE coalesce(
            (SELECT m.number FROM messages m WHERE m.conversation_id = t.id AND m.seq <= mark.seq
             ORDER BY m.seq DESC LIMIT 1),
            (SELECT least(coalesce(r.number, m.number), m.number - (m.type <> 'system')::int) FROM messages m
             WHERE m.conversation_id = t.id AND m.seq > mark.seq ORDER BY m.seq LIMIT 1)) END AS number
    ) right_mark
    WHERE (r.seq, r.number) IS DISTINCT FROM (right_mark.seq, right_mark.number)
), months AS (
    SELECT t.id, 'month', NULL, named.month, known.first_seq, NULL::bigint, held.first_seq, NULL::bigint,
           NULL::timestamptz
    FROM truth t
    CROSS JOIN LATERAL (
        SELECT month FROM conversation_months WHERE conversation_id = t.id
        UNION SELECT generate_series({RECENT} AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC', '1 month')::date
    ) named
    LEFT JOIN conversation_months known ON known.conversation_id = t.id AND known.month = named.month
    CROSS JOIN LATERAL (
        SELECT m.seq AS first_seq FROM messages m
        WHERE m.conversation_id = t.id AND m.created_at >= named.month::timestamp AT TIME ZONE 'UTC'
          AND m.created_at < (named.month + interval '1 month') AT TIME ZONE 'UTC'
        ORDER BY m.seq LIMIT 1
    ) held
    WHERE known.first_seq IS DISTINCT FROM held.first_seq
), numbers AS (
    SELECT DISTINCT ON (id) id, 'number', NULL, NULL::date, seq, number, seq, before + step, NULL::timestamptz
    FROM (SELECT t.id, m.seq, m.number, (m.type <> 'system')::int AS step,
                 lag(m.number) OVER (PARTITION BY t.id ORDER BY m.seq) AS before
          FROM truth t JOIN messages m ON m.conversation_id = t.id AND m.created_at >= {RECENT}) counted
    WHERE number <> before + step ORDER BY id, seq
)
SELECT * FROM heads UNION ALL SELECT * FROM marks UNION ALL SELECT * FROM months UNION ALL SELECT * FROM numbers"""

_MEND_HEAD = "UPDATE conversations SET last_seq = $2, xid = pg_current_xact_id() WHERE id = $1"
_MEND_COUNT = """
UPDATE conversations SET last_message_seq = $2, message_count = $3, last_activity_at = $4, last_month = $5,
                         xid = pg_current_xact_id()
WHERE id = $1"""
# Marks move without the conversation's lock: one that has moved since is looked at by the next run.
_MEND_MARK = """
INSERT INTO read_horizons AS r (conversation_id, user_id, seq, number) VALUES ($1, $2, $3, $4)
ON CONFLICT (conversation_id, user_id) DO UPDATE
SET seq = excluded.seq, number = excluded.number, xid = pg_current_xact_id()
WHERE r.seq = $5 AND r.number = $6"""
_MEND_NUMBERS = f"""
UPDATE messages m SET number = counted.number
FROM (SELECT id, created_at, first_value(number) OVER up - first_value((type <> 'system')::int) OVER up
                             + count(*) FILTER (WHERE type <> 'system') OVER up AS number
      FROM messages WHERE conversation_id = $1 AND created_at >= {RECENT} WINDOW up AS (ORDER BY seq)) counted
WHERE m.id = counted.id AND m.created_at = counted.created_at AND m.number <> counted.number"""
_MEND_MONTH = """
INSERT INTO conversation_months AS k (conversation_id, month, first_seq) VALUES ($1, $2, $3)
ON CONFLICT (conversation_id, month) DO UPDATE SET first_seq = excluded.first_seq"""


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing that is not what it should be; `str` says it for an operator, without naming a person."""

    conversation_id: UUID
    kind: str
    row: Any

    @property
    def can_be_mended(self) -> bool:
        """A log that ends before its head has lost what lay between; only a backup has that."""
        return self.kind != "cut"

    def __str__(self) -> str:
        row = self.row
        match self.kind:
            case "behind":
                what = f"its head is {row['is']}, its log goes on to {row['should_be']}"
            case "cut":
                what = f"its head is {row['is']}, its log ends at {row['should_be']}: a part is lost"
            case "count":
                what = (
                    f"it counts {row['is_number']} messages and the last at {row['is']}, "
                    f"there are {row['should_be_number']} and the last at {row['should_be']}"
                )
            case "mark":
                what = (
                    f"a read mark at {row['is']} counts {row['is_number']} messages as read, "
                    f"there are {row['should_be_number']} up to {row['should_be']}"
                )
            case "number":
                what = (
                    f"its message at {row['is']} has number {row['is_number']} and is the {row['should_be_number']}th"
                )
            case _:
                what = f"its {row['month']:%Y-%m} is said to begin at {row['is']} and begins at {row['should_be']}"
        return f"{self.conversation_id}: {what}"


@dataclass(slots=True)
class Reconciled:
    """What a run found; `mended` counts conversations."""

    conversations: int = 0
    drifts: list[Drift] = field(default_factory=list)
    mended: int = 0

    repairs: bool = False

    @property
    def left(self) -> list[Drift]:
        """What is still as it should not be."""
        return [drift for drift in self.drifts if not (self.repairs and drift.can_be_mended)]

    def lines(self) -> list[str]:
        shown = [str(drift) for drift in self.drifts[:MAX_SHOWN]]
        if len(self.drifts) > MAX_SHOWN:
            shown.append(f"and {len(self.drifts) - MAX_SHOWN} more")
        total = f"{self.conversations} conversations, {len(self.drifts)} drifts"
        return [*shown, f"{total}, {self.mended} conversations mended" if self.repairs else total]


async def reconcile(
    url: str, *, repair: bool, rest: float = REST, patience_seconds: float = ddl.PATIENCE_SECONDS
) -> Reconciled:
    """Look at every conversation there is, and with `repair` mend what has drifted.

    Raises:
        SchemaError: in one line, what is wrong; also when another run is not over.
    """
    done = Reconciled(repairs=repair)
    async with ddl.connected(url) as connection:
        async with ddl.locked(connection, ddl.RECONCILE_LOCK, doing="reconcile", patience_seconds=patience_seconds):
            last: UUID | None = UUID(int=0)
            while last is not None:
                began = time.monotonic()
                found = await _drifted(connection, last, PAGE_CONVERSATIONS)
                done.drifts += found
                if repair:
                    for conversation_id in dict.fromkeys(drift.conversation_id for drift in found):
                        change = partial(_mend, connection, conversation_id)
                        doing = f"mend {conversation_id}"
                        done.mended += await ddl.patiently(
                            connection, change, doing=doing, patience_seconds=patience_seconds
                        )
                count, last = await connection.fetchrow(
                    "SELECT count(*), (array_agg(id ORDER BY id DESC))[1] FROM"
                    " (SELECT id FROM conversations WHERE id > $1 ORDER BY id LIMIT $2) AS page",
                    last,
                    PAGE_CONVERSATIONS,
                )
                done.conversations += count
                await asyncio.sleep(rest * (time.monotonic() - began))
    return done


async def _mend(connection: "Connection", conversation_id: UUID) -> bool:
    """Whether anything of it was still to be mended, under the lock of its posts."""
    await connection.execute("SELECT FROM conversations WHERE id = $1 FOR NO KEY UPDATE", conversation_id)
    just_before = UUID(int=conversation_id.int - 1)
    found = await _drifted(connection, just_before, 1)
    if any(drift.kind == "number" for drift in found):
        # All other counters follow from these.
        await connection.execute(_MEND_NUMBERS, conversation_id)
        found = [*await _drifted(connection, just_before, 1), *(drift for drift in found if drift.kind == "number")]
    for drift in found:
        row = drift.row
        match drift.kind:
            case "behind":
                await connection.execute(_MEND_HEAD, conversation_id, row["should_be"])
            case "count":
                await connection.execute(
                    _MEND_COUNT, conversation_id, row["should_be"], row["should_be_number"], row["moment"], row["month"]
                )
            case "mark":
                right, known = (row["should_be"], row["should_be_number"]), (row["is"], row["is_number"])
                await connection.execute(_MEND_MARK, conversation_id, row["user_id"], *right, *known)
            case "month":
                await connection.execute(_MEND_MONTH, conversation_id, row["month"], row["should_be"])
    return any(drift.can_be_mended for drift in found)


async def _drifted(connection: "Connection", after: UUID, limit: int) -> Sequence[Drift]:
    return [Drift(row["id"], row["kind"], row) for row in await connection.fetch(_DRIFTED, after, limit)]
