"""One fleet and one Prometheus for all live proofs: they are dear, and none minds what another left behind."""

import asyncio
from collections.abc import Iterator

import pytest

from dashboards import alerts, rules, service_levels
from tests.journeys.fleet import BRISK
from tests.observability.prometheus import Prometheus
from tests.observability.watched import WatchedFleet
from tests.support.services import Services
from tests.support.waiting import eventually

SCRAPED_SECONDS = 30.0
HASTEN = 6
"""By how much windows and waits are shorter: two minutes of an operator are twenty seconds here."""


@pytest.fixture(scope="module")
def whole_fleet(module_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedFleet]:
    with Services(module_environment | BRISK, tmp_path_factory.mktemp("fleet")) as services:
        fleet = WatchedFleet(services)
        asyncio.run(fleet.start())
        yield fleet


@pytest.fixture(scope="module")
def prometheus(whole_fleet: WatchedFleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    home = tmp_path_factory.mktemp("prometheus")
    hastened = home / "rules.yaml"
    hastened.write_text(rules.render([*service_levels.groups(), *alerts.GROUPS], hasten=HASTEN))
    running = Prometheus(home, [hastened])
    asyncio.run(running.start())
    running.scrape(whole_fleet.everything)
    yield running
    asyncio.run(running.stop())


@pytest.fixture
async def fleet(whole_fleet: WatchedFleet, prometheus: Prometheus) -> WatchedFleet:
    """The module's fleet with everything running, each process scraped where it is now."""
    await whole_fleet.revive()
    await watch(whole_fleet, prometheus)
    return whole_fleet


async def watch(fleet: WatchedFleet, prometheus: Prometheus) -> None:
    """Let each process be scraped where it is now, and wait until it is."""
    prometheus.scrape(fleet.everything)

    async def all_scraped() -> bool:
        answering = await prometheus.query("sum(up)")
        assert await prometheus.not_scraped() == []
        return [series.points[0][1] for series in answering] == [len(fleet.everything)]

    await eventually(all_scraped, timeout_seconds=SCRAPED_SECONDS)
