"""A gateway that loses patience sooner than in production, and more files than a shell allows."""

import resource
from collections.abc import Iterator

import pytest

from tests.support.gateways import gateway, own, platform, staff

__all__ = ("gateway", "own", "platform", "staff")

SLOW_SECONDS = 2.0


@pytest.fixture(scope="module")
def environment(module_environment: dict[str, str]) -> dict[str, str]:
    return {
        **module_environment,
        "CAUSERIE_DRAIN_SECONDS": "1",
        "CAUSERIE_SLOW_SECONDS": str(SLOW_SECONDS),
        "CAUSERIE_SENDS_PER_SECOND": "10000",
        "CAUSERIE_SENDS_BURST": "10000",
        # Beside the gateway of the module, which is empty, the one of a test holds more than its share.
        "CAUSERIE_REBALANCE_PER_SECOND": "0",
    }


@pytest.fixture(scope="session", autouse=True)
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
