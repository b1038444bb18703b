"""Each wire spoilt in each way, under traffic: nothing acknowledged is lost, nothing takes effect twice.

Sends whose answer never came are sent again under their keys; when the wire is well again, everybody has seen
everything within ten seconds.  The order of faults on a wire and what chance decides come from SEED.
"""

import asyncio
import os
import random
import shutil
from functools import partial
from pathlib import Path

import pytest

from causerie.embedded import Nats
from tests.faults.wired import WiredFleet, endure, heals
from tests.journeys.traffic import traffic
from tests.support.fault_proxy import (
    BlackHole,
    CutReply,
    Delay,
    Fault,
    FaultLoop,
    FaultProxy,
    HalfOpen,
    Refuse,
    ResetAfter,
    Throttle,
)
from tests.support.processes import frozen

SEED = int(os.environ.get("SEED", "1"))
FAULTS: list[Fault] = [
    Delay(0.2),
    Throttle(20_000),
    BlackHole(),
    ResetAfter(600),
    CutReply(0.3),
    Refuse(),
]
FAULT_SECONDS = float(os.environ.get("FAULT_SECONDS", "0.6"))
"""A fault lasts so long and until it was seen to happen; the soak gives more."""


@pytest.fixture(scope="module")
def postgres_wire(wires: FaultLoop, module_database_url: str) -> FaultProxy:
    return wires.proxy(module_database_url, seed=SEED)


@pytest.fixture(scope="module")
def database_of_fleet(postgres_wire: FaultProxy) -> str:
    return postgres_wire.url


EDGES = ("clients to gateways", "clients to the API", "services to PostgreSQL", "services to NATS")


@pytest.mark.parametrize("edge", EDGES)
async def test_a_spoilt_wire_loses_nothing_and_repeats_nothing(
    fleet: WiredFleet, postgres_wire: FaultProxy, nats_wire: FaultProxy, edge: str
):
    wires = {
        "clients to gateways": fleet.gateway_wires,
        "clients to the API": fleet.api_wires,
        "services to PostgreSQL": [postgres_wire],
        "services to NATS": [nats_wire],
    }[edge]
    chance = random.Random(f"{SEED} {edge}")
    async with traffic(fleet) as flow:
        for fault in chance.sample(FAULTS, len(FAULTS)):
            await endure(wires, fault, partial(asyncio.sleep, FAULT_SECONDS))
        for client in flow.clients:
            await client.settled()
        # Last the one fault that the heal does not end: each end of a connection has to find out by itself.
        await endure(wires, HalfOpen(), partial(asyncio.sleep, FAULT_SECONDS))

        await heals(flow)
    assert fleet.bugs() == []


async def test_a_frozen_nats_refuses_no_send_and_everybody_converges(fleet: WiredFleet, own_nats: Nats):
    assert own_nats.process is not None
    async with traffic(fleet) as flow:
        with frozen(own_nats.process.pid):
            await flow.flowed(60, timeout_seconds=10.0)

        await heals(flow)
    assert fleet.bugs() == []


async def test_a_wiped_nats_refuses_no_send_and_everybody_converges(fleet: WiredFleet, own_nats: Nats, home: Path):
    async with traffic(fleet) as flow:
        own_nats.kill()
        shutil.rmtree(home / "nats", ignore_errors=True)
        await flow.flowed(40, timeout_seconds=10.0)
        await own_nats.start()

        await heals(flow)
    assert fleet.bugs() == []
