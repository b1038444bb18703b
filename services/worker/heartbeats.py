"""What every node and worker says of itself each second, heard and decoded once for all in this worker who go by it."""

from collections.abc import Callable, Sequence

from causerie.bus import subjects
from causerie.bus.connection import Bus, Subscription
from causerie.bus.envelopes import Envelope, Heartbeat

Hearer = Callable[[Heartbeat], None]


class Heartbeats:
    """Tells `of_workers` and all `of_nodes`; `on_gap` when some may not have been heard."""

    def __init__(self, bus: Bus, *, of_workers: Hearer, of_nodes: Sequence[Hearer], on_gap: Callable[[], None]) -> None:
        self._bus = bus
        self._of_workers = of_workers
        self._of_nodes = of_nodes
        self._on_gap = on_gap
        self._listening: Subscription | None = None

    async def start(self) -> None:
        self._listening = await self._bus.subscribe(subjects.HEARTBEATS, self._hear, on_gap=self._on_gap)

    async def stop(self) -> None:
        if self._listening is not None:
            await self._bus.unsubscribe(self._listening)

    def _hear(self, envelope: Envelope, reply: str) -> None:
        if isinstance(envelope, Heartbeat):
            for hearer in [self._of_workers] if envelope.kind == "worker" else self._of_nodes:
                hearer(envelope)
