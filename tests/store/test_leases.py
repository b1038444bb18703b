"""A shard has one owner at a time, whoever asks when, and what its owner has reached is never forgotten."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from causerie.store import Store, leases
from causerie.store.leases import Lease


async def time_passes(store: Store, shards: Sequence[int]) -> None:
    """So much that the leases are over."""
    async with store.connection() as connection:
        await connection.execute(
            "UPDATE shards SET expires_at = expires_at - interval '1 hour' WHERE shard = ANY($1::smallint[])", shards
        )


def at(position: int, held: Sequence[Lease]) -> list[Lease]:
    return [replace(lease, position=position) for lease in held]


async def test_of_workers_who_claim_everything_at_once_each_shard_has_one(store: Store) -> None:
    claimed = await asyncio.gather(*(leases.claim(store, f"worker-{n}", range(64)) for n in range(5)))

    assert sorted(lease.shard for held in claimed for lease in held) == list(range(64))
    assert await leases.claim(store, "late", range(64)) == []
    owners = {number: holder.owner for number, holder in (await leases.holders(store)).items()}
    assert owners == {lease.shard: f"worker-{n}" for n, held in enumerate(claimed) for lease in held}


async def test_a_lease_that_ran_out_goes_to_the_next_in_a_new_term_and_its_owner_has_no_say_any_more(
    store: Store,
) -> None:
    [before] = await leases.claim(store, "first", [7])
    await time_passes(store, [7])
    assert (await leases.holders(store))[7].owner is None

    [after] = await leases.claim(store, "second", [7])

    assert after.term == before.term + 1
    assert await leases.renew(store, "first", [before]) == set()
    await leases.release(store, "first", at(99, [before]))
    assert (await leases.holders(store))[7].owner == "second"
    assert await leases.renew(store, "second", [after]) == {7}


async def test_a_lease_that_ran_out_cannot_be_renewed_even_if_nobody_took_it(store: Store) -> None:
    held = await leases.claim(store, "slow", [1, 2])
    await time_passes(store, [2])

    assert await leases.renew(store, "slow", held) == {1}


async def test_a_successor_begins_at_the_furthest_checkpoint(store: Store) -> None:
    given_back, run_out = sorted(await leases.claim(store, "first", [3, 4]), key=lambda lease: lease.shard)
    begun = given_back.position
    await leases.renew(store, "first", at(begun + 50, [given_back, run_out]))
    await leases.renew(store, "first", at(begun + 20, [given_back, run_out]))
    await leases.release(store, "first", at(begun + 60, [given_back]))
    await time_passes(store, [4])

    taken = await leases.claim(store, "second", [3, 4])

    assert {lease.shard: lease.position for lease in taken} == {3: begun + 60, 4: begun + 50}
