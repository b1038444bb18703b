"""What PostgreSQL itself says about the partitions: the catalogue is the only memory the upkeep trusts."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from causerie.store.ddl import SchemaError
from causerie.store.partitions.periods import Period, Table

if TYPE_CHECKING:
    from causerie.store.ddl import Connection

_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)
_RANGE = re.compile(r"FOR VALUES FROM \((?P<start>[^)]*)\) TO \((?P<end>[^)]*)\)")

_PARTITIONS = """
SELECT c.relname AS name, pg_get_expr(c.relpartbound, c.oid) AS bound, i.inhdetachpending AS detach_pending
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = to_regclass($1) ORDER BY c.relname"""

_STANDALONE = """
SELECT c.relname AS name, obj_description(c.oid, 'pg_class') AS comment
FROM pg_class c
WHERE c.relkind = 'r' AND NOT c.relispartition AND starts_with(c.relname, $1 || '_')
  AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass($1))
ORDER BY c.relname"""

# A comment, because a name alone could be an operator's own: what he detached by hand is never dropped.
_MARK = "causerie: detached at "


@dataclass(frozen=True, slots=True)
class Partition:
    name: str
    start: datetime
    end: datetime
    detach_pending: bool = False


@dataclass(frozen=True, slots=True)
class Detached:
    """A table that was a partition once and waits to be dropped."""

    name: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Layout:
    """The partitions of one table; `default` is the name of the default partition, if it has one."""

    partitions: tuple[Partition, ...]
    default: str | None

    def covers(self, period: Period) -> bool:
        return any(part.start <= period.start and period.end <= part.end for part in self.partitions)

    def overlapping(self, period: Period) -> Partition | None:
        return next((part for part in self.partitions if part.start < period.end and period.start < part.end), None)


async def layout(connection: "Connection", table: Table) -> Layout:
    """The partitions of `table` as they are attached now.

    Raises:
        SchemaError: there is no such table yet.
    """
    async with connection.transaction():
        if await connection.fetchval("SELECT to_regclass($1)", table.name) is None:
            raise SchemaError(f"there is no table {table.name}: run `causerie migrate up` first")
        # Bounds are printed in the session's time zone and style.
        await connection.execute("SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'")
        rows = await connection.fetch(_PARTITIONS, table.name)
    default = next((row["name"] for row in rows if row["bound"] == "DEFAULT"), None)
    return Layout(
        tuple(
            Partition(row["name"], _bound(match["start"]), _bound(match["end"]), row["detach_pending"])
            for row in rows
            if (match := _RANGE.fullmatch(row["bound"] or ""))
        ),
        default,
    )


async def detached(connection: "Connection", table: Table) -> list[Detached]:
    """What the upkeep itself has detached from `table` and not yet dropped."""
    return [
        Detached(row["name"], datetime.fromisoformat(row["comment"].removeprefix(_MARK)))
        for row in await connection.fetch(_STANDALONE, table.name)
        if (row["comment"] or "").startswith(_MARK)
    ]


def name_for_emptied(table: Table, since: datetime) -> str:
    """What a default partition is called after its rows were copied and it was replaced."""
    return f"{table.default}_emptied_{since:%Y%m%dt%H%M%S%f}"


async def leftovers(connection: "Connection", table: Table) -> list[str]:
    """Copies made by a repair that did not come to its end."""
    rows = await connection.fetch(_STANDALONE, table.name)
    return [row["name"] for row in rows if row["name"].startswith(f"{table.name}_repairing_")]


def marking(name: str, since: datetime) -> str:
    """What remembers in the catalogue that `name` may be dropped by a later run, and since when."""
    return f"COMMENT ON TABLE {name} IS '{_MARK}{since.isoformat()}'"


async def has_rows(connection: "Connection", name: str) -> bool:
    return bool(await connection.fetchval(f"SELECT EXISTS (SELECT FROM ONLY {name})"))


async def clock(connection: "Connection") -> datetime:
    """The database's own time: it is what gives rows their period."""
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return now


async def record_success(connection: "Connection", job: str, now: datetime) -> None:
    await connection.execute(
        "INSERT INTO partition_runs (job, succeeded_at) VALUES ($1, $2)"
        " ON CONFLICT (job) DO UPDATE SET succeeded_at = excluded.succeeded_at",
        job,
        now,
    )


async def last_successes(connection: "Connection") -> dict[str, datetime]:
    return {row["job"]: row["succeeded_at"] for row in await connection.fetch("SELECT * FROM partition_runs")}


def _bound(text: str) -> datetime:
    match text.strip("'"):
        case "MINVALUE" | "-infinity":
            return _FIRST
        case "MAXVALUE" | "infinity":
            return _LAST
        case value:
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
