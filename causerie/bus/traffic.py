"""What goes through the connection to NATS, added up over the clients that follow each other."""

from collections.abc import Callable

from nats.aio.client import Client

from causerie import telemetry


class Traffic:
    """Shown in the metrics from when this is made. `unread` are the bytes that arrived and wait for us."""

    def __init__(self, unread: Callable[[], int]) -> None:
        self._client: Client | None = None
        self._earlier: dict[str, int] = {}
        """What clients that are gone had counted."""
        of = self._count
        telemetry.BUS_MESSAGES.reads.update({"in": lambda: of("in_msgs"), "out": lambda: of("out_msgs")})
        telemetry.BUS_BYTES.reads.update({"in": lambda: of("in_bytes"), "out": lambda: of("out_bytes")})
        telemetry.BUS_WAITING_BYTES.reads.update({"in": unread, "out": self._unsent})

    def through(self, client: Client) -> None:
        """From now on it goes through this one."""
        self._earlier = {name: self._count(name) for name in client.stats}
        self._client = client

    def _count(self, name: str) -> int:
        return self._earlier.get(name, 0) + (self._client.stats[name] if self._client is not None else 0)

    def _unsent(self) -> int:
        return self._client.pending_data_size if self._client is not None else 0
