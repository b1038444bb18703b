"""Release N-1 beside N under people who talk, and back again: `make upgrade-proof FROM=v0.1.0`.

Not a part of the suite: it takes the release before out of the repository's history, which not every checkout has.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.fleet import BRISK, EACH, SERVICES, Fleet
from tests.journeys.traffic import traffic
from tests.operations.pages import REPOSITORY
from tests.support.services import Service, Services

FROM = os.environ["FROM"]
BETWEEN = 40
"""Messages between one process replaced and the next."""


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources of the release before."""
    folder = tmp_path_factory.mktemp("before") / "sources"
    for command in (["clone", "--quiet", str(REPOSITORY), str(folder)], ["-C", str(folder), "checkout", "-q", FROM]):
        subprocess.run(["git", *command], check=True)
    return folder


@pytest.fixture
def operator(empty_database_url: str, redis_url: str, nats_url: str) -> dict[str, str]:
    return {"DATABASE_URL": empty_database_url, "REDIS_URL": redis_url, "NATS_URL": nats_url}


@pytest.fixture
def services(operator: dict[str, str], tmp_path: Path) -> Iterator[Services]:
    secret = {"CAUSERIE_JWT_SECRET": "a-secret-for-tests-alone-and-long-enough"}
    with Services(operator | secret | BRISK, tmp_path) as started:
        yield started


@pytest.mark.timeout(1800)
async def test_release_by_release_and_back_loses_nothing(
    operator: dict[str, str], services: Services, before: Path
) -> None:
    # The folder of the working directory would come before every other one.
    old = {"PYTHONPATH": str(before), "PYTHONSAFEPATH": "1"}
    for way in (["migrate", "up"], ["partitions", "ensure"]):
        causerie(way, operator | old)
    fleet = Fleet(services)
    started = await asyncio.gather(*(services.start(name, **old) for name in SERVICES for _ in range(EACH)))
    for service in started:
        fleet.running[service.name].append(service)

    async with traffic(fleet) as flow:
        causerie(["migrate", "up"], operator)
        await flow.flowed(BETWEEN)
        for release in ({}, old):
            for name in SERVICES:
                for place in range(EACH):
                    fleet.running[name][place] = await replaced(services, fleet.running[name][place], release)
                    await flow.flowed(BETWEEN, timeout_seconds=60)
        await flow.stop()
        await flow.converged(timeout_seconds=60)
        sys.stdout.write(
            f"{len(flow.acknowledged)} messages from {FROM} to this release and back, slowest send "
            f"{flow.slowest_seconds:.2f} s\n"
        )


async def replaced(services: Services, service: Service, release: dict[str, str]) -> Service:
    """The same place, another release."""
    await service.stop()
    return await services.start(service.name, port=service.port, **release)


def causerie(arguments: list[str], environment: dict[str, str]) -> None:
    subprocess.run(
        [sys.executable, "-m", "causerie", *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), **environment},
        check=True,
        timeout=120,
    )
