"""Workers come, go, die and freeze; every event is delivered, in order, and an old owner is not believed."""

import asyncio
import time
from datetime import datetime, timedelta

from causerie.bus import subjects
from causerie.bus.envelopes import Batches, Envelope
from causerie.domain.ids import ConversationId
from causerie.seats.terms import term_on_bus
from causerie.store import leases
from services.worker.colleagues import PATIENCE_SECONDS
from services.worker.leasing import ROUND_SECONDS
from tests.support.services import Service, Services
from tests.support.waiting import eventually
from tests.worker.people import Ears, Town


class Talk:
    """Ann says something in every conversation, again and again, until told to stop."""

    def __init__(self, town: Town, conversations: list[ConversationId]) -> None:
        self._town = town
        self._conversations = conversations
        self._stopping = asyncio.Event()
        self._task = asyncio.create_task(self._go_on())
        self.rounds = 0

    async def _go_on(self) -> None:
        while not self._stopping.is_set():
            await asyncio.gather(*(self._town.say("ann", one, f"{self.rounds}") for one in self._conversations))
            self.rounds += 1
            await asyncio.sleep(0.02)

    async def end(self) -> None:
        self._stopping.set()
        await self._task


async def owners(town: Town) -> dict[str | None, int]:
    """How many shards each worker holds, as PostgreSQL sees it."""
    counted: dict[str | None, int] = {}
    for holder in (await leases.holders(town.store)).values():
        counted[holder.owner] = counted.get(holder.owner, 0) + 1
    return counted


async def heard_everything(ears: Ears, groups: list[ConversationId], talk: Talk) -> None:
    for group in groups:
        everything = list(range(1, talk.rounds + 2))
        await eventually(lambda group=group, everything=everything: ears.heard("ben", group) == everything)


async def test_a_second_worker_gets_its_share_and_nothing_is_lost(town: Town) -> None:
    first = await town.worker()
    ears = await town.node("ben")
    groups = [await town.open("group", "ann", "ben") for _ in range(12)]
    talk = Talk(town, groups)

    second = await town.worker()
    await eventually(lambda: len(first.shards) + len(second.shards) == 64 and len(second.shards) > 16)
    await talk.end()

    await heard_everything(ears, groups, talk)


async def test_a_worker_that_is_told_to_end_is_followed_by_its_word(town: Town) -> None:
    """Who would go by the end of its leases, or wait whether it comes back, would be later."""
    first, second = await town.worker(), await town.worker()
    await eventually(lambda: len(first.shards) + len(second.shards) == 64 and len(second.shards) > 16)
    ears = await town.node("ben")
    groups = [await town.open("group", "ann", "ben") for _ in range(12)]
    talk = Talk(town, groups)

    await first.stop()
    began = time.monotonic()
    await eventually(lambda: len(second.shards) == 64)
    taken_within = time.monotonic() - began
    await talk.end()

    assert taken_within < PATIENCE_SECONDS < leases.LEASE_SECONDS
    await heard_everything(ears, groups, talk)


async def two_processes(town: Town, services: Services) -> tuple[Service, Service]:
    """Two workers as processes, each with its share of the shards."""
    one, other = await services.start("worker"), await services.start("worker")
    await eventually(lambda: _are_shared(town), timeout_seconds=15.0)
    return one, other


async def _are_shared(town: Town) -> bool:
    counted = await owners(town)
    return None not in counted and len(counted) == 2 and min(counted.values()) > 16


async def _is_one(town: Town) -> bool:
    counted = await owners(town)
    return None not in counted and len(counted) == 1


async def _ends_of_leases(town: Town) -> dict[str, datetime]:
    """When the last lease of each worker ends."""
    async with town.store.connection() as connection:
        found = await connection.fetch("SELECT owner, max(expires_at) AS ends FROM shards GROUP BY owner")
    return {row["owner"]: row["ends"] for row in found}


async def _terms(town: Town) -> dict[int, int]:
    async with town.store.connection() as connection:
        found = await connection.fetch("SELECT shard, term FROM shards")
    return {row["shard"]: term_on_bus(town.store.epoch, row["term"]) for row in found}


async def test_a_killed_worker_is_replaced_some_rounds_after_its_leases_have_ended(
    town: Town, services: Services
) -> None:
    killed, _ = await two_processes(town, services)
    ears = await town.node("ben")
    groups = [await town.open("group", "ann", "ben") for _ in range(12)]
    talk = Talk(town, groups)

    killed.kill()
    ends = await _ends_of_leases(town)
    await eventually(lambda: _is_one(town), timeout_seconds=12.0)
    async with town.store.connection() as connection:
        now = await connection.fetchval("SELECT clock_timestamp()")
    await talk.end()

    [survivor] = await owners(town)
    [ended] = [end for owner, end in ends.items() if owner != survivor]
    assert now - ended < timedelta(seconds=5 * ROUND_SECONDS)
    await heard_everything(ears, groups, talk)


async def test_a_frozen_worker_is_not_believed_when_it_wakes(town: Town, services: Services) -> None:
    frozen, _ = await two_processes(town, services)
    ears = await town.node("ben")
    heard: list[tuple[int, int]] = []

    def listen(envelope: Envelope, reply: str) -> None:
        if isinstance(envelope, Batches):
            heard.extend((section.shard, section.term) for section in envelope.sections)

    await town.bus.subscribe(subjects.node(ears.node.id), listen)
    groups = [await town.open("group", "ann", "ben") for _ in range(12)]
    talk = Talk(town, groups)

    frozen.freeze()
    await eventually(lambda: _is_one(town), timeout_seconds=12.0)
    frozen.thaw()

    async def everybody_goes_by_the_new_terms() -> bool:
        """What was on its way out when it froze may still come, and is not believed; then it knows better."""
        terms, rounds = await _terms(town), talk.rounds
        heard.clear()
        await eventually(lambda: talk.rounds > rounds + 20)
        return not [stale for stale in heard if stale[1] < terms[stale[0]]]

    await eventually(everybody_goes_by_the_new_terms, timeout_seconds=20.0)
    await talk.end()

    await heard_everything(ears, groups, talk)
