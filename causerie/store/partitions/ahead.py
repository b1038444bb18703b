"""Partitions ahead of time, and an empty default."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from causerie.store import ddl
from causerie.store.partitions import attach, catalogue
from causerie.store.partitions.periods import TABLES, Period, Rhythm


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
    """Make the partitions of the current period and of those ahead; repair default partitions with rows.

    `now` is the database's own time unless given.  Whatever was made before a failure stays.

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
                layout = await catalogue.layout(connection, table)
                ahead = months_ahead if table.rhythm is Rhythm.MONTH else weeks_ahead
                missing: list[Period] = []
                for period in table.rhythm.ahead(now, ahead):
                    if layout.covers(period):
                        continue
                    if other := layout.overlapping(period):
                        raise ddl.SchemaError(f"{other.name} covers only a part of {period.suffix} of {table.name}")
                    missing.append(period)
                for period in missing:
                    await ddl.patiently(
                        connection,
                        partial(attach.attach, connection, table, period, now=now),
                        doing=f"attach {table.partition(period)}",
                        patience_seconds=patience_seconds,
                    )
                    done.created.append(table.partition(period))
    return done
