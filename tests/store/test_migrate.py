"""The runner of migrations, and the pairs it runs."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from causerie.store import migrate
from causerie.store.ddl import SchemaError
from causerie.store.migrate import MigrationError
from tests.support.catalogue import schema_of
from tests.support.stores import database, execute

NAMES = [migration.name for migration in migrate.load()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two migrations of a small schema."""
    write(tmp_path, "000001_people", "CREATE TABLE people (id integer PRIMARY KEY);", "DROP TABLE people;")
    write(tmp_path, "000002_names", "ALTER TABLE people ADD name text;", "ALTER TABLE people DROP name;")
    return tmp_path


@pytest.fixture
def drawn_database_url(postgres_server: str) -> Iterator[str]:
    """A database made from the drawn schema."""
    assert migrate.FOLDER is not None
    with database(postgres_server) as url:
        asyncio.run(execute(url, (migrate.FOLDER / "schema.sql").read_text()))
        yield url


def write(folder: Path, name: str, up: str, down: str = "SELECT 1;") -> None:
    (folder / f"{name}.up.sql").write_text(up)
    (folder / f"{name}.down.sql").write_text(down)
    migrate.load.cache_clear()


# The pairs


async def test_all_ups_together_make_the_drawn_schema(empty_database_url: str, drawn_database_url: str) -> None:
    await migrate.up(empty_database_url)

    assert await schema_of(empty_database_url) == await schema_of(drawn_database_url)


async def test_every_down_undoes_its_up(empty_database_url: str) -> None:
    for migration in migrate.load():
        before = await schema_of(empty_database_url)

        assert await migrate.up(empty_database_url, target=migration.version) == [migration.name]
        assert await migrate.down(empty_database_url) == [migration.name]
        assert await schema_of(empty_database_url) == before

        await migrate.up(empty_database_url, target=migration.version)


async def test_all_downs_leave_nothing_even_with_partitions_and_rows(database_url: str) -> None:
    await execute(database_url, "INSERT INTO users (id, display_name) VALUES ('ann', 'Ann')")

    assert await migrate.down(database_url, steps=len(NAMES)) == NAMES[::-1]

    assert [line for line in await schema_of(database_url) if not line.startswith("extension ")] == []


def test_no_migration_ends_the_transaction_it_runs_in() -> None:
    ends = re.compile(r"^\s*(BEGIN|COMMIT|ROLLBACK|START TRANSACTION|END)\s*;", re.IGNORECASE | re.MULTILINE)

    for migration in migrate.load():
        assert not ends.search(migration.up + migration.down), migration.name


# The runner


async def test_eight_runners_at_once_apply_each_step_once(empty_database_url: str) -> None:
    answers = await asyncio.gather(*(migrate.up(empty_database_url) for _ in range(8)))

    assert sorted(name for answer in answers for name in answer) == NAMES
    assert await migrate.pending(empty_database_url) == []


async def test_pending_names_what_is_missing(empty_database_url: str, folder: Path) -> None:
    assert await migrate.pending(empty_database_url, folder=folder) == ["000001_people", "000002_names"]

    await migrate.up(empty_database_url, target=1, folder=folder)

    connection = await asyncpg.connect(empty_database_url)
    assert await migrate.pending(connection, folder=folder) == ["000002_names"]
    await connection.close()


async def test_status_tells_applied_pending_changed_and_unknown_steps(empty_database_url: str, folder: Path) -> None:
    write(folder, "000003_more", "SELECT 1;")
    await migrate.up(empty_database_url, folder=folder)
    write(folder, "000002_names", "ALTER TABLE people ADD name varchar;")
    write(folder, "000004_later", "SELECT 1;")
    for way in ("up", "down"):
        (folder / f"000003_more.{way}.sql").unlink()
    migrate.load.cache_clear()

    lines = await migrate.status(empty_database_url, folder=folder)

    assert [(line.name, line.state) for line in lines] == [
        ("000001_people", "applied"),
        ("000002_names", "changed"),
        ("000003_more", "unknown"),
        ("000004_later", "pending"),
    ]


async def test_a_failing_step_leaves_nothing_and_names_its_line(empty_database_url: str, folder: Path) -> None:
    write(folder, "000003_wrong", "CREATE TABLE pets (id integer);\nALTER TABLE nobody ADD name text;\n")

    with pytest.raises(MigrationError, match=r'000003_wrong\.up\.sql.*"nobody" does not exist'):
        await migrate.up(empty_database_url, folder=folder)

    assert await migrate.pending(empty_database_url, folder=folder) == ["000003_wrong"]
    assert not any("pets" in line for line in await schema_of(empty_database_url))


async def test_a_syntax_error_is_told_by_its_line(empty_database_url: str, folder: Path) -> None:
    write(folder, "000003_wrong", "SELECT 1;\n\nCREATE TABEL pets ();\n")

    with pytest.raises(MigrationError, match=r"000003_wrong\.up\.sql line 3: syntax error"):
        await migrate.up(empty_database_url, folder=folder)


async def test_a_step_changed_after_it_was_applied_stops_the_run(empty_database_url: str, folder: Path) -> None:
    await migrate.up(empty_database_url, folder=folder)
    write(folder, "000001_people", "CREATE TABLE people (id bigint PRIMARY KEY);")

    for run in (migrate.up(empty_database_url, folder=folder), migrate.down(empty_database_url, folder=folder)):
        with pytest.raises(MigrationError, match="000001_people was changed after it was applied"):
            await run


async def test_a_step_left_out_stops_the_run(empty_database_url: str, folder: Path) -> None:
    write(folder, "000004_late", "SELECT 1;")
    await migrate.up(empty_database_url, folder=folder)
    write(folder, "000003_forgotten", "SELECT 1;")

    with pytest.raises(MigrationError, match="000003_forgotten was left out before 000004_late"):
        await migrate.up(empty_database_url, folder=folder)


async def test_an_older_release_runs_beside_a_newer_schema_but_does_not_undo_it(
    empty_database_url: str, folder: Path
) -> None:
    await migrate.up(empty_database_url, folder=folder)
    for way in ("up", "down"):
        (folder / f"000002_names.{way}.sql").unlink()
    migrate.load.cache_clear()

    assert await migrate.up(empty_database_url, folder=folder) == []
    with pytest.raises(MigrationError, match="000002_names is of a newer release"):
        await migrate.down(empty_database_url, folder=folder)


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ([], "there are no migrations"),
        (["000001_a.up.sql"], "000001_a has only a way up"),
        (["000001_a.up.sql", "000001_a.down.sql", "000001_b.up.sql", "000001_b.down.sql"], "have the same number"),
    ],
)
def test_incomplete_folders_are_refused(tmp_path: Path, files: list[str], complaint: str) -> None:
    for name in files:
        (tmp_path / name).write_text("SELECT 1;")
    migrate.load.cache_clear()

    with pytest.raises(MigrationError, match=complaint):
        migrate.load(tmp_path)


async def test_a_target_that_does_not_exist_is_refused(empty_database_url: str, folder: Path) -> None:
    with pytest.raises(MigrationError, match="there is no migration 000007"):
        await migrate.up(empty_database_url, target=7, folder=folder)


async def test_a_lock_nobody_gives_back_ends_the_run_with_one_line(empty_database_url: str, folder: Path) -> None:
    await migrate.up(empty_database_url, target=1, folder=folder)
    reader = await asyncpg.connect(empty_database_url)
    async with reader.transaction():
        await reader.execute("SELECT FROM people")

        with pytest.raises(SchemaError, match=r"^migrate up: no lock within 0\.5 s[^\n]*$"):
            await migrate.up(empty_database_url, folder=folder, patience_seconds=0.5)

    await reader.close()
    assert await migrate.up(empty_database_url, folder=folder) == ["000002_names"]


async def test_a_server_that_is_away_is_told_without_the_password() -> None:
    with pytest.raises(SchemaError, match="PostgreSQL cannot be reached") as refusal:
        await migrate.up("postgresql://ann:sesame@127.0.0.1:1/causerie")

    assert "sesame" not in str(refusal.value)
    assert "\n" not in str(refusal.value)
