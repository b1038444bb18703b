"""What every action needs, built once by the process."""

from dataclasses import dataclass

from causerie.bus.connection import Bus
from causerie.cache.connection import Cache
from causerie.store import Store


@dataclass(frozen=True, slots=True)
class Platform:
    """The three stores. Durable events need no mention of the bus: the store announces what it commits."""

    store: Store
    cache: Cache
    bus: Bus
