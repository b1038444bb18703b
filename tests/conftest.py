"""What every test may ask for: the real stores, a migrated database, services as processes."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from causerie.embedded import Valkey
from causerie.embedded.ports import Ports
from tests.support import stores
from tests.support.services import Services

pytest_plugins = ["tests.support.stalls"]
# How long an example takes says how busy the machine is.
settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")

TESTS = Path(__file__).parent
JWT_SECRET = "a-secret-for-tests-alone-and-long-enough"
LONGEST_FIRST = (
    *("faults", "clocks", "readers", "soak", "rollout", "journeys", "observability"),
    *("operations", "loadtest", "web", "cluster", "canary", "charts"),
    *("worker", "cli", "cache", "embedded", "poison", "bad_input", "store", "security", "gateway", "api"),
)
"""Folders whose files mostly wait and take longest: begun last they would leave the other test processes idle.

What is not named here comes last and has no test of more than a few seconds.
"""


def on_stores(database_url: str, redis_url: str, nats_url: str) -> dict[str, str]:
    """What any service needs to run against these stores."""
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "NATS_URL": nats_url,
        "CAUSERIE_JWT_SECRET": JWT_SECRET,
    }


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files are handed to test processes in the order of collection (`--no-loadscope-reorder`)."""
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    folder = item.path.relative_to(TESTS).parts[0]
    return LONGEST_FIRST.index(folder) if folder in LONGEST_FIRST else len(LONGEST_FIRST)


@pytest.fixture(scope="session")
def stores_home() -> Iterator[Path]:
    with stores.temporary_home() as home:
        yield home


@pytest.fixture(scope="session")
def postgres_server(stores_home: Path) -> Iterator[str]:
    """The address of PostgreSQL itself; tests of the platform ask for `database_url`."""
    with stores.postgres_url(stores_home) as url:
        yield url


@pytest.fixture(scope="session")
def valkey_server(stores_home: Path) -> Iterator[str]:
    with stores.valkey_url(stores_home) as url:
        yield url


@pytest.fixture(scope="session")
def nats_server(stores_home: Path) -> Iterator[str]:
    with stores.nats_server_url(stores_home) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_template(postgres_server: str) -> Iterator[str]:
    """The name of a database that has been migrated once, to be copied."""
    from causerie.store import migrate, partitions

    with stores.database(postgres_server) as url:
        asyncio.run(migrate.up(url))
        asyncio.run(partitions.ensure(url, months_ahead=3))
        yield url.rpartition("/")[2]


@pytest.fixture
def empty_database_url(postgres_server: str) -> Iterator[str]:
    """A database without a schema."""
    with stores.database(postgres_server) as url:
        yield url


@pytest.fixture
def database_url(postgres_server: str, migrated_template: str) -> Iterator[str]:
    """A fresh migrated database for one test."""
    with stores.database(postgres_server, template=migrated_template) as url:
        yield url


@pytest.fixture(scope="module")
def module_database_url(postgres_server: str, migrated_template: str) -> Iterator[str]:
    """A fresh migrated database for one module, where tests do not mind each other's rows."""
    with stores.database(postgres_server, template=migrated_template) as url:
        yield url


@pytest.fixture
def redis_url(valkey_server: str) -> str:
    """An empty Redis in cluster mode."""
    stores.flush(valkey_server)
    return valkey_server


@pytest.fixture
def nats_url(nats_server: str) -> str:
    """A NATS nobody else uses meanwhile."""
    return nats_server


@pytest.fixture
def fragile_valkey(tmp_path: Path) -> Iterator[Valkey]:
    """A Redis of one test's own; a relay would not do, for a cluster tells its clients where it really is."""
    with stores.running(Valkey(tmp_path, Ports(tmp_path / "ports"))) as server:
        yield server


@pytest.fixture(scope="module")
def module_environment(module_database_url: str, valkey_server: str, nats_server: str) -> dict[str, str]:
    """What a service needs to run against the stores of this module."""
    return on_stores(module_database_url, valkey_server, nats_server)


@pytest.fixture
def service_environment(database_url: str, redis_url: str, nats_url: str) -> dict[str, str]:
    """What a service needs to run against the stores of this test."""
    return on_stores(database_url, redis_url, nats_url) | {"CAUSERIE_DRAIN_SECONDS": "2"}


@pytest.fixture
def services(service_environment: dict[str, str], tmp_path: Path) -> Iterator[Services]:
    """Starts services as processes: `api = await services.start("api")`; all are ended after the test."""
    with Services(service_environment, tmp_path) as started:
        yield started
