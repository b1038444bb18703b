"""What every action needs, built once by the process."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from causerie.bus.connection import Bus
from causerie.cache.connection import Cache
from causerie.store import Store


@dataclass(frozen=True, slots=True)
class Platform:
    """The stores and their time. Durable events need no mention of the bus: the store announces what it commits."""

    store: Store
    cache: Cache
    bus: Bus
    clock: Callable[[], float] = time.time
    """Unix time as PostgreSQL has it."""
