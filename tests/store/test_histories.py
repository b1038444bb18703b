"""Rows that were once the same may go on in another way: what was read in one history is not continued in another."""

import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from causerie.embedded import Postgres
from causerie.embedded.ports import Ports
from causerie.store import Store, migrate
from causerie.store.sync import sync
from tests.store.conftest import ANN, BEN, a_conversation, a_draft

T = TypeVar("T")


@pytest.fixture
async def primary(home: Path) -> AsyncIterator[Postgres]:
    """A PostgreSQL of this test's own."""
    postgres = Postgres(home, Ports(home / "ports"))
    await postgres.start()
    await migrate.up(postgres.url)
    yield postgres
    await postgres.stop()


@pytest.fixture
def home(stores_home: Path) -> Iterator[Path]:
    directory = stores_home / "histories"
    directory.mkdir(mode=0o755)
    yield directory
    shutil.rmtree(directory)


async def test_a_cursor_of_before_a_promotion_is_not_continued_after_it(primary: Postgres, home: Path) -> None:
    """The promoted server may lack what the cursor has passed, and give its numbers to something else."""
    store = await Store.connect(primary.url, announce=lambda events: None)
    group = await a_conversation(store, ANN, BEN)
    cursor = str((await sync(store, BEN, None))["next_cursor"])
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


async def test_a_cursor_is_not_continued_when_the_disk_was_put_back_to_before_it(primary: Postgres, home: Path) -> None:
    """Neither the server's name nor its timeline tells of that; only that the cursor comes from the future does."""
    group = await _in(primary, lambda store: a_conversation(store, ANN, BEN))
    await primary.stop()
    subprocess.run(["cp", "-a", str(home / "postgres"), str(home / "kept")], check=True, timeout=30)
    await primary.start()

    async def go_on(store: Store) -> str:
        for _ in range(3):
            await store.posts.submit(a_draft(group))
        return str((await sync(store, BEN, None))["next_cursor"])

    cursor = await _in(primary, go_on)
    await primary.stop()
    shutil.rmtree(home / "postgres")
    (home / "kept").rename(home / "postgres")
    await primary.start()
    page = await _in(primary, lambda store: sync(store, BEN, cursor))

    assert page["recovered"] is False
    assert [(reset["conversation_id"], reset["seq"]) for reset in page["resets"]] == [(str(group), 1)]


async def _in(server: Postgres, work: Callable[[Store], Awaitable[T]]) -> T:
    store = await Store.connect(server.url, announce=lambda events: None)
    try:
        return await work(store)
    finally:
        await store.close()
