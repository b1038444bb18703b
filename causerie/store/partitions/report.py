"""How the partitions stand: what `causerie partitions check` prints and the metrics show."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from causerie.store import ddl
from causerie.store.partitions import catalogue
from causerie.store.partitions.periods import TABLES, Rhythm, Table

if TYPE_CHECKING:
    from causerie.store.ddl import Connection

STALE = timedelta(hours=36)
"""The upkeep runs daily; one missed run is bad luck, more is a fault."""


@dataclass(frozen=True, slots=True)
class TableReport:
    """One partitioned table.  `ahead` counts the whole periods after the current one, up to the first gap."""

    table: str
    unit: str
    has_current: bool
    ahead: int
    wanted: int
    default_rows: int
    detach_pending: tuple[str, ...]
    awaiting_drop: tuple[str, ...]

    @property
    def problems(self) -> list[str]:
        found: list[str] = []
        if not self.has_current:
            found.append(f"the current {self.unit} has no partition")
        elif self.ahead < self.wanted:
            found.append(f"fewer than {self.wanted} {self.unit}s ahead")
        if self.default_rows:
            found.append("rows in the default partition")
        if self.detach_pending:
            found.append(f"half detached: {', '.join(self.detach_pending)}")
        return found

    def __str__(self) -> str:
        line = f"{self.table}: {self.ahead} {self.unit}s ahead, {self.default_rows} rows in default"
        if self.awaiting_drop:
            line += f", detached and waiting to be dropped: {', '.join(self.awaiting_drop)}"
        return f"{line}: {'; '.join(self.problems) or 'ok'}"


@dataclass(frozen=True, slots=True)
class Report:
    """All tables, and when each job last succeeded.  `short` is what makes the command exit with 1."""

    now: datetime
    tables: tuple[TableReport, ...]
    last_success: dict[str, datetime]

    @property
    def short(self) -> bool:
        return any(table.problems for table in self.tables)

    @property
    def months_ahead(self) -> int:
        return min(table.ahead for table in self.tables if table.unit == Rhythm.MONTH.value)

    @property
    def default_rows(self) -> int:
        return sum(table.default_rows for table in self.tables)

    @property
    def detach_pending(self) -> int:
        return sum(len(table.detach_pending) for table in self.tables)

    def lines(self) -> list[str]:
        return [str(table) for table in self.tables] + [self._line_of(job) for job in ("ensure", "retain")]

    def _line_of(self, job: str) -> str:
        at = self.last_success.get(job)
        if at is None:
            return f"{job}: never succeeded yet"
        late = " (more than 36 hours ago)" if self.now - at > STALE else ""
        return f"{job}: last succeeded {at:%Y-%m-%d %H:%M:%S} UTC{late}"


async def check(
    database: "str | Connection", *, months_ahead: int = 2, weeks_ahead: int = 1, now: datetime | None = None
) -> Report:
    """Look at the catalogue and count what lies in default partitions; changes nothing.

    The counts wanted are one less than what `ensure` makes: a new month begins before the day's run.

    Raises:
        SchemaError: PostgreSQL or the schema is missing.
    """
    async with ddl.connected(database) as connection:
        now = now or await catalogue.clock(connection)
        tables = []
        for table in TABLES:
            wanted = months_ahead if table.rhythm is Rhythm.MONTH else weeks_ahead
            tables.append(await _look_at(connection, table, now, wanted))
        return Report(now, tuple(tables), await catalogue.last_successes(connection))


async def _look_at(connection: "Connection", table: Table, now: datetime, wanted: int) -> TableReport:
    layout = await catalogue.layout(connection, table)
    current = table.rhythm.at(now)
    covered = 0
    period = current
    while layout.covers(period):
        covered += 1
        period = table.rhythm.at(period.end)
    rows = await connection.fetchval(f"SELECT count(*) FROM ONLY {layout.default}") if layout.default else 0
    return TableReport(
        table=table.name,
        unit=table.rhythm.value,
        has_current=covered > 0,
        ahead=max(covered - 1, 0),
        wanted=wanted,
        default_rows=rows,
        detach_pending=tuple(part.name for part in layout.partitions if part.detach_pending),
        awaiting_drop=tuple(old.name for old in await catalogue.detached(connection, table)),
    )
