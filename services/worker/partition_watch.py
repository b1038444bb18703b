"""How many months of partitions lie ahead, and what fell into a default one: for the metrics and their alerts."""

import asyncio
import logging

from causerie import telemetry
from causerie.domain.errors import Unavailable
from causerie.store import Store, partitions
from causerie.store.ddl import SchemaError

log = logging.getLogger(__name__)

LOOK_SECONDS = 60.0


async def watch_partitions(store: Store) -> None:
    """Look once a minute; every worker does, so that the loss of one hides nothing. Never returns."""
    rounds = telemetry.Rounds("partition_watch")
    while True:
        try:
            await _look(store)
            rounds.succeeded()
        except (Unavailable, SchemaError) as error:
            log.warning("the partitions could not be looked at", extra={"reason": str(error)})
        except Exception:  # the loop's edge
            log.exception("looking at the partitions failed")
        await asyncio.sleep(LOOK_SECONDS)


async def _look(store: Store) -> None:
    async with store.connection("partitions") as connection:
        report = await partitions.check(connection)
    telemetry.PARTITION_MONTHS_AHEAD.value = report.months_ahead
    telemetry.DEFAULT_PARTITION_ROWS.value = report.default_rows
    telemetry.DETACH_PENDING.value = report.detach_pending
    for job, at in report.last_success.items():
        telemetry.UPKEEP_SUCCEEDED_AT.values[job] = at.timestamp()
