"""Caches to try: one node with all slots and three nodes share every test; some servers are there to be harmed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from causerie.cache import Cache
from tests.support import stores
from tests.support.fault_proxy import FaultProxy, fault_loop
from tests.support.valkey_cluster import ValkeyCluster


@pytest.fixture(scope="session")
def three_nodes(stores_home: Path) -> Iterator[str]:
    with stores.running(ValkeyCluster(stores_home / "three")) as cluster:
        yield cluster.url


@pytest.fixture(params=["one node", "three nodes"])
def some_redis_url(request: pytest.FixtureRequest) -> str:
    """An empty Redis, once as one node and once as three."""
    if request.param == "one node":
        url: str = request.getfixturevalue("redis_url")
    else:
        url = request.getfixturevalue("three_nodes")
        stores.flush(url)
    return url


@pytest.fixture
async def cache(some_redis_url: str) -> AsyncIterator[Cache]:
    cache = await Cache.connect(some_redis_url, call_seconds=stores.CACHE_PATIENCE_SECONDS)
    yield cache
    await cache.close()


@pytest.fixture
def fragile_cluster(tmp_path: Path) -> Iterator[ValkeyCluster]:
    """A cluster of one test's own, not started yet."""
    cluster = ValkeyCluster(tmp_path)
    yield cluster
    asyncio.run(cluster.stop())


@dataclass
class ProxiedCluster:
    """Nodes, and the wires to them: what stands before a dead node still takes connections, as a Service may."""

    cluster: ValkeyCluster
    wires: list[FaultProxy]


@pytest.fixture
def proxied_cluster(tmp_path: Path) -> Iterator[ProxiedCluster]:
    """As `fragile_cluster`, and everybody reaches it by way of proxies."""
    wires: list[FaultProxy] = []
    with fault_loop() as proxies:

        def wired(port: int) -> int:
            wires.append(proxies.proxy(f"redis://127.0.0.1:{port}"))
            return wires[-1].port

        cluster = ValkeyCluster(tmp_path, announced=wired)
        yield ProxiedCluster(cluster, wires)
        asyncio.run(cluster.stop())
