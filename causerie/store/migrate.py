"""The schema's way from one release to the next: numbered pairs of plain SQL.

`migrations/000004_reactions.up.sql` and `.down.sql` are one step, applied in one transaction together
with its line in `schema_migrations`.  Any number of pods may run `up` at once: each step is taken under
an advisory lock by whoever comes first.  A file that was changed after it was applied stops the run.

Why this and no library: `docs/decisions/0002-migrations.md`.
"""

import functools
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import asyncpg

import causerie
from causerie.store import ddl, home

if TYPE_CHECKING:
    from causerie.store.ddl import Connection

_FILE = re.compile(r"(?P<name>(?P<version>\d{6})_[a-z0-9_]+)\.(?P<way>up|down)\.sql")
_PACKAGE = Path(causerie.__file__).parent
# A wheel carries the folder inside the package; a checkout has it beside the package.
FOLDER = next((path for path in (_PACKAGE / "migrations", _PACKAGE.parent / "migrations") if path.is_dir()), None)

_CREATE_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version    integer     PRIMARY KEY,
    name       text        NOT NULL,
    checksum   text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
)"""


class MigrationError(ddl.SchemaError):
    """A migration is missing, was changed, or failed; nothing of that step was applied."""


@dataclass(frozen=True, slots=True)
class Migration:
    version: int
    name: str
    up: str
    down: str

    @property
    def checksum(self) -> str:
        """Of the way up, the only one that shaped the database."""
        return hashlib.sha256(self.up.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Applied:
    version: int
    name: str
    checksum: str
    applied_at: datetime


@dataclass(frozen=True, slots=True)
class Status:
    """One step as files and database see it; `unknown` is in the database only: a newer release made it."""

    name: str
    state: Literal["applied", "pending", "changed", "unknown"]
    applied_at: datetime | None = None


async def up(
    url: str,
    *,
    target: int | None = None,
    folder: Path | None = None,
    patience_seconds: float = ddl.PATIENCE_SECONDS,
) -> list[str]:
    """Apply what is pending, up to version `target`; answers the steps this call applied, maybe none.

    Returns only when the schema is there, whoever brought it.

    Raises:
        SchemaError: in one line, what is wrong.
    """
    migrations = load(folder)
    if target is not None and target not in {migration.version for migration in migrations}:
        raise MigrationError(f"there is no migration {target:06}")
    taken: list[str] = []
    async with ddl.connected(url) as connection:
        while _next(migrations, await _applied(connection), target) is not None:

            async def step() -> str | None:
                await ddl.lock_for_transaction(connection, ddl.MIGRATIONS_LOCK)
                await connection.execute(_CREATE_TABLE)
                migration = _next(migrations, await _applied(connection), target)
                if migration is None:
                    return None
                await _execute(connection, migration.up, f"{migration.name}.up.sql")
                await connection.execute(
                    "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)",
                    migration.version,
                    migration.name,
                    migration.checksum,
                )
                return migration.name

            name = await ddl.patiently(connection, step, doing="migrate up", patience_seconds=patience_seconds)
            if name is not None:
                taken.append(name)

        async def settle() -> bool:
            await ddl.lock_for_transaction(connection, ddl.MIGRATIONS_LOCK)
            return await home.is_foreign(connection) and await home.settle(connection)

        if await home.is_foreign(connection) and await ddl.patiently(
            connection, settle, doing="migrate up", patience_seconds=patience_seconds
        ):
            taken.append(home.SETTLING)
    return taken


async def down(
    url: str, steps: int = 1, *, folder: Path | None = None, patience_seconds: float = ddl.PATIENCE_SECONDS
) -> list[str]:
    """Undo the last `steps` migrations, latest first; answers those undone.

    Raises:
        SchemaError: in one line, what is wrong.
    """
    migrations = {migration.version: migration for migration in load(folder)}
    taken: list[str] = []
    async with ddl.connected(url) as connection:
        for _ in range(steps):

            async def step() -> str | None:
                await ddl.lock_for_transaction(connection, ddl.MIGRATIONS_LOCK)
                applied = await _applied(connection)
                if not applied:
                    return None
                _refuse_changes(list(migrations.values()), applied)
                last = applied[max(applied)]
                if last.version not in migrations:
                    raise MigrationError(f"{last.name} is of a newer release, which must undo it")
                await _execute(connection, migrations[last.version].down, f"{last.name}.down.sql")
                await connection.execute("DELETE FROM schema_migrations WHERE version = $1", last.version)
                return last.name

            name = await ddl.patiently(connection, step, doing="migrate down", patience_seconds=patience_seconds)
            if name is None:
                break
            taken.append(name)
    return taken


async def status(database: "str | Connection", *, folder: Path | None = None) -> list[Status]:
    """Every step that the files or the database know, in order."""
    known = {migration.version: migration for migration in load(folder)}
    async with ddl.connected(database) as connection:
        applied = await _applied(connection)
    lines: list[Status] = []
    for version in sorted(known.keys() | applied.keys()):
        if version not in applied:
            lines.append(Status(known[version].name, "pending"))
            continue
        row = applied[version]
        if version not in known:
            lines.append(Status(row.name, "unknown", row.applied_at))
        else:
            same = row.checksum == known[version].checksum
            lines.append(Status(row.name, "applied" if same else "changed", row.applied_at))
    return lines


async def pending(database: "str | Connection", *, folder: Path | None = None) -> list[str]:
    """The steps this release needs and the database lacks; cheap enough for every `/ready`."""
    async with ddl.connected(database) as connection:
        applied = await _applied(connection)
        foreign = await home.is_foreign(connection)
    lacking = [migration.name for migration in load(folder) if migration.version not in applied]
    return lacking + [home.SETTLING] if foreign else lacking


@functools.cache
def load(folder: Path | None = None) -> tuple[Migration, ...]:
    """The pairs in order.

    Raises:
        MigrationError: a pair is incomplete or a number is used twice.
    """
    folder = folder or FOLDER
    if folder is None:
        raise MigrationError("the folder of migrations is missing from this installation")
    texts: dict[str, dict[str, str]] = {}
    for path in sorted(folder.iterdir()):
        if match := _FILE.fullmatch(path.name):
            texts.setdefault(match["name"], {})[match["way"]] = path.read_text(encoding="utf-8")
    migrations: list[Migration] = []
    for name, ways in sorted(texts.items()):
        if ways.keys() != {"up", "down"}:
            raise MigrationError(f"{name} has only a way {''.join(ways)}")
        version = int(name[:6])
        if migrations and migrations[-1].version == version:
            raise MigrationError(f"{migrations[-1].name} and {name} have the same number")
        migrations.append(Migration(version, name, ways["up"], ways["down"]))
    if not migrations:
        raise MigrationError(f"there are no migrations in {folder}")
    return tuple(migrations)


async def _applied(connection: "Connection") -> dict[int, Applied]:
    if await connection.fetchval("SELECT to_regclass('schema_migrations')") is None:
        return {}
    rows = await connection.fetch("SELECT version, name, checksum, applied_at FROM schema_migrations")
    return {row["version"]: Applied(**row) for row in rows}


def _next(migrations: Sequence[Migration], applied: Mapping[int, Applied], target: int | None) -> Migration | None:
    _refuse_changes(migrations, applied)
    for migration in migrations:
        if migration.version not in applied and (target is None or migration.version <= target):
            return migration
    return None


def _refuse_changes(migrations: Sequence[Migration], applied: Mapping[int, Applied]) -> None:
    skipped: Migration | None = None
    for migration in migrations:
        row = applied.get(migration.version)
        if row is None:
            skipped = skipped or migration
        elif row.checksum != migration.checksum:
            raise MigrationError(f"{row.name} was changed after it was applied")
        elif skipped is not None:
            raise MigrationError(f"{skipped.name} was left out before {row.name} was applied")


async def _execute(connection: "Connection", sql: str, file: str) -> None:
    try:
        await connection.execute(sql)
    except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
        raise
    except asyncpg.PostgresError as error:
        place = getattr(error, "position", None)
        line = f" line {sql.count(chr(10), 0, int(place)) + 1}" if place else ""
        raise MigrationError(f"{file}{line}: {ddl.one_line(error)}") from error
