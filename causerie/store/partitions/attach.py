"""New partitions, made whole before the parent learns of them.

`CREATE TABLE … PARTITION OF` locks out everybody.  A table made by itself and attached needs the parent
only in a mode that reads and posts pass, with one exception: see `attach`.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg

from causerie.store import ddl
from causerie.store.partitions.periods import Period, Table

if TYPE_CHECKING:
    from causerie.store.ddl import Connection

# Rows come and hardly change, so dead rows would never call for a vacuum: it is called for by inserts, and
# freezes what it sees, lest a whole year be frozen at once when transaction ids run short.
SETTINGS = (
    "autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000,"
    " autovacuum_freeze_min_age = 0"
)
SOON = timedelta(days=1)


async def create(connection: "Connection", table: Table, period: Period, name: str) -> None:
    """Make a table for the rows of `period` that is not a partition yet; its CHECK spares the scan on attaching.

    Raises:
        ddl.SchemaError: there is a table of that name, which nobody but its owner may judge.
    """
    try:
        await connection.execute(
            f"CREATE TABLE {name} (LIKE {table.name} INCLUDING ALL,"
            f" CONSTRAINT {name}_bounds CHECK ({table.within(period)})) WITH ({SETTINGS})"
        )
    except asyncpg.DuplicateTableError as error:
        raise ddl.SchemaError(
            f"{name} exists but is no partition of {table.name}: attach, rename or drop it"
        ) from error


def adopting(table: Table, period: Period, name: str) -> tuple[str, ...]:
    """What makes a table from `create` the partition of its period."""
    return (
        f"ALTER TABLE {table.name} ATTACH PARTITION {name} FOR VALUES {table.bounds(period)}",
        f"ALTER TABLE {name} DROP CONSTRAINT {name}_bounds",
    )


async def attach(connection: "Connection", table: Table, period: Period, *, now: datetime) -> None:
    """Create and attach the partition of `period`, within the caller's transaction.

    Attaching looks for rows of the period in the default partition.  That is nothing when the default
    is empty, which the caller has made sure of.

    Raises:
        asyncpg.CheckViolationError: the default has rows of that period after all.
    """
    name = table.partition(period)
    await create(connection, table, period, name)
    # Rows of a period that begins soon may be on their way to the default at this very moment.  A statement that had
    # chosen it and waited for us would fail afterwards, so nobody may be between choosing and writing.
    lock = [f"LOCK TABLE ONLY {table.name} IN ACCESS EXCLUSIVE MODE"] if period.start <= now + SOON else []
    await ddl.briefly(connection, *lock, *adopting(table, period, name))


async def create_default(connection: "Connection", table: Table, name: str) -> None:
    await connection.execute(f"CREATE TABLE {name} (LIKE {table.name} INCLUDING ALL)")


async def attach_default(connection: "Connection", table: Table, *, patience_seconds: float) -> None:
    """Give `table` a default partition; somebody has taken it away."""

    async def change() -> None:
        await create_default(connection, table, table.default)
        await connection.execute(f"ALTER TABLE {table.name} ATTACH PARTITION {table.default} DEFAULT")

    await ddl.patiently(connection, change, doing=f"attach {table.default}", patience_seconds=patience_seconds)
