"""A standby takes over that lacks the newest messages: seq and terms are used a second time, and nobody is confused.

Replication is asynchronous here, as it mostly is; its wire is cut before the primary dies, so that what was
acknowledged last is lost on purpose.  What must hold then is that everybody agrees on the history there is now.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from causerie.client import Client
from causerie.domain.ids import UserId
from causerie.embedded import Postgres
from causerie.embedded.ports import Ports
from causerie.store import Store
from causerie.store.sync import sync
from tests.faults.outage import Asked
from tests.faults.wired import WiredFleet
from tests.journeys.fleet import people
from tests.support.fault_proxy import BlackHole, FaultLoop, FaultProxy
from tests.support.stores import running, running_migrated
from tests.support.waiting import eventually

RECOVERY_SECONDS = 20.0
"""Terms of before may live for their six seconds, counted from when the new primary answers."""


@dataclass
class Pair:
    """A primary, its standby, and the wires to them: `wire` is what services are given."""

    primary: Postgres
    standby: Postgres
    wire: FaultProxy
    replication: FaultProxy

    def lose_primary(self) -> None:
        """The primary dies, and its name leads to the standby, which is none yet."""
        self.primary.kill()
        self.wire.point_to(self.standby.url)


@pytest.fixture(scope="module")
def pair(home: Path, wires: FaultLoop) -> Iterator[Pair]:
    ports = Ports(home / "postgres.ports")
    with running_migrated(Postgres(home, ports)) as primary:
        replication = wires.proxy(primary.url, seed=3)
        with running(Postgres(home, ports, name="standby", standby_of=replication.url)) as standby:
            yield Pair(primary, standby, wires.proxy(primary.url, seed=4), replication)


@pytest.fixture(scope="module")
def database_of_fleet(pair: Pair) -> str:
    return pair.wire.url


async def test_a_promoted_standby_is_another_history_and_everybody_follows_it_without_a_restart(
    fleet: WiredFleet, pair: Pair
):
    async with fleet.clients(*people("ann", "ben", "cai")) as [ann, ben, cai]:
        clients = [ann, ben, cai]
        group = (await ann.open("group", [ben.user, cai.user]))["id"]
        for number in range(5):
            await ann.send(group, f"kept {number}")
        await _all_know(clients, group, last=6)
        await eventually(lambda: _messages_at(pair.standby.url, 5))
        before = await ann.rest.sync(ann.model.cursor)
        store = await Store.connect(pair.wire.url, announce=lambda events: None)
        cursor = str((await sync(store, UserId(ben.user), None))["next_cursor"])

        # What comes now never reaches the standby: three messages, and terms of leases higher than it will count.
        pair.replication.suffer(BlackHole())
        for number in range(3):
            await ben.send(group, f"lost {number}")
        await _all_know(clients, group, last=9)
        await fleet.workers[0].stop()
        await fleet.revive()
        await ben.send(group, "lost 3")
        await _all_know(clients, group, last=10)
        pids = fleet.pids()

        pair.lose_primary()
        asked = Asked(fleet, group)
        await asked.refused(clients, reading=False)
        await pair.standby.promote()

        # The very first question to the new history, on a connection that is opened for it.
        first = await sync(store, UserId(ben.user), cursor)
        assert first["recovered"] is False
        await store.close()

        sent = await ann.send(group, "after")
        assert sent["seq"] == 7, "the standby was to lack what came last"
        for client in clients:
            await client.until(
                lambda model: [m["content"] for m in model.conversations[group].messages.values()][-1] == "after",
                timeout_seconds=RECOVERY_SECONDS,
            )
        again = await ann.rest.sync(before["next_cursor"])
        assert again["recovered"] is False
        assert {reset["conversation_id"] for reset in again["resets"]} == {group}
        epochs = {(await client.rest.events(group, 0, None))["epoch"] for client in clients}
        assert len(epochs) == 1

        await _live_delivery_goes_on(clients, group)
        for client in clients:
            contents = [m["content"] for m in client.model.conversations[group].messages.values()]
            assert contents == [*(f"kept {number}" for number in range(5)), "after", *(c.user for c in clients)]
    assert fleet.pids() == pids
    assert fleet.bugs() == []


async def _live_delivery_goes_on(clients: list[Client], group: str) -> None:
    """Each hears each of the others on the socket he has now; nobody comes back for it."""
    connects = [client.connects for client in clients]
    for client in clients:
        sent = await client.send(group, client.user)
        await _all_know(clients, group, last=sent["seq"])
    assert [client.connects for client in clients] == connects


async def _all_know(clients: list[Client], group: str, *, last: int) -> None:
    for client in clients:
        await client.until(
            lambda model: group in model.conversations and model.conversations[group].last == last,
            timeout_seconds=RECOVERY_SECONDS,
        )


async def _messages_at(url: str, wanted: int) -> bool:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval("SELECT count(*) FROM messages") == wanted
    finally:
        await connection.close()
