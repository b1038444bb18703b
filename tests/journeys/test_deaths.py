"""Any one process may die while people talk: nothing acknowledged is lost, and everybody sees the same again."""

import asyncio

import pytest

from causerie.embedded import Nats
from tests.journeys.fleet import Fleet, people
from tests.journeys.traffic import traffic
from tests.support import stores

PRESENCE_SECONDS = 45.0
"""What the contract promises after a gateway vanished without a word."""


@pytest.mark.parametrize("victim", ["api", "gateway", "worker"])
async def test_killing_one_of_two_loses_nothing(fleet: Fleet, victim: str):
    async with traffic(fleet) as flow:
        fleet.running[victim][0].kill()
        await flow.flowed(60)
        await fleet.revive()
        await flow.flowed(60)
        await flow.stop()

        await flow.converged()


async def test_killing_both_workers_delays_delivery_and_no_acknowledgement(fleet: Fleet):
    async with traffic(fleet) as flow:
        for worker in fleet.workers:
            worker.kill()
        await flow.flowed(60, timeout_seconds=10.0)
        await fleet.revive()
        await flow.stop()

        await flow.converged()


async def test_nats_restarting_refuses_no_send_and_everybody_converges(fleet: Fleet, own_nats: Nats):
    async with traffic(fleet) as flow:
        own_nats.kill()
        await flow.flowed(60, timeout_seconds=10.0)
        await own_nats.start()
        await flow.flowed(60)
        await flow.stop()

        await flow.converged()


async def test_an_emptied_redis_loses_nothing(fleet: Fleet, valkey_server: str):
    async with traffic(fleet) as flow:
        for _ in range(3):
            stores.flush(valkey_server)
            await flow.flowed(30)
        await flow.stop()

        await flow.converged()


async def test_a_gateway_told_to_end_says_when_to_come_back_and_where_nothing_is_lost(fleet: Fleet):
    async with traffic(fleet) as flow:
        leaving = fleet.gateways[0]
        connections = {client: client.connection for client in flow.clients}
        affected = [client for client in flow.clients if client.gateway == leaving.ws_url]
        assert affected

        await leaving.stop()

        for client in affected:
            before = connections[client]
            assert before is not None
            farewell = await asyncio.wait_for(before.ended(), 1.0)
            assert (farewell.code, farewell.reconnect) == (1012, True)
            assert farewell.retry_after_seconds is not None
            await client.settled()
            assert client.gateway == fleet.gateways[1].ws_url
        await flow.flowed(40)
        await flow.stop()
        await flow.converged()


async def test_presence_is_right_in_time_after_a_gateway_vanished(fleet: Fleet):
    names = people("ann", "ben", "cai")
    ann, ben, cai = (
        fleet.client(names[0], gateway=1),
        fleet.client(names[1], gateway=0),
        fleet.client(names[2], gateway=0),
    )
    async with ann, cai:
        async with ben:
            await ann.watch(names[1:])
            await ann.until(lambda model: [model.presence[name]["status"] for name in names[1:]] == ["online"] * 2)

            # Ben goes down with his gateway, cai comes back through the other one.
            fleet.gateways[0].kill()
            await ben.disconnect()
        await cai.until(lambda model: cai.is_settled and cai.gateway == fleet.gateways[1].ws_url)

        await ann.until(lambda model: model.presence[names[1]]["status"] == "offline", timeout_seconds=PRESENCE_SECONDS)
        online = await ann.rest.check_online(names)
        assert [online[name]["status"] for name in names] == ["online", "offline", "online"]
        assert ann.model.presence[names[2]]["status"] == "online"
