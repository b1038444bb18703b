"""The schema is worked on while people talk: nobody is refused and nobody waits long."""

import asyncio
from pathlib import Path

import pytest

from causerie.store import migrate, partitions
from tests.journeys.fleet import Fleet
from tests.journeys.traffic import traffic

PATIENCE_SECONDS = 5.0
"""How long one send may take meanwhile: work on the schema asks for its locks briefly and again."""
FOLDER = Path(__file__).resolve().parents[2] / "migrations"


@pytest.fixture
def a_newer_release(tmp_path: Path) -> Path:
    """The migrations of this release and one more, which touches what every post writes."""
    for file in FOLDER.glob("[0-9]*.sql"):
        (tmp_path / file.name).write_text(file.read_text())
    name = tmp_path / "000999_a_newer_release"
    name.with_suffix(".up.sql").write_text(
        "ALTER TABLE messages ADD COLUMN mood text;\nALTER TABLE conversations ADD COLUMN topic text;\n"
    )
    name.with_suffix(".down.sql").write_text(
        "ALTER TABLE conversations DROP COLUMN topic;\nALTER TABLE messages DROP COLUMN mood;\n"
    )
    return tmp_path


async def test_a_migration_goes_up_and_down_while_people_talk(
    fleet: Fleet, module_database_url: str, a_newer_release: Path
):
    async with traffic(fleet) as flow:
        assert await migrate.up(module_database_url, folder=a_newer_release) == ["000999_a_newer_release"]
        await flow.flowed(40)
        assert await migrate.down(module_database_url, folder=a_newer_release) == ["000999_a_newer_release"]
        await flow.flowed(40)
        await flow.stop()

        await flow.converged()
        assert flow.slowest_seconds < PATIENCE_SECONDS


async def test_partitions_are_made_and_dropped_while_people_talk(fleet: Fleet, module_database_url: str):
    async with traffic(fleet) as flow:
        for months_ahead in (4, 5, 6):
            await asyncio.gather(*(partitions.ensure(module_database_url, months_ahead=months_ahead) for _ in range(2)))
            await partitions.retain(module_database_url, months=12)
            await flow.flowed(20)
        await flow.stop()

        await flow.converged()
        assert flow.slowest_seconds < PATIENCE_SECONDS
