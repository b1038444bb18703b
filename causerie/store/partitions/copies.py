"""What a repair copies and where to: the names of its tables, and the statements that know a table's columns."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

from causerie.store.partitions.periods import Period, Table

if TYPE_CHECKING:
    from causerie.store.ddl import Connection


@dataclass(slots=True)
class Work:
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

    def keys_as(self, alias: str = "") -> str:
        return ", ".join(f"{alias}{key}" for key in self.keys)

    def copying(self, period: Period, among: str) -> tuple[str, str]:
        """What makes the copy equal to the default in the rows whose keys are `among`, gone ones too."""
        copy, named = self.copies[period], f"({self.keys_as()}) IN ({among}) AND {self.table.within(period)}"
        return (
            f"DELETE FROM {copy} WHERE {named}",
            f"INSERT INTO {copy} ({self.columns}) SELECT {self.columns} FROM ONLY {self.table.default} WHERE {named}",
        )

    def same(self, alias: str) -> str:
        return f"({self.keys_as('d.')}) = ({self.keys_as(f'{alias}.')})"

    @property
    def last_first(self) -> str:
        return ", ".join(f"{key} DESC" for key in self.keys)

    @property
    def arrays(self) -> str:
        return ", ".join(f"${place}::{type_}[]" for place, type_ in enumerate(self.key_types, 1))


async def describe(connection: "Connection", table: Table) -> Work:
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
    return Work(
        table,
        ", ".join(column["name"] for column in columns),
        tuple(key["name"] for key in keys),
        tuple(key["type"] for key in keys),
    )
