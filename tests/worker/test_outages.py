"""NATS and PostgreSQL go away and come back while people talk."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from causerie.domain.errors import Unavailable
from causerie.embedded import Nats, Postgres
from causerie.embedded.ports import Ports
from causerie.store import migrate, partitions
from tests.support import stores
from tests.support.waiting import eventually
from tests.worker.people import Town


@dataclass
class Fragile:
    """A town whose stores may be crashed."""

    town: Town
    nats: Nats
    postgres: Postgres


@pytest.fixture
async def fragile(redis_url: str) -> AsyncIterator[Fragile]:
    with stores.temporary_home() as home:
        nats, postgres = Nats(home, Ports(home / "nats.ports")), Postgres(home, Ports(home / "postgres.ports"))
        await asyncio.gather(nats.start(), postgres.start())
        await migrate.up(postgres.url)
        await partitions.ensure(postgres.url, months_ahead=1)
        town = await Town.build(postgres.url, redis_url, nats.url)
        yield Fragile(town, nats, postgres)
        await town.close()
        await asyncio.gather(nats.stop(), postgres.stop())


async def test_nats_away_delays_events_and_loses_none(fragile: Fragile) -> None:
    town = fragile.town
    await town.worker()
    ears = await town.node("ben")
    group = await town.open("group", "ann", "ben")
    await eventually(lambda: ears.heard("ben", group) == [1])

    fragile.nats.kill()
    await eventually(lambda: not town.bus.is_up)
    for number in range(10):
        await town.say("ann", group, f"without NATS {number}")
    await fragile.nats.start()
    await town.say("ann", group, "with NATS")

    await eventually(lambda: ears.heard("ben", group) == list(range(1, 13)), timeout_seconds=20.0)


async def test_postgresql_away_for_longer_than_a_lease_is_recovered_from(fragile: Fragile) -> None:
    town = fragile.town
    worker = await town.worker()
    ears = await town.node("ben")
    group = await town.open("group", "ann", "ben")
    await eventually(lambda: ears.heard("ben", group) == [1])

    fragile.postgres.kill()
    with pytest.raises(Unavailable):
        await town.say("ann", group, "nowhere to write")
    await eventually(lambda: worker.shards == {}, timeout_seconds=12.0)
    await fragile.postgres.start()
    await eventually(lambda: len(worker.shards) == 64, timeout_seconds=20.0)
    await town.say("ann", group, "again")

    await eventually(lambda: ears.heard("ben", group)[-1] >= 2, timeout_seconds=20.0)
