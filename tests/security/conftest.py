"""A house to attack for all of these tests; gone with the last of them, for the next ones share its NATS."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.security.house import House, a_house, environment
from tests.support import stores
from tests.support.services import Services


@pytest.fixture(scope="package")
def house_environment(
    postgres_server: str, migrated_template: str, valkey_server: str, nats_server: str
) -> Iterator[dict[str, str]]:
    with stores.database(postgres_server, template=migrated_template) as database_url:
        yield environment(database_url, valkey_server, nats_server)


@pytest.fixture(scope="package")
def house(house_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with a_house(house_environment, tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.fixture
def own(house_environment: dict[str, str], tmp_path: Path) -> Iterator[Services]:
    """Starts services of one test's own: `gateway = await own.start("gateway", CAUSERIE_…="…")`."""
    with Services(house_environment, tmp_path) as started:
        yield started
