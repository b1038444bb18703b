"""The directory: a user exists as soon as somebody names him."""

from collections.abc import Iterable

from causerie.domain.caller import Caller
from causerie.domain.ids import UserId
from causerie.store.store import Store
from causerie.store.transaction import Transaction


async def ensure(tx: Transaction, users: Iterable[UserId]) -> None:
    """Make those who are not there yet, with their id as their name."""
    await tx.connection.execute(
        "INSERT INTO users (id, display_name) SELECT id, id FROM unnest($1::text[]) AS id ORDER BY id "
        "ON CONFLICT DO NOTHING",
        sorted(set(users)),
    )


async def touch(store: Store, caller: Caller) -> None:
    """Make or update a user from what his token says; what the token leaves out stays."""
    async with store.connection() as connection:
        await connection.execute(
            """
            INSERT INTO users AS u (id, display_name, email, kind)
            VALUES ($1, coalesce($2, $1), $3, coalesce($4, 'user'))
            ON CONFLICT (id) DO UPDATE
            SET display_name = coalesce($2, u.display_name), email = coalesce($3, u.email),
                kind = coalesce($4, u.kind), updated_at = clock_timestamp()
            WHERE (coalesce($2, u.display_name), coalesce($3, u.email), coalesce($4, u.kind))
                  IS DISTINCT FROM (u.display_name, u.email, u.kind)""",
            caller.user,
            caller.display_name,
            caller.email,
            caller.kind,
        )


async def profile(store: Store, user: UserId) -> dict[str, object] | None:
    """The directory's entry of a user as everybody sees it, or None."""
    async with store.connection() as connection:
        row = await connection.fetchrow(
            "SELECT id, kind, display_name, email, attributes FROM users WHERE id = $1", user
        )
    return dict(row) if row else None
