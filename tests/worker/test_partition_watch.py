"""Operators learn from the metrics when partitions run short."""

import asyncpg

from tests.support.services import Services
from tests.support.waiting import eventually


async def test_months_ahead_and_rows_in_default_are_told(services: Services, database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "INSERT INTO events (conversation_id, seq, shard, kind, actor, created_at)"
        " VALUES (gen_random_uuid(), 1, 1, 'message.new', 'ann', '2001-01-01')"
    )
    await connection.close()

    worker = await services.start("worker")

    async def told() -> bool:
        metrics = await worker.metrics()
        return "causerie_partition_months_ahead 3.0" in metrics and "causerie_default_partition_rows 1.0" in metrics

    await eventually(told)
