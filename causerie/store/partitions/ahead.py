"""Partitions ahead of time, and an empty default."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import asyncpg

from causerie.store import ddl
from causerie.store.partitions import attach, catalogue, repair
from causerie.store.partitions.periods import TABLES, Period, Rhythm, Table

if TYPE_CHECKING:
    from causerie.store.ddl import Connection


@dataclass(slots=True)
class Ensured:
    """What a run did: partitions made, and rows brought from a default partition to their own."""

    created: list[str] = field(default_factory=list)
    repaired: dict[str, int] = field(default_factory=dict)


async def ensure(
    url: str,
    *,
    months_ahead: int = 3,
    weeks_ahead: int = 2,
    now: datetime | None = None,
    patience_seconds: float = ddl.PATIENCE_SECONDS,
) -> Ensured:
    """Make the partitions of the current period and of those ahead; empty default partitions with rows.

    `now` is the database's own time unless given.  What was made before a failure stays.

    Raises:
        SchemaError: in one line, what is wrong.
    """
    done = Ensured()
    async with ddl.connected(url) as connection:
        async with ddl.locked(
            connection, ddl.PARTITIONS_LOCK, doing="partitions ensure", patience_seconds=patience_seconds
        ):
            now = now or await catalogue.clock(connection)
            for table in TABLES:
                ahead = months_ahead if table.rhythm is Rhythm.MONTH else weeks_ahead
                periods = table.rhythm.ahead(now, ahead)
                await _ensure_table(connection, table, periods, done, now=now, patience_seconds=patience_seconds)
            await catalogue.record_success(connection, "ensure", now)
    return done


async def _ensure_table(
    connection: "Connection",
    table: Table,
    periods: Sequence[Period],
    done: Ensured,
    *,
    now: datetime,
    patience_seconds: float,
) -> None:
    layout = await catalogue.layout(connection, table)
    missing = [period for period in periods if not layout.covers(period)]
    for period in missing:
        if other := layout.overlapping(period):
            raise ddl.SchemaError(f"{other.name} covers only a part of {period.suffix} of {table.name}")
    if layout.default is None:
        await attach.attach_default(connection, table, patience_seconds=patience_seconds)
    try:
        # With rows in the default every attaching would search it, and everybody would wait for that.
        while missing and not await catalogue.has_rows(connection, table.default):
            await ddl.patiently(
                connection,
                partial(attach.attach, connection, table, missing[0], now=now),
                doing=f"attach {table.partition(missing[0])}",
                patience_seconds=patience_seconds,
            )
            done.created.append(table.partition(missing.pop(0)))
    except asyncpg.CheckViolationError:
        # The first row of the period came to the default between the look and the lock.
        pass
    if await catalogue.has_rows(connection, table.default):
        moved, created = await repair.empty_default(connection, table, missing, patience_seconds=patience_seconds)
        done.created += created
        done.repaired[table.name] = moved
