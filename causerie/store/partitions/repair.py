"""A default partition with rows is emptied while people write to it, and no row leaves history for a moment.

Rows are copied in batches to tables that are not partitions yet.  A trigger notes the keys of rows that are
written meanwhile, and those are copied again until few are left.  Then one short transaction holds the
parent, copies the last of them, takes the old default away and attaches the copies and a clean default.
The trigger only notes: had it written to the copies itself, posts could have deadlocked with the copying.

Killed at any time before the swap, nothing has happened: the next run clears the leftovers and starts anew.
The old default is kept, marked, and dropped by a later run of `retain`.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import partial
from typing import TYPE_CHECKING, Any

from causerie.store import ddl
from causerie.store.partitions import attach, catalogue
from causerie.store.partitions.periods import Period, Table

if TYPE_CHECKING:
    from causerie.store.ddl import Connection

BATCH_ROWS = 2_000
SWAP_ROWS = 2_000
"""So many noted rows may be left for the transaction in which everybody waits."""


class _NotReady(Exception):
    """More was written while we waited for the lock than a short transaction can take."""


@dataclass(slots=True)
class _Work:
    table: Table
    columns: str
    keys: tuple[str, ...]
    key_types: tuple[str, ...]
    copies: dict[Period, str] = field(default_factory=dict)

    @property
    def log(self) -> str:
        return f"{self.table.name}_repair_log"

    @property
    def clean(self) -> str:
        return f"{self.table.name}_repairing_default"

    def copy(self, period: Period) -> str:
        return f"{self.table.name}_repairing_{period.suffix}"

    def period(self, value: date | datetime) -> Period:
        moment = value if isinstance(value, datetime) else datetime.combine(value, time(), UTC)
        return self.table.rhythm.at(moment)

    def tuple(self, alias: str = "") -> str:
        return ", ".join(f"{alias}{key}" for key in self.keys)

    def same(self, alias: str) -> str:
        return f"({self.tuple('d.')}) = ({self.tuple(f'{alias}.')})"

    @property
    def arrays(self) -> str:
        return ", ".join(f"${place}::{type_}[]" for place, type_ in enumerate(self.key_types, 1))


async def empty_default(
    connection: "Connection", table: Table, missing: Sequence[Period], *, patience_seconds: float
) -> tuple[int, list[str]]:
    """Bring every row of the default to a partition of its period, and attach the `missing` ones by the way.

    Answers how many rows came over and which partitions were made.

    Raises:
        ddl.SchemaError: in one line, what is wrong; the rows are where they were.
    """
    await _clear(connection, table, patience_seconds)
    work = await _describe(connection, table)
    try:
        await ddl.patiently(
            connection,
            partial(_note_changes, connection, work),
            doing=f"note changes of {table.default}",
            patience_seconds=patience_seconds,
        )
        await attach.create_default(connection, table, work.clean)
        for period in {*missing, *await _periods_of_default(connection, work)}:
            await _copy_period(connection, work, period)
        moved = await _compare(connection, work)
        try:
            async with asyncio.timeout(2 * patience_seconds):
                await _finish(connection, work, patience_seconds)
        except TimeoutError as error:
            raise ddl.SchemaError(f"{table.default} fills faster than it can be repaired") from error
    except BaseException:
        if not connection.is_closed():
            await _clear(connection, table, patience_seconds)
        raise
    return moved, sorted(table.partition(period) for period in work.copies)


async def _finish(connection: "Connection", work: _Work, patience_seconds: float) -> None:
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
        except _NotReady:
            continue


async def _describe(connection: "Connection", table: Table) -> _Work:
    columns = await connection.fetch(
        "SELECT attname AS name FROM pg_attribute WHERE attrelid = to_regclass($1)"
        " AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum",
        table.name,
    )
    keys = await connection.fetch(
        "SELECT a.attname AS name, format_type(a.atttypid, NULL) AS type"
        " FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)"
        " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum"
        " WHERE i.indrelid = to_regclass($1) AND i.indisprimary ORDER BY k.place",
        table.name,
    )
    return _Work(
        table,
        ", ".join(column["name"] for column in columns),
        tuple(key["name"] for key in keys),
        tuple(key["type"] for key in keys),
    )


async def _note_changes(connection: "Connection", work: _Work) -> None:
    schema = await connection.fetchval("SELECT quote_ident(current_schema())")
    default, note = work.table.default, f"{work.table.name}_repair_note"
    # Nothing is lost with an unlogged table: a crash ends this run too, and the next one starts anew.
    await connection.execute(
        f"CREATE UNLOGGED TABLE {work.log} AS SELECT {work.tuple()} FROM ONLY {work.table.name} WITH NO DATA"
    )
    await connection.execute(f"""
        CREATE FUNCTION {note}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
        BEGIN
            IF TG_OP <> 'INSERT' THEN
                INSERT INTO {schema}.{work.log} VALUES ({work.tuple("OLD.")});
            END IF;
            IF TG_OP <> 'DELETE' THEN
                INSERT INTO {schema}.{work.log} VALUES ({work.tuple("NEW.")});
            END IF;
            RETURN NULL;
        END $$""")
    # Waits until every transaction that has written to the default is over, so none goes unnoticed.
    await connection.execute(
        f"CREATE TRIGGER {note} AFTER INSERT OR UPDATE OR DELETE ON {default} FOR EACH ROW EXECUTE FUNCTION {note}()"
    )
    # A vacuum of what is about to be dropped would only stand in the way of the swap.
    await connection.execute(f"ALTER TABLE {default} SET (autovacuum_enabled = false)")


async def _periods_of_default(connection: "Connection", work: _Work) -> set[Period]:
    rows = await connection.fetch(f"SELECT DISTINCT {work.table.truncated} AS start FROM ONLY {work.table.default}")
    return {work.period(row["start"]) for row in rows}


async def _copy_period(connection: "Connection", work: _Work, period: Period) -> None:
    layout = await catalogue.layout(connection, work.table)
    if other := layout.overlapping(period):
        raise ddl.SchemaError(f"{other.name} covers only a part of {period.suffix} of {work.table.name}")
    copy = work.copy(period)
    await attach.create(connection, work.table, period, copy)
    await connection.execute(f"ALTER TABLE {copy} SET (autovacuum_enabled = false)")
    work.copies[period] = copy
    marks = ", ".join(f"${place}::{type_}" for place, type_ in enumerate(work.key_types, 1))
    last: Sequence[Any] | None = None
    while True:
        beyond = f" AND ({work.tuple()}) > ({marks})" if last is not None else ""
        last = await connection.fetchrow(
            f"WITH batch AS (INSERT INTO {copy} ({work.columns})"
            f" SELECT {work.columns} FROM ONLY {work.table.default} WHERE {work.table.within(period)}{beyond}"
            f" ORDER BY {work.tuple()} LIMIT {BATCH_ROWS} RETURNING {work.tuple()})"
            f" SELECT {work.tuple()} FROM batch ORDER BY {', '.join(f'{key} DESC' for key in work.keys)} LIMIT 1",
            *(last or ()),
        )
        if last is None:
            break
    await connection.execute(f"ANALYZE {copy}")


async def _catch_up(connection: "Connection", work: _Work) -> None:
    """Copy again what was noted, until a pass leaves little."""
    while True:
        async with connection.transaction():
            keys = await _take_noted(connection, work)
            new = {work.period(key[work.table.key]) for key in keys} - work.copies.keys()
            for period in sorted(new, key=lambda period: period.start):
                await _copy_period(connection, work, period)
            await _copy_again(connection, work, keys)
        if len(keys) < BATCH_ROWS // 4:
            return


async def _compare(connection: "Connection", work: _Work) -> int:
    """How many rows come over; each must be copied or noted, whatever is written while we look.

    Raises:
        ddl.SchemaError: a row is neither, so the swap would lose it.
    """
    copies = " UNION ALL ".join(f"SELECT {work.tuple()} FROM {copy}" for copy in work.copies.values())
    row = await connection.fetchrow(
        f"SELECT count(*) AS rows, count(*) FILTER (WHERE"
        f" NOT EXISTS (SELECT FROM ({copies}) c WHERE {work.same('c')})"
        f" AND NOT EXISTS (SELECT FROM {work.log} l WHERE {work.same('l')})) AS missing"
        f" FROM ONLY {work.table.default} d"
    )
    assert row is not None
    if row["missing"]:
        raise ddl.SchemaError(f"{row['missing']} rows of {work.table.default} were not copied: it stays as it is")
    rows: int = row["rows"]
    return rows


async def _take_noted(connection: "Connection", work: _Work) -> Sequence[Any]:
    noted: Sequence[Any] = await connection.fetch(
        f"WITH taken AS (DELETE FROM {work.log} WHERE ctid = ANY(ARRAY("
        f"SELECT ctid FROM {work.log} LIMIT {BATCH_ROWS})) RETURNING {work.tuple()})"
        f" SELECT DISTINCT {work.tuple()} FROM taken"
    )
    return noted


async def _copy_again(connection: "Connection", work: _Work, keys: Sequence[Any]) -> None:
    """Make the copies of the rows named by `keys` equal to the default, wherever a row is gone there too."""
    by_period: defaultdict[Period, list[Any]] = defaultdict(list)
    for key in keys:
        by_period[work.period(key[work.table.key])].append(key)
    named = f"({work.tuple()}) IN (SELECT * FROM unnest({work.arrays}))"
    for period, rows in by_period.items():
        copy, columns = work.copies[period], zip(*rows, strict=True)
        arrays = [list(column) for column in columns]
        await connection.execute(f"DELETE FROM {copy} WHERE {named}", *arrays)
        await connection.execute(
            f"INSERT INTO {copy} ({work.columns}) SELECT {work.columns} FROM ONLY {work.table.default} WHERE {named}",
            *arrays,
        )


async def _swap(connection: "Connection", work: _Work) -> None:
    """The short transaction.  Who waits for it looks afterwards and finds every row in its new place."""
    table = work.table
    await connection.execute(f"LOCK TABLE ONLY {table.name} IN ACCESS EXCLUSIVE MODE")
    left = await connection.fetchval(f"SELECT count(*) FROM (SELECT FROM {work.log} LIMIT {SWAP_ROWS + 1}) AS l")
    if left > SWAP_ROWS:
        raise _NotReady
    keys = await _take_noted(connection, work)
    if any(work.period(key[table.key]) not in work.copies for key in keys):
        raise _NotReady
    await _copy_again(connection, work, keys)
    await connection.execute(f"ALTER TABLE {table.name} DETACH PARTITION {table.default}")
    await _stop_noting(connection, table)
    emptied = catalogue.name_for_emptied(table, await catalogue.clock(connection))
    await connection.execute(f"ALTER TABLE {table.default} RENAME TO {emptied}")
    await catalogue.mark_detached(connection, emptied)
    for period, copy in work.copies.items():
        await attach.adopt(connection, table, period, copy)
        await connection.execute(f"ALTER TABLE {copy} RESET (autovacuum_enabled)")
        await connection.execute(f"ALTER TABLE {copy} RENAME TO {table.partition(period)}")
    await connection.execute(f"ALTER TABLE {work.clean} RENAME TO {table.default}")
    await connection.execute(f"ALTER TABLE {table.name} ATTACH PARTITION {table.default} DEFAULT")


async def _stop_noting(connection: "Connection", table: Table) -> None:
    note = f"{table.name}_repair_note"
    await connection.execute(f"DROP TRIGGER IF EXISTS {note} ON {table.default}")
    await connection.execute(f"DROP FUNCTION IF EXISTS {note}()")
    await connection.execute(f"DROP TABLE IF EXISTS {table.name}_repair_log")


async def _clear(connection: "Connection", table: Table, patience_seconds: float) -> None:
    """Remove what a run that was killed has left: copies only, every row is still in the default."""

    async def clear() -> None:
        await _stop_noting(connection, table)
        await connection.execute(f"ALTER TABLE {table.default} RESET (autovacuum_enabled)")
        for name in await catalogue.leftovers(connection, table):
            await connection.execute(f"DROP TABLE {name}")

    await ddl.patiently(connection, clear, doing=f"clear {table.name}", patience_seconds=patience_seconds)
