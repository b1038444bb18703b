"""Idempotency keys of requests other than sends; the table is the same, so a key means one thing everywhere."""

from hashlib import blake2b
from uuid import UUID

from causerie.domain.errors import IdempotencyConflict
from causerie.domain.ids import UserId
from causerie.store.transaction import Transaction


async def find(tx: Transaction, user: UserId, key: str, request: object) -> UUID | None:
    """The object that an earlier request with this key made, or None.

    Holds a lock on the key until the end of the transaction, so that two requests with it follow one another.

    Raises:
        IdempotencyConflict: the key was used for another request.
    """
    await tx.connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"{user} {key}")
    row = await tx.connection.fetchrow(
        "SELECT message_id, digest FROM send_keys WHERE sender_id = $1 AND client_id = $2 "
        "AND week >= date_trunc('week', now() AT TIME ZONE 'UTC')::date - 7",
        user,
        key,
    )
    if row is None:
        return None
    if row["digest"] != _digest(request):
        raise IdempotencyConflict
    return UUID(bytes=row["message_id"].bytes)


async def remember(tx: Transaction, user: UserId, key: str, made: UUID, request: object) -> None:
    """Keep which object a request made.

    Raises:
        IdempotencyConflict: a send took the key meanwhile.
    """
    kept = await tx.connection.fetchval(
        "INSERT INTO send_keys (week, sender_id, client_id, message_id, digest) "
        "VALUES (date_trunc('week', now() AT TIME ZONE 'UTC')::date, $1, $2, $3, $4) "
        "ON CONFLICT DO NOTHING RETURNING true",
        user,
        key,
        made,
        _digest(request),
    )
    if not kept:
        raise IdempotencyConflict


def _digest(request: object) -> bytes:
    return blake2b(repr(request).encode(), digest_size=16).digest()
