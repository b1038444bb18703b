"""The same rows under another timeline are another history: what was read in one is not continued in the other."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from causerie.embedded import Postgres
from causerie.embedded.ports import Ports
from causerie.store import Store, migrate
from causerie.store.sync import sync
from tests.store.conftest import ANN, BEN, a_conversation


@pytest.fixture
async def primary(stores_home: Path) -> AsyncIterator[Postgres]:
    """A PostgreSQL of this test's own, to be followed by another."""
    home = stores_home / "to-be-followed"
    home.mkdir(mode=0o755, exist_ok=True)
    postgres = Postgres(home, Ports(home / "ports"))
    await postgres.start()
    await migrate.up(postgres.url)
    yield postgres
    await postgres.stop()


async def test_a_cursor_of_before_a_promotion_is_not_continued_after_it(primary: Postgres, stores_home: Path) -> None:
    """The promoted server may lack what the cursor has passed, and give its numbers to something else."""
    store = await Store.connect(primary.url, announce=lambda events: None)
    group = await a_conversation(store, ANN, BEN)
    cursor = str((await sync(store, BEN, None))["next_cursor"])
    home = stores_home / "to-be-followed"
    standby = Postgres(home, Ports(home / "standby.ports"), name="standby", standby_of=primary.url)
    await standby.start()
    await standby.promote()

    promoted = await Store.connect(standby.url, announce=lambda events: None)
    page = await sync(promoted, BEN, cursor)

    assert page["recovered"] is False
    assert [reset["conversation_id"] for reset in page["resets"]] == [str(group)]
    assert (await sync(store, BEN, cursor))["recovered"] is True
    await promoted.close()
    await store.close()
    await standby.stop()
