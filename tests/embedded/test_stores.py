"""The three servers as a test gets them: real, durable and in cluster mode."""

import asyncpg
import nats
import redis.asyncio


async def test_postgres_is_durable_and_allows_enough_connections(empty_database_url):
    connection = await asyncpg.connect(empty_database_url)
    try:
        settings = {
            name: await connection.fetchval(f"SHOW {name}")
            for name in ("fsync", "synchronous_commit", "max_connections", "shared_buffers", "server_version_num")
        }
    finally:
        await connection.close()

    assert settings.pop("server_version_num").startswith("18")
    assert settings == {"fsync": "on", "synchronous_commit": "on", "max_connections": "200", "shared_buffers": "256MB"}


async def test_postgres_knows_unicode_whatever_the_machine_knows(empty_database_url):
    connection = await asyncpg.connect(empty_database_url)
    try:
        assert await connection.fetchval("SELECT lower('ÉCOLE ЖУК')") == "école жук"
    finally:
        await connection.close()


async def test_every_test_gets_an_empty_redis_that_owns_all_slots(redis_url):
    client = redis.asyncio.RedisCluster.from_url(redis_url)
    try:
        assert await client.dbsize() == 0
        for key in ("a", "b", "{c}d", "whatever"):
            await client.set(key, "1")
            assert await client.get(key) == b"1"
    finally:
        await client.aclose()


async def test_nats_has_jetstream(nats_url):
    client = await nats.connect(nats_url)
    try:
        info = await client.jetstream().account_info()
    finally:
        await client.close()

    assert info.streams == 0
