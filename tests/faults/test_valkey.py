"""Three Valkey primaries with a replica each: one killed, all frozen, all wiped, and the wires to them spoilt.

Redis only makes things faster: no send may fail or wait for it, and what it told is right again soon after.
Its nodes announce proxies, so every wire of a client is in our hands; the bus between the nodes is not, and a
failover is decided there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from causerie.client import Client
from tests.faults.bystander import standing_by
from tests.faults.wired import WiredFleet, endure, heals
from tests.journeys.fleet import people
from tests.journeys.test_one_stream import (  # noqa: F401 - collected here, they run on three nodes
    test_members_on_different_gateways_see_the_same_events_in_the_same_order,
    test_the_same_key_sixteen_times_at_once_through_every_door_is_one_message,
)
from tests.journeys.traffic import Traffic, traffic
from tests.support import stores
from tests.support.fault_proxy import BlackHole, CutReply, Delay, Fault, FaultLoop, FaultProxy, HalfOpen, ResetAfter
from tests.support.valkey_cluster import ValkeyCluster
from tests.support.waiting import eventually

PRESENCE_SECONDS = 45.0
SLOWEST_SECONDS = 1.5
"""What a send may cost at most while Redis is away, beyond what the machine costs everybody.

A call to Redis is bounded by a quarter of a second.
"""
WIRE_FAULTS: list[Fault] = [Delay(0.3), BlackHole(), HalfOpen(), ResetAfter(40), CutReply(0.5)]


@pytest.fixture(scope="module")
def valkey_wires() -> list[FaultProxy]:
    return []


@pytest.fixture(scope="module")
def cluster(home: Path, wires: FaultLoop, valkey_wires: list[FaultProxy]) -> Iterator[ValkeyCluster]:
    def announced(port: int) -> int:
        valkey_wires.append(wires.proxy(f"redis://127.0.0.1:{port}", seed=5))
        return valkey_wires[-1].port

    with stores.running(ValkeyCluster(home / "valkey", replicas=3, announced=announced)) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def redis_of_fleet(cluster: ValkeyCluster) -> str:
    return cluster.url


async def test_frozen_primaries_hold_up_no_send_and_presence_is_right_after(
    fleet: WiredFleet, cluster: ValkeyCluster, module_database_url: str
):
    [watcher] = people("eve")
    async with traffic(fleet) as flow, fleet.client(watcher, gateway=1) as eve:
        leaver = flow.clients[3]
        await eve.watch([client.user for client in flow.clients])

        for node in cluster.nodes:
            node.process.freeze()
        await _no_send_is_held_up(fleet, flow, module_database_url, partial(flow.flowed, 40))
        for node in cluster.nodes:
            node.process.thaw()

        await heals(flow)
        await leaver.disconnect()
        await _is_right(eve, flow.clients[:3], [leaver])
    assert fleet.bugs() == []


async def test_a_wiped_valkey_loses_nothing_and_presence_is_right_after(fleet: WiredFleet, cluster: ValkeyCluster):
    [watcher] = people("eve")
    async with traffic(fleet) as flow, fleet.client(watcher, gateway=1) as eve:
        leaver = flow.clients[3]
        for node in cluster.primaries:
            stores.flush(node.own_url)
        await leaver.disconnect()
        flow.clients.remove(leaver)
        await flow.flowed(20)
        await eve.watch([client.user for client in [*flow.clients, leaver]])

        await heals(flow)
        await _is_right(eve, flow.clients, [leaver])
    assert fleet.bugs() == []


async def test_spoilt_wires_to_valkey_hold_up_no_send(
    fleet: WiredFleet, valkey_wires: list[FaultProxy], module_database_url: str
):
    async with traffic(fleet) as flow:
        for fault in WIRE_FAULTS:
            suffering = partial(endure, valkey_wires, fault, partial(flow.flowed, 20))
            await _no_send_is_held_up(fleet, flow, module_database_url, suffering)

        await heals(flow)
        await eventually(lambda: _history_is_a_hit(flow))
    assert fleet.bugs() == []


async def test_a_killed_primary_is_replaced_and_everything_redis_told_is_told_again(
    fleet: WiredFleet, cluster: ValkeyCluster, module_database_url: str
):
    [watcher] = people("eve")
    async with traffic(fleet) as flow, fleet.client(watcher, gateway=1) as eve:
        cluster.primaries[0].process.kill()
        await _no_send_is_held_up(fleet, flow, module_database_url, partial(flow.flowed, 30))
        await eventually(cluster.has_failed_over, timeout_seconds=20.0)

        await heals(flow)
        await eventually(lambda: _history_is_a_hit(flow), timeout_seconds=15.0)
        await eventually(lambda: _typing_is_told(flow), timeout_seconds=15.0)
        leaver = flow.clients[3]
        await leaver.disconnect()
        await eve.watch([client.user for client in flow.clients])
        await _is_right(eve, flow.clients[:3], [leaver])
    assert fleet.bugs() == []


async def _no_send_is_held_up(
    fleet: WiredFleet, flow: Traffic, database_url: str, meanwhile: Callable[[], Awaitable[object]]
) -> None:
    """By Redis, that is: a disk or a process that stands still holds up everybody."""
    async with standing_by(fleet.everything, database_url) as bystander:
        flow.slowest_seconds = 0.0
        await meanwhile()
    assert flow.slowest_seconds < SLOWEST_SECONDS + bystander.slowest_seconds


async def _is_right(eve: Client, here: list[Client], gone: list[Client]) -> None:
    """By the API and by what the gateway pushes, of everybody."""
    expected = {client.user: "online" for client in here} | {client.user: "offline" for client in gone}

    async def asked() -> bool:
        answer = await eve.rest.check_online(sorted(expected))
        assert {user: state["status"] for user, state in answer.items()} == expected
        return True

    watching = eve.connection

    async def pushed() -> bool:
        nonlocal watching
        if eve.connection is not watching:
            # Watching ends with its connection, and a busy machine may have cost us that.
            watching = eve.connection
            await eve.watch(sorted(expected))
        assert {user: eve.model.presence[user]["status"] for user in expected} == expected
        return True

    async with asyncio.timeout(PRESENCE_SECONDS + 1.0):
        await asyncio.gather(
            eventually(asked, timeout_seconds=PRESENCE_SECONDS), eventually(pushed, timeout_seconds=PRESENCE_SECONDS)
        )


async def _history_is_a_hit(flow: Traffic) -> bool:
    response, page = await flow.clients[0].rest.exchange("GET", f"/conversations/{flow.group}/messages")
    assert page["items"]
    return response.headers["X-Cache"] == "hit"


async def _typing_is_told(flow: Traffic) -> bool:
    typist, reader = flow.clients[:2]
    await typist.type(flow.group)
    return await reader.rest.who_types(flow.group) == [typist.user]
