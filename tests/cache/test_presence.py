import asyncio
from datetime import UTC, datetime, timedelta

from causerie.cache import Cache, presence
from causerie.cache.presence import Presence, Status
from causerie.domain.ids import NodeId, UserId
from tests.cache.looking import keys
from tests.support import stores
from tests.support.waiting import eventually

HERE, THERE = NodeId("gateway-a"), NodeId("gateway-b")
ANN, BEN = UserId("ann"), UserId("ben")
MANY = [UserId(f"user-{number}") for number in range(1_500)]


async def sit(cache: Cache, node: NodeId, *users: UserId) -> list[Presence]:
    return await presence.record(cache, node, dict.fromkeys(users, Status.ONLINE))


async def rise(cache: Cache, node: NodeId, *users: UserId) -> list[Presence]:
    return await presence.record(cache, node, dict.fromkeys(users, Status.OFFLINE))


async def renew(cache: Cache, node: NodeId, seated: dict[UserId, Status]) -> list[UserId]:
    """Renew, write again what was lost, and say of whom."""
    lost = await presence.renew(cache, node, seated)
    await presence.restore(cache, node, lost)
    return sorted(lost.users)


async def status(cache: Cache, user: UserId) -> Status:
    return (await presence.statuses(cache, [user]))[user].status


async def die(cache: Cache, node: NodeId) -> None:
    """Let the node's lease run out, as its death would after thirty seconds."""
    await presence.retire(cache, node, grace_seconds=0)


def told(changes: list[Presence]) -> dict[UserId, Status]:
    return {change.user: change.status for change in changes}


async def test_a_user_is_online_while_he_sits(cache):
    await renew(cache, HERE, {})
    assert await status(cache, ANN) is Status.OFFLINE

    assert told(await sit(cache, HERE, ANN)) == {ANN: Status.ONLINE}
    assert await status(cache, ANN) is Status.ONLINE

    assert told(await rise(cache, HERE, ANN)) == {ANN: Status.OFFLINE}
    assert await status(cache, ANN) is Status.OFFLINE


async def test_only_the_last_node_he_leaves_takes_a_user_offline(cache):
    for node in (HERE, THERE):
        await renew(cache, node, {})
    assert told(await sit(cache, HERE, ANN)) == {ANN: Status.ONLINE}

    assert told(await sit(cache, THERE, ANN)) == {}
    assert told(await rise(cache, HERE, ANN)) == {}
    assert await status(cache, ANN) is Status.ONLINE
    assert told(await rise(cache, THERE, ANN)) == {ANN: Status.OFFLINE}


async def test_a_user_is_away_only_when_he_is_away_everywhere(cache):
    for node in (HERE, THERE):
        await renew(cache, node, {})
        await sit(cache, node, ANN)

    assert told(await presence.record(cache, HERE, {ANN: Status.AWAY})) == {}
    assert told(await presence.record(cache, THERE, {ANN: Status.AWAY})) == {ANN: Status.AWAY}
    assert told(await presence.record(cache, HERE, {ANN: Status.ONLINE})) == {ANN: Status.ONLINE}


async def test_who_left_was_seen_just_now_and_who_is_here_is_not_last_seen(cache):
    await renew(cache, HERE, {})
    await sit(cache, HERE, ANN)
    assert (await presence.statuses(cache, [ANN]))[ANN].last_seen is None

    await rise(cache, HERE, ANN)

    seen = (await presence.statuses(cache, [ANN]))[ANN].last_seen
    assert seen is not None
    assert abs(datetime.now(UTC) - seen) < timedelta(seconds=5)


async def test_nobody_has_seen_a_user_who_never_came(cache):
    assert await presence.statuses(cache, [ANN]) == {ANN: Presence(ANN, Status.OFFLINE, None)}
    assert await presence.statuses(cache, []) == {}


async def test_a_batch_of_any_size_is_written_and_told(cache):
    await renew(cache, HERE, {})

    changes = await sit(cache, HERE, *MANY)

    assert sorted(told(changes)) == sorted(MANY)
    found = await presence.statuses(cache, MANY)
    assert {found[user].status for user in MANY} == {Status.ONLINE}


async def test_writing_a_batch_again_changes_nothing(cache):
    await renew(cache, HERE, {})
    await sit(cache, HERE, ANN)

    assert await sit(cache, HERE, ANN) == []


async def test_a_dead_node_takes_its_users_offline_and_the_sweep_tells_so_once(cache):
    for node in (HERE, THERE):
        await renew(cache, node, {})
    await sit(cache, HERE, *MANY)
    await sit(cache, THERE, ANN, MANY[0])

    await die(cache, HERE)

    assert await status(cache, MANY[1]) is Status.OFFLINE
    sweeps = await asyncio.gather(*(presence.sweep(cache, [THERE]) for _ in range(3)))
    gone = [change for changes in sweeps for change in changes]
    assert sorted(change.user for change in gone) == sorted(MANY[1:])
    assert {change.status for change in gone} == {Status.OFFLINE}
    assert all(change.last_seen for change in gone)
    assert await status(cache, ANN) is await status(cache, MANY[0]) is Status.ONLINE
    assert await presence.sweep(cache, [THERE]) == []


async def test_a_swept_node_leaves_nothing_behind_but_when_its_users_were_seen(cache, some_redis_url):
    await renew(cache, HERE, {})
    await sit(cache, HERE, *MANY[:40])
    await die(cache, HERE)

    await presence.sweep(cache, [])

    left = keys(some_redis_url, "causerie:*")
    assert len(left) == 40
    assert all(":user:" in key for key in left)
    assert {seen.last_seen is None for seen in (await presence.statuses(cache, MANY[:40])).values()} == {False}


async def test_a_node_the_bus_still_hears_is_not_swept(cache):
    await renew(cache, HERE, {})
    await sit(cache, HERE, ANN)
    await die(cache, HERE)

    assert await presence.sweep(cache, [HERE]) == []

    await renew(cache, HERE, {ANN: Status.ONLINE})
    assert await status(cache, ANN) is Status.ONLINE


async def test_a_node_that_was_thought_dead_brings_its_users_back(cache):
    await renew(cache, HERE, {})
    await sit(cache, HERE, ANN, BEN)
    await die(cache, HERE)
    await presence.sweep(cache, [])

    await renew(cache, HERE, {ANN: Status.AWAY, BEN: Status.ONLINE})

    assert await status(cache, ANN) is Status.AWAY
    assert await status(cache, BEN) is Status.ONLINE


async def test_a_wiped_redis_knows_everybody_after_the_next_renewal(cache, some_redis_url):
    await renew(cache, HERE, {})
    await sit(cache, HERE, *MANY)

    stores.flush(some_redis_url)
    await renew(cache, HERE, dict.fromkeys(MANY, Status.ONLINE))

    found = await presence.statuses(cache, MANY)
    assert {one.status for one in found.values()} == {Status.ONLINE}
    await die(cache, HERE)
    assert len(await presence.sweep(cache, [])) == len(MANY)


async def test_a_renewal_that_broke_off_is_made_up_for_by_the_next(cache):
    await presence.renew(cache, HERE, {ANN: Status.ONLINE})

    await renew(cache, HERE, {ANN: Status.ONLINE})

    assert await status(cache, ANN) is Status.ONLINE


async def test_a_renewal_writes_no_user_while_nothing_was_lost(cache):
    await renew(cache, HERE, {})
    await sit(cache, HERE, ANN)

    await renew(cache, HERE, {ANN: Status.AWAY})

    assert await status(cache, ANN) is Status.ONLINE


async def test_a_renewal_writes_no_user_while_others_are_just_coming(cache):
    await renew(cache, HERE, {})
    await sit(cache, HERE, ANN)

    seated = {ANN: Status.AWAY} | dict.fromkeys(MANY, Status.ONLINE)
    lost = await presence.renew(cache, HERE, seated, unwritten=MANY)
    assert not lost.buckets

    assert await status(cache, ANN) is Status.ONLINE
    assert {await status(cache, user) for user in MANY[:3]} == {Status.OFFLINE}


async def test_a_lease_runs_out_by_itself(cache):
    await presence.renew(cache, HERE, {}, lease_seconds=0.3)
    await sit(cache, HERE, ANN)

    async def she_is_offline() -> bool:
        return await status(cache, ANN) is Status.OFFLINE

    await eventually(she_is_offline, timeout_seconds=3.0)
    assert told(await presence.sweep(cache, [])) == {ANN: Status.OFFLINE}


async def test_a_heartbeat_over_rest_keeps_a_user_online_for_a_while(cache):
    assert told(await presence.heartbeat(cache, ANN, seconds=60)) == {ANN: Status.ONLINE}
    assert await presence.heartbeat(cache, ANN, seconds=60) == []
    assert await status(cache, ANN) is Status.ONLINE
    assert told(await presence.heartbeat(cache, BEN, seconds=0.3)) == {BEN: Status.ONLINE}

    async def he_is_offline() -> bool:
        return await status(cache, BEN) is Status.OFFLINE

    await eventually(he_is_offline, timeout_seconds=3.0)
    assert told(await presence.sweep(cache, [])) == {BEN: Status.OFFLINE}
    assert await status(cache, ANN) is Status.ONLINE
    assert await presence.sweep(cache, []) == []


async def test_a_lapsed_heartbeat_does_not_matter_to_who_sits(cache, some_redis_url):
    await renew(cache, HERE, {})
    await presence.heartbeat(cache, ANN, seconds=0.05)
    await sit(cache, HERE, ANN)

    async def swept_and_forgotten() -> bool:
        assert await presence.sweep(cache, [HERE]) == []
        return not keys(some_redis_url, "causerie:*:rests")

    await eventually(swept_and_forgotten, timeout_seconds=3.0)
    assert await status(cache, ANN) is Status.ONLINE


async def test_a_node_that_retires_gives_its_users_time_to_come_back(cache):
    await renew(cache, HERE, {})
    await sit(cache, HERE, ANN)

    await presence.retire(cache, HERE)

    assert await status(cache, ANN) is Status.ONLINE
    assert await presence.sweep(cache, []) == []


async def test_a_seat_that_a_failover_lost_is_taken_again_and_one_it_brought_back_is_left(cache):
    """A replica that takes over may lack the last writes; the node's lease and its other users are there."""
    await renew(cache, HERE, {})
    await sit(cache, HERE, ANN)
    await sit(cache, HERE, BEN)

    assert await renew(cache, HERE, {BEN: Status.ONLINE}) == [ANN]
    assert await status(cache, ANN) is Status.OFFLINE
    assert await renew(cache, HERE, {ANN: Status.ONLINE, BEN: Status.ONLINE}) == [ANN]
    assert await status(cache, ANN) is Status.ONLINE
    assert await renew(cache, HERE, {ANN: Status.ONLINE, BEN: Status.ONLINE}) == []
