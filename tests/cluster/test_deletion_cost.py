"""Which gateway a cluster takes first: costs follow connections in coarse steps, by one worker; failing is harmless."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

from causerie.bus.envelopes import Heartbeat
from causerie.cluster import Cluster
from causerie.lifetime import beside
from causerie.store.leases import Lease
from services.worker import deletion_cost
from services.worker.deletion_cost import MAX_WRITES, REST_SECONDS, CostKeeper, Costs, rounded
from services.worker.shard import Shard
from tests.cluster.apiserver import COST, ApiServer, Trouble
from tests.gateway.client import token_of
from tests.gateway.raw import Wire, wire_to
from tests.support.services import Service, Services
from tests.support.waiting import eventually

ONE, TWO = "gateway-7c5-aaaaa", "gateway-7c5-bbbbb"


def a_heartbeat(pod: str, connections: int, *, draining: bool = False) -> Heartbeat:
    return Heartbeat(f"gateway-{pod or connections}", "gateway", 0, connections, draining, 60.0, pod)


# ── the rule ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_pod_is_written_once_and_then_only_when_its_connections_are_far_from_it() -> None:
    costs, now = Costs(), 1_000.0
    written: list[int] = []
    for count in [0, 20, 49, 51, 60, 80, 100, 150, 200, 1_000, 1_100, 1_190, 1_201, 900]:
        now += REST_SECONDS
        for pod, cost in costs.due([a_heartbeat(ONE, count)], now=now).items():
            costs.wrote(pod, cost, now=now)
            written.append(cost)

    assert written == [0, 51, 150, 1_000, 1_200, 900]


def test_a_gateway_that_fills_up_fast_is_not_written_at_every_look() -> None:
    costs = Costs()
    costs.wrote(ONE, 0, now=0.0)

    assert costs.due([a_heartbeat(ONE, 5_000)], now=REST_SECONDS - 1) == {}
    assert costs.due([a_heartbeat(ONE, 8_000)], now=REST_SECONDS) == {ONE: 8_000}


def test_who_leaves_anyhow_and_who_is_in_no_pod_is_not_written() -> None:
    assert Costs().due([a_heartbeat(ONE, 500, draining=True), a_heartbeat("", 500)], now=0.0) == {}


def test_a_large_fleet_is_written_a_few_at_a_time() -> None:
    costs = Costs()
    fleet = [a_heartbeat(f"gateway-{number}", 500) for number in range(MAX_WRITES + 5)]
    first = costs.due(fleet, now=0.0)
    for pod, cost in first.items():
        costs.wrote(pod, cost, now=0.0)

    assert len(first) == MAX_WRITES
    assert len(costs.due(fleet, now=5.0)) == 5


@pytest.mark.parametrize(("count", "cost"), [(0, 0), (7, 7), (51, 51), (149, 150), (1_249, 1_200), (98_765, 99_000)])
def test_only_two_digits_matter(count: int, cost: int) -> None:
    assert rounded(count) == cost


# ── the keeper and an API ───────────────────────────────────────────────────────────────────────────────────────────


class Watch:
    """A keeper that looks often, and gateways that say what a test wants."""

    def __init__(self, keeper: CostKeeper, shards: dict[int, Shard]) -> None:
        self.keeper, self.shards = keeper, shards

    def say(self, **connections: int) -> None:
        for pod, count in connections.items():
            self.keeper.hear(a_heartbeat(pod, count))

    async def until(self, holds: Callable[[], bool], **connections: int) -> None:
        def said_and_held() -> bool:
            self.say(**connections)
            return holds()

        await eventually(said_and_held)


@pytest.fixture
async def watch(
    account: Path, pod_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Watch]:
    for name, value in pod_environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(deletion_cost, "ROUND_SECONDS", 0.1)
    monkeypatch.setattr(deletion_cost, "REST_SECONDS", 0.3)
    cluster = Cluster.around_us(account)
    assert cluster is not None
    shards = {0: Shard(Lease(0, 1, 0), epoch="e", deadline=time.monotonic() + 600)}
    keeper = CostKeeper(cluster, shards)
    async with beside(keeper.run()):
        yield Watch(keeper, shards)


async def test_a_cluster_that_is_busy_for_a_while_gets_the_costs_later(watch: Watch, api: ApiServer) -> None:
    api.add("one")
    api.troubles.extend([Trouble(status=429, retry_after=1), Trouble(status=409), Trouble(reset=True)])

    await watch.until(lambda: api.annotations("one").get(COST) == "500", one=500)

    assert not api.troubles
    assert api.written() == ["one"]


async def test_a_pod_that_is_gone_keeps_nobody_from_the_others(watch: Watch, api: ApiServer) -> None:
    api.add("two")

    await watch.until(lambda: api.annotations("two").get(COST) == "300", one=500, two=300)
    await watch.until(lambda: api.annotations("two").get(COST) == "600", one=500, two=600)

    assert [call.status for call in api.calls if call.pod == "one"] == [404]


async def test_without_leave_the_cluster_is_asked_once_and_left_in_peace(watch: Watch, api: ApiServer) -> None:
    api.add("one")
    api.verbs.discard("patch")
    await watch.until(lambda: bool(api.calls), one=500)
    api.verbs.add("patch")

    with suppress(AssertionError):
        await eventually(lambda: watch.say(one=500) or len(api.calls) > 1, timeout_seconds=1.5)

    assert [call.status for call in api.calls] == [403]


async def test_whoever_owns_the_shard_no_longer_writes_no_longer(watch: Watch, api: ApiServer) -> None:
    api.add("one")
    await watch.until(lambda: api.annotations("one").get(COST) == "500", one=500)
    watch.shards[0].is_over = True

    with suppress(AssertionError):
        await eventually(lambda: watch.say(one=900) or len(api.calls) > 1, timeout_seconds=1.0)

    assert api.annotations("one")[COST] == "500"


# ── as it runs in a cluster ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def cloud(
    module_environment: dict[str, str],
    account: Path,
    pod_environment: dict[str, str],
    tmp_path: Path,
) -> Iterator[Services]:
    environment = {
        **module_environment,
        "CAUSERIE_SERVICE_ACCOUNT": str(account),
        # The guests answer no pings, and stay where they are.
        "CAUSERIE_HEARTBEAT_SECONDS": "600",
        "CAUSERIE_REBALANCE_PER_SECOND": "0",
        **pod_environment,
    }
    with Services(environment, tmp_path) as started:
        yield started


Crowded = Callable[[Service, int], Awaitable[list[Wire]]]


@pytest.fixture
async def crowded() -> AsyncIterator[Crowded]:
    """So many people at a gateway."""
    async with AsyncExitStack() as stack:

        async def connect(gateway: Service, count: int) -> list[Wire]:
            wires = [await stack.enter_async_context(wire_to(gateway.port)) for _ in range(count)]
            for number, wire in enumerate(wires):
                head = await wire.upgrade(f"Authorization: Bearer {token_of(f'guest-{gateway.port}-{number}')}")
                assert head.status == 101
            return wires

        yield connect


async def test_the_emptier_gateway_costs_less_and_each_pod_is_written_once(
    cloud: Services, api: ApiServer, crowded: Crowded
):
    api.add(ONE)
    api.add(TWO)
    one = await cloud.start("gateway", POD_NAME=ONE)
    await cloud.start("gateway", POD_NAME=TWO)
    await crowded(one, 40)
    await eventually(lambda: _holds(one, 40))

    await cloud.start("worker")

    await eventually(lambda: COST in api.annotations(ONE) and COST in api.annotations(TWO), timeout_seconds=40.0)
    assert (api.annotations(ONE)[COST], api.annotations(TWO)[COST]) == ("40", "0")
    assert sorted(api.written()) == [ONE, TWO]


async def _holds(gateway: Service, count: int) -> bool:
    return f'causerie_gateway_connections{{dialect="native"}} {count}.0' in await gateway.metrics()
