"""A default partition with rows is emptied while people write to it, and no row leaves history for a moment.

Rows are copied in batches to tables that are not partitions yet.  A trigger notes the keys of rows that are
written meanwhile, and those are copied again until few are left.  Then one short transaction holds the
parent, copies the last of them, takes the old default away and attaches the copies and a clean default.
The trigger only notes: had it written to the copies itself, posts could have deadlocked with the copying.

Whatever else is done here nobody waits for, and it rests as long as it works: people's commits share the disk with it.

Killed at any time before the swap, nothing has happened: the next run clears the leftovers and starts anew.
The old default is kept, marked, and dropped by a later run of `retain`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import asyncpg

from causerie.store import ddl
from causerie.store.partitions import attach, catalogue
from causerie.store.partitions.copies import Work, describe
from causerie.store.partitions.periods import Period, Table

if TYPE_CHECKING:
    from causerie.store.ddl import Connection

BATCH_ROWS = 1_000
REST = 1.0
"""Seconds of rest for each of work."""
SWAP_ROWS = 400
"""So many noted rows may be left for the transaction in which everybody waits."""
_NOT_READY = "CS001"
"""Our own SQLSTATE."""

# What is asked for is always few rows of many, by their key, whatever statistics say of tables made a moment ago.
_SESSION = "SET enable_hashjoin = off; SET enable_mergejoin = off; SET max_parallel_workers_per_gather = 0"
_SESSION_AS_BEFORE = "RESET enable_hashjoin; RESET enable_mergejoin; RESET max_parallel_workers_per_gather"


async def empty_default(
    connection: "Connection", table: Table, missing: Sequence[Period], *, patience_seconds: float
) -> tuple[int, list[str]]:
    """Bring every row of the default to a partition of its period, and attach the `missing` ones by the way.

    Answers how many rows came over and which partitions were made.

    Raises:
        ddl.SchemaError: in one line, what is wrong; the rows are where they were.
    """
    await _clear(connection, table, patience_seconds)
    work = await describe(connection, table)
    try:
        await connection.execute(_SESSION)
        await _note_changes(connection, work, patience_seconds)
        await attach.create_default(connection, table, work.clean)
        for period in {*missing, *await _periods_of_default(connection, work)}:
            await _copy_period(connection, work, period)
        await _catch_up(connection, work)
        moved = await _compare(connection, work)
        try:
            async with asyncio.timeout(2 * patience_seconds):
                await _finish(connection, work, patience_seconds)
        except TimeoutError as error:
            raise ddl.SchemaError(f"{table.default} fills faster than it can be repaired") from error
    finally:
        if not connection.is_closed():
            await connection.execute(_SESSION_AS_BEFORE)
            await _clear(connection, table, patience_seconds)
    return moved, sorted(table.partition(period) for period in work.copies)


async def _finish(connection: "Connection", work: Work, patience_seconds: float) -> None:
    while True:
        await _catch_up(connection, work)
        try:
            await ddl.patiently(
                connection,
                partial(_swap, connection, work),
                doing=f"swap {work.table.default}",
                patience_seconds=patience_seconds,
            )
            return
        except asyncpg.PostgresError as error:
            if error.sqlstate != _NOT_READY:
                raise


async def _note_changes(connection: "Connection", work: Work, patience_seconds: float) -> None:
    schema = await connection.fetchval("SELECT quote_ident(current_schema())")
    default, note = work.table.default, f"{work.table.name}_repair_note"

    async def leave_alone() -> None:
        # A vacuum of what is about to be dropped would only stand in the way of the swap.
        await connection.execute(f"ALTER TABLE {default} SET (autovacuum_enabled = false)")

    async def begin() -> None:
        # Nothing is lost with an unlogged table: a crash ends this run too, and the next one starts anew.
        await connection.execute(
            f"CREATE UNLOGGED TABLE {work.log} AS SELECT {work.keys_as()} FROM ONLY {work.table.name} WITH NO DATA"
        )
        await connection.execute(f"""
            CREATE FUNCTION {note}() RETURNS trigger
            LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
            BEGIN
                IF TG_OP <> 'INSERT' THEN
                    INSERT INTO {schema}.{work.log} VALUES ({work.keys_as("OLD.")});
                END IF;
                IF TG_OP <> 'DELETE' THEN
                    INSERT INTO {schema}.{work.log} VALUES ({work.keys_as("NEW.")});
                END IF;
                RETURN NULL;
            END $$""")
        # Waits until every transaction that has written to the default is over, so none goes unnoticed.
        await ddl.briefly(
            connection,
            f"CREATE TRIGGER {note} AFTER INSERT OR UPDATE OR DELETE ON {default}"
            f" FOR EACH ROW EXECUTE FUNCTION {note}()",
        )

    for change in (leave_alone, begin):
        await ddl.patiently(connection, change, doing=f"note changes of {default}", patience_seconds=patience_seconds)


async def _periods_of_default(connection: "Connection", work: Work) -> set[Period]:
    rows = await connection.fetch(f"SELECT DISTINCT {work.table.truncated} AS start FROM ONLY {work.table.default}")
    return {work.period(row["start"]) for row in rows}


async def _copy_period(connection: "Connection", work: Work, period: Period) -> None:
    layout = await catalogue.layout(connection, work.table)
    if other := layout.overlapping(period):
        raise ddl.SchemaError(f"{other.name} covers only a part of {period.suffix} of {work.table.name}")
    copy = work.copy(period)
    await attach.create(connection, work.table, period, copy)
    await connection.execute(f"ALTER TABLE {copy} SET (autovacuum_enabled = false)")
    work.copies[period] = copy
    async for _ in _batches(
        connection,
        work,
        f"WITH batch AS (INSERT INTO {copy} ({work.columns})"
        f" SELECT {work.columns} FROM ONLY {work.table.default} WHERE {work.table.within(period)} AND {{beyond}}"
        f" ORDER BY {work.keys_as()} LIMIT {BATCH_ROWS} RETURNING {work.keys_as()})"
        f" SELECT {work.keys_as()} FROM batch ORDER BY {work.last_first} LIMIT 1",
    ):
        pass
    await connection.execute(f"ANALYZE {copy}")


async def _batches(connection: "Connection", work: Work, query: str) -> AsyncIterator[Any]:
    """Answers of `query` to batch after batch, each with the last key it came to, and between them as much rest."""
    marks = ", ".join(f"${place}::{type_}" for place, type_ in enumerate(work.key_types, 1))
    answer = await connection.fetchrow(query.format(beyond="true"))
    while answer is not None:
        yield answer
        began = time.monotonic()
        answer = await connection.fetchrow(
            query.format(beyond=f"({work.keys_as()}) > ({marks})"), *(answer[key] for key in work.keys)
        )
        await asyncio.sleep(REST * (time.monotonic() - began))


async def _catch_up(connection: "Connection", work: Work) -> None:
    """Copy again what was noted, until a pass leaves little."""
    among = f"SELECT * FROM unnest({work.arrays})"
    while True:
        async with connection.transaction():
            keys = await connection.fetch(
                f"WITH taken AS (DELETE FROM {work.log} WHERE ctid = ANY(ARRAY("
                f"SELECT ctid FROM {work.log} LIMIT {BATCH_ROWS})) RETURNING {work.keys_as()})"
                f" SELECT DISTINCT {work.keys_as()} FROM taken"
            )
            periods = {work.period(key[work.table.key]) for key in keys}
            for period in sorted(periods - work.copies.keys(), key=lambda period: period.start):
                await _copy_period(connection, work, period)
            for period in periods:
                for statement in work.copying(period, among):
                    await connection.execute(statement, *map(list, zip(*keys, strict=True)))
        if len(keys) < SWAP_ROWS // 2:
            return


async def _compare(connection: "Connection", work: Work) -> int:
    """How many rows come over; each must be copied or noted, whatever is written while we look.

    Raises:
        ddl.SchemaError: a row is neither, so the swap would lose it.
    """
    rows = missing = 0
    copies = " UNION ALL ".join(f"SELECT {work.keys_as()} FROM {copy}" for copy in work.copies.values())
    async for batch in _batches(
        connection,
        work,
        f"WITH batch AS (SELECT {work.keys_as()} FROM ONLY {work.table.default} WHERE {{beyond}}"
        f" ORDER BY {work.keys_as()} LIMIT {BATCH_ROWS}), lost AS (SELECT FROM batch d WHERE"
        f" NOT EXISTS (SELECT FROM ({copies}) c WHERE {work.same('c')})"
        f" AND NOT EXISTS (SELECT FROM {work.log} l WHERE {work.same('l')}))"
        f" SELECT *, (SELECT count(*) FROM batch) AS rows, (SELECT count(*) FROM lost) AS missing"
        f" FROM batch ORDER BY {work.last_first} LIMIT 1",
    ):
        rows += batch["rows"]
        missing += batch["missing"]
    if missing:
        raise ddl.SchemaError(f"{missing} rows of {work.table.default} were not copied: it stays as it is")
    return rows


async def _swap(connection: "Connection", work: Work) -> None:
    """The short transaction.  Who waits for it looks afterwards and finds every row in its new place.

    Raises:
        asyncpg.PostgresError: `_NOT_READY`: more was written while we waited for the lock than may be copied under it.
    """
    table, noted = work.table, f"SELECT {work.keys_as()} FROM {work.log}"
    now = await catalogue.clock(connection)
    emptied = catalogue.name_for_emptied(table, now)
    elsewhere = " AND ".join(f"NOT ({table.within(period)})" for period in work.copies) or "true"
    await connection.execute("SET LOCAL enable_seqscan = off")
    await ddl.briefly(
        connection,
        f"LOCK TABLE ONLY {table.name} IN ACCESS EXCLUSIVE MODE",
        f"IF (SELECT count(*) FROM ({noted} LIMIT {SWAP_ROWS + 1}) AS l) > {SWAP_ROWS}"
        f" OR EXISTS ({noted} WHERE {elsewhere}) THEN RAISE EXCEPTION USING ERRCODE = '{_NOT_READY}'; END IF",
        *(statement for period in work.copies for statement in work.copying(period, noted)),
        f"ALTER TABLE {table.name} DETACH PARTITION {table.default}",
        f"ALTER TABLE {table.default} RENAME TO {emptied}",
        catalogue.marking(emptied, now),
        *(statement for period, copy in work.copies.items() for statement in _taking(table, period, copy)),
        f"ALTER TABLE {work.clean} RENAME TO {table.default}",
        f"ALTER TABLE {table.name} ATTACH PARTITION {table.default} DEFAULT",
    )


def _taking(table: Table, period: Period, copy: str) -> tuple[str, ...]:
    return (
        *attach.adopting(table, period, copy),
        f"ALTER TABLE {copy} RESET (autovacuum_enabled)",
        f"ALTER TABLE {copy} RENAME TO {table.partition(period)}",
    )


async def _clear(connection: "Connection", table: Table, patience_seconds: float) -> None:
    """Remove what a run leaves: where it was killed before the swap, copies only, every row is still in the default."""

    async def stop_noting() -> None:
        # With it the trigger goes, if there is one: else nobody is made to wait.
        await ddl.briefly(connection, f"DROP FUNCTION IF EXISTS {table.name}_repair_note() CASCADE")

    async def clear() -> None:
        await connection.execute(f"ALTER TABLE {table.default} RESET (autovacuum_enabled)")
        await connection.execute(f"DROP TABLE IF EXISTS {table.name}_repair_log")
        for name in await catalogue.leftovers(connection, table):
            await connection.execute(f"DROP TABLE {name}")

    for change in (stop_noting, clear):
        await ddl.patiently(connection, change, doing=f"clear {table.name}", patience_seconds=patience_seconds)
