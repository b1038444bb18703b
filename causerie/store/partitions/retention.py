"""Old partitions leave in two steps: detached by one run, dropped by a later one.

Between the two an operator who set the wrong number can attach the table again.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from causerie.store import ddl
from causerie.store.partitions import catalogue
from causerie.store.partitions.catalogue import Partition
from causerie.store.partitions.periods import EVENTS, MESSAGES, SEND_KEYS, Table

if TYPE_CHECKING:
    from causerie.store.ddl import Connection

DROP_WAIT_MS = 5_000
KEY_WEEKS = 1
"""A send key is looked up in its own week and the next, so a week is kept for one more."""


@dataclass(slots=True)
class Retained:
    """What a run did; `finished` are partitions that somebody had left half detached, and are his to drop."""

    finished: list[str] = field(default_factory=list)
    detached: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)


async def retain(
    url: str,
    *,
    months: int | None,
    event_months: int = 2,
    drop_after: timedelta = timedelta(),
    now: datetime | None = None,
    patience_seconds: float = ddl.PATIENCE_SECONDS,
) -> Retained:
    """Detach what is older than so many whole months before the current one; drop what earlier runs detached.

    `months` is for messages; None keeps them for good.  What was detached less than `drop_after` before this run is
    left to a later one, so that whatever tries a failed run again leaves the operator his time.
    `now` is the database's own time unless given.

    Raises:
        SchemaError: in one line, what is wrong.
        ValueError: a retention of less than one month.
    """
    if event_months < 1 or (months is not None and months < 1):
        raise ValueError("at least one month is kept")
    kept = {MESSAGES: months, EVENTS: event_months, SEND_KEYS: KEY_WEEKS}
    done = Retained()
    async with ddl.connected(url) as connection:
        # Before the lock: what a run detached while we waited for it is left to the next.
        started = await catalogue.clock(connection)
        async with ddl.locked(
            connection, ddl.PARTITIONS_LOCK, doing="partitions retain", patience_seconds=patience_seconds
        ):
            now = now or started
            for table, count in kept.items():
                for old in await catalogue.detached(connection, table):
                    if started - old.since > drop_after:
                        await ddl.patiently(
                            connection,
                            partial(_drop, connection, old.name),
                            doing=f"drop {old.name}",
                            patience_seconds=patience_seconds,
                        )
                        done.dropped.append(old.name)
                for part in (await catalogue.layout(connection, table)).partitions:
                    is_old = count is not None and part.end <= table.rhythm.back(now, count).start
                    if is_old or part.detach_pending:
                        await ddl.patiently(
                            connection,
                            partial(_detach, connection, table, part, mark=is_old),
                            doing=f"detach {part.name}",
                            patience_seconds=patience_seconds,
                        )
                        (done.detached if is_old else done.finished).append(part.name)
            await catalogue.record_success(connection, "retain", now)
    return done


async def _detach(connection: "Connection", table: Table, part: Partition, *, mark: bool) -> None:
    # Not CONCURRENTLY: PostgreSQL refuses that beside a default partition.
    end = " FINALIZE" if part.detach_pending else ""
    marking = [catalogue.marking(part.name, await catalogue.clock(connection))] if mark else []
    await ddl.briefly(connection, f"ALTER TABLE {table.name} DETACH PARTITION {part.name}{end}", *marking)


async def _drop(connection: "Connection", name: str) -> None:
    # Nobody comes to a detached table any more, so nobody waits behind us while an autovacuum of it, or of what it
    # keeps out of line, is asked to go.
    await connection.execute(f"SET LOCAL lock_timeout = {DROP_WAIT_MS}")
    await connection.execute(f"DROP TABLE {name}")
