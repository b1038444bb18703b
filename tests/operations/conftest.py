"""A platform an operator looks after: fresh stores, and a second PostgreSQL beside the first."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from causerie.embedded import Postgres
from causerie.embedded.ports import Ports
from tests.conftest import on_stores
from tests.support.stores import running


@pytest.fixture
def operator(database_url: str, redis_url: str, nats_url: str) -> dict[str, str]:
    """The environment in which the pages' commands are pasted."""
    return on_stores(database_url, redis_url, nats_url)


@pytest.fixture(scope="session")
def other_postgres(stores_home: Path) -> Iterator[Postgres]:
    """Another server, with an identity of its own."""
    with running(Postgres(stores_home, Ports(stores_home / "other.ports"), name="other")) as server:
        yield server
