"""What may break while a Prometheus looks on, and who must be called for it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import asyncpg
import psutil

from services.worker.partition_watch import LOOK_SECONDS
from tests.observability.conftest import HASTEN
from tests.observability.watched import WatchedFleet
from tests.support.processes import frozen
from tests.support.stores import execute

OPERATOR_SECONDS = 120.0
"""By when whoever has to know must have been called."""


@dataclass(frozen=True)
class Fault:
    """Something that breaks. `alert` must call as `severity` within `after_seconds`, waits being shortened."""

    breaks: Callable[[WatchedFleet, str], AbstractAsyncContextManager[None]]
    alert: str
    severity: str
    after_seconds: float = OPERATOR_SECONDS / HASTEN

    @property
    def name(self) -> str:
        return self.breaks.__name__


@asynccontextmanager
async def _a_gateway_is_killed(fleet: WatchedFleet, database_url: str) -> AsyncIterator[None]:
    fleet.gateways[0].kill()
    yield
    await fleet.revive()


@asynccontextmanager
async def _the_worker_is_stopped(fleet: WatchedFleet, database_url: str) -> AsyncIterator[None]:
    await fleet.workers[0].stop()
    yield
    await fleet.revive()


@asynccontextmanager
async def _postgresql_freezes(fleet: WatchedFleet, database_url: str) -> AsyncIterator[None]:
    connection = await asyncpg.connect(database_url)
    child = await connection.fetchval("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
    await connection.close()
    with frozen(psutil.Process(child).ppid()):
        yield


@asynccontextmanager
async def _a_row_finds_no_partition(fleet: WatchedFleet, database_url: str) -> AsyncIterator[None]:
    await execute(
        database_url,
        "INSERT INTO send_keys (week, sender_id, client_id, message_id, digest)"
        " VALUES ('1999-01-04', 'ann', 'long ago', gen_random_uuid(), '')",
    )
    yield
    await execute(database_url, "DELETE FROM send_keys WHERE week = '1999-01-04'")


KILLED_GATEWAY = Fault(_a_gateway_is_killed, "CauserieProcessAway", "ticket")
FROZEN_POSTGRESQL = Fault(_postgresql_freezes, "CauserieStoreAway", "page")
EVERY_FAULT = (
    KILLED_GATEWAY,
    FROZEN_POSTGRESQL,
    Fault(_the_worker_is_stopped, "CauserieServiceAway", "page"),
    # The worker's look is not shortened; what an operator's two minutes leave besides is.
    Fault(
        _a_row_finds_no_partition,
        "CauserieDefaultRows",
        "ticket",
        after_seconds=LOOK_SECONDS + (OPERATOR_SECONDS - LOOK_SECONDS) / HASTEN,
    ),
)
