import asyncio
import signal
import time
from contextlib import suppress

import pytest
import uvloop

from causerie import telemetry
from causerie.cache import Cache, CacheAway
from causerie.cache.breaker import WINDOW_SECONDS
from causerie.cache.connection import CALL_SECONDS, MAX_IN_FLIGHT, Script
from causerie.embedded import Valkey
from tests.cache.conftest import ProxiedCluster
from tests.support.fault_proxy import Refuse
from tests.support.stores import CACHE_PATIENCE_SECONDS
from tests.support.valkey_cluster import ValkeyCluster
from tests.support.waiting import eventually

ECHO = Script("return {KEYS[1], ARGV[1]}")


async def answers(cache: Cache) -> bool:
    try:
        return bool(await cache.command("SET", "{x}", "1"))
    except CacheAway:
        return False


async def is_known_to_be_away(cache: Cache) -> bool:
    return not await answers(cache) and cache.state == "away"


async def assert_asking_costs_nothing(cache: Cache) -> None:
    """A hundred that waited for an answer would take twenty-five seconds."""
    started = time.perf_counter()
    for _ in range(100):
        with pytest.raises(CacheAway):
            await cache.command("GET", "{x}")
    assert time.perf_counter() - started < 4 * CALL_SECONDS


async def test_what_is_set_is_got(cache):
    await cache.command("SET", "{a}b", b"\x00\xff")

    assert await cache.command("GET", "{a}b") == b"\x00\xff"
    assert cache.state == "up"


async def test_a_script_runs_on_a_node_that_never_saw_it(cache):
    assert await cache.run(ECHO, ["{k}"], ["v"]) == [b"{k}", b"v"]


async def test_a_script_runs_once_for_each_call_in_whatever_slot(cache):
    calls = [([f"{{{place}}}"], [place]) for place in range(40)]

    replies = await cache.run_each(ECHO, calls)

    assert replies == [[f"{{{place}}}".encode(), str(place).encode()] for place in range(40)]


async def test_commands_of_many_slots_go_together(cache):
    await cache.commands([("SET", f"{{{place}}}", place) for place in range(40)])

    assert await cache.commands([("GET", f"{{{place}}}") for place in range(40)]) == [
        str(place).encode() for place in range(40)
    ]


async def test_many_callers_at_once_wait_for_their_turn(cache):
    replies = await asyncio.gather(*(cache.command("SET", f"{{{place}}}", "1") for place in range(10 * MAX_IN_FLIGHT)))

    assert all(replies)


async def test_a_refused_command_is_away_for_its_caller_alone(cache):
    for _ in range(5):
        with pytest.raises(CacheAway):
            await cache.command("SET", "{s}", "text", "NONSENSE")

    assert cache.state == "up"


async def test_a_cancelled_caller_leaves_no_reply_to_the_next(cache):
    for _ in range(20):
        task = asyncio.create_task(cache.command("GET", "{other}"))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await cache.command("SET", "{mine}", "mine")

    assert {await cache.command("GET", "{mine}") for _ in range(20)} == {b"mine"}


@pytest.mark.parametrize("urls", ["", "localhost:6379", "http://localhost:6379", " , "])
async def test_an_address_that_is_none_stops_the_start(urls):
    with pytest.raises(ValueError):
        await Cache.connect(urls)


async def test_starting_before_redis_heals_by_itself(fragile_valkey: Valkey):
    await fragile_valkey.stop()
    cache = await Cache.connect(fragile_valkey.url)
    assert cache.state == "away"
    with pytest.raises(CacheAway):
        await cache.command("GET", "{x}")

    await fragile_valkey.start()

    await eventually(lambda: answers(cache))
    assert cache.state == "up"
    await cache.close()


async def test_a_killed_redis_costs_nothing_and_is_found_again(fragile_valkey: Valkey):
    cache = await Cache.connect(fragile_valkey.url)
    await eventually(lambda: answers(cache))
    opened, failed = telemetry.CACHE_BREAKER_OPENED.value, telemetry.STORE_FAILURES.values["redis"]
    assert telemetry.STORE_UP.reads["redis"]() and telemetry.CACHE_SLOTS.read() == 16_384

    fragile_valkey.kill()

    await eventually(lambda: is_known_to_be_away(cache))
    assert not telemetry.STORE_UP.reads["redis"]()
    assert telemetry.CACHE_BREAKER_OPENED.value == opened + 1
    assert telemetry.STORE_FAILURES.values["redis"] >= failed + 3
    assert {state: read() for state, read in telemetry.CACHE_CALLS.reads.items()} == {"running": 0, "waiting": 0}
    await assert_asking_costs_nothing(cache)
    await fragile_valkey.start()
    await eventually(lambda: answers(cache))
    await cache.close()


async def test_a_frozen_redis_costs_a_quarter_second_each_and_soon_nothing(fragile_valkey: Valkey):
    cache = await Cache.connect(fragile_valkey.url)
    await eventually(lambda: answers(cache))

    fragile_valkey.process.signal(signal.SIGSTOP)

    started = time.perf_counter()
    replies = await asyncio.gather(
        *(cache.command("GET", "{x}") for _ in range(5 * MAX_IN_FLIGHT)), return_exceptions=True
    )
    assert {type(reply) for reply in replies} == {CacheAway}
    assert time.perf_counter() - started < 1.5
    await assert_asking_costs_nothing(cache)
    fragile_valkey.process.signal(signal.SIGCONT)
    await eventually(lambda: answers(cache))
    await cache.close()


async def test_who_has_time_waits_for_a_frozen_redis(fragile_valkey: Valkey):
    cache = await Cache.connect(fragile_valkey.url, call_seconds=CACHE_PATIENCE_SECONDS)
    await eventually(lambda: answers(cache))
    process = fragile_valkey.process
    assert process is not None

    process.freeze()
    frozen_at = time.monotonic()
    asked = asyncio.create_task(cache.command("SET", "{x}", "1"))
    await eventually(lambda: asked.done() or time.monotonic() > frozen_at + 2 * CALL_SECONDS)
    process.thaw()

    assert await asked
    assert cache.state == "up"
    await cache.close()


async def test_a_restarted_redis_knows_no_scripts_and_runs_them_all(fragile_valkey: Valkey):
    cache = await Cache.connect(fragile_valkey.url, call_seconds=CACHE_PATIENCE_SECONDS)
    await eventually(lambda: answers(cache))
    await cache.run(ECHO, ["{k}"], ["v"])

    fragile_valkey.kill()
    await fragile_valkey.start()

    await eventually(lambda: answers(cache))
    calls = [([f"{{{place}}}"], [place]) for place in range(20)]
    assert len(await cache.run_each(ECHO, calls)) == 20
    assert await cache.run(ECHO, ["{k}"], ["v"]) == [b"{k}", b"v"]
    await cache.close()


async def test_a_failover_is_followed(fragile_cluster: ValkeyCluster):
    await fragile_cluster.start()
    cache = await Cache.connect(fragile_cluster.url, call_seconds=CACHE_PATIENCE_SECONDS)
    await eventually(lambda: answers(cache))
    keys = [f"{{{place}}}" for place in range(30)]
    await cache.commands([("SET", key, "before") for key in keys])

    await fragile_cluster.promote_replica()

    async def every_key_answers() -> bool:
        try:
            return all(reply == b"after" for reply in await written_again())
        except CacheAway:
            return False

    async def written_again() -> list[bytes]:
        await cache.commands([("SET", key, "after") for key in keys])
        return [await cache.command("GET", key) for key in keys]

    await eventually(every_key_answers, timeout_seconds=15.0)
    assert cache.state == "up"
    await cache.close()


async def test_a_failover_is_followed_by_one_who_asks_seldom(proxied_cluster: ProxiedCluster):
    """As a quiet gateway does: so seldom that its failures never open the breaker."""
    cluster = proxied_cluster.cluster
    await cluster.start()
    cache = await Cache.connect(cluster.url)
    writes = [("SET", f"{{{place}}}", "x") for place in range(30)]

    async def are_written() -> bool:
        try:
            return bool(await cache.commands(writes))
        except CacheAway:
            return False

    async def seldom() -> bool:
        await asyncio.sleep(1.1 * WINDOW_SECONDS)
        return await are_written()

    await eventually(are_written)
    opened = telemetry.CACHE_BREAKER_OPENED.value
    await cluster.promote_replica()

    await eventually(seldom, timeout_seconds=10.0)
    assert telemetry.CACHE_BREAKER_OPENED.value == opened
    await cache.close()


def test_connections_that_were_reset_while_they_rested_cost_nobody_an_answer(proxied_cluster: ProxiedCluster):
    """On uvloop, which calls such a connection by another name than asyncio."""
    cluster, wires = proxied_cluster.cluster, proxied_cluster.wires

    async def ask_after_every_wire_was_cut() -> None:
        cache = await Cache.connect(cluster.url, call_seconds=CACHE_PATIENCE_SECONDS)
        await eventually(lambda: answers(cache))
        keys = [f"{{{place}}}" for place in range(2 * MAX_IN_FLIGHT)]
        await asyncio.gather(*(cache.command("SET", key, key) for key in keys))
        bystanders = [await asyncio.open_connection("127.0.0.1", wire.port) for wire in wires]
        for reader, writer in bystanders:
            writer.write(b"PING\r\n")
            assert await reader.readline() == b"+PONG\r\n"

        for wire in wires:
            with wire.suffering(Refuse()):
                pass

        # Whose connection is the last of its wire has heard of it after everybody else.
        for reader, _ in bystanders:
            with suppress(ConnectionResetError):
                await reader.read()
        replies = await asyncio.gather(*(cache.command("GET", key) for key in keys), return_exceptions=True)
        await cache.close()
        for _, writer in bystanders:
            writer.close()
        assert replies == [key.encode() for key in keys]

    asyncio.run(cluster.start())
    uvloop.run(ask_after_every_wire_was_cut())
