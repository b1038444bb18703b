"""What the scenarios know of a server."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from bench.generator import Clients
from bench.processes import Unavailable

__all__ = ["MARK", "MARK_BYTES", "PAYLOAD", "PAYLOAD_BYTES", "Burst", "Clients", "Running", "Server", "Unavailable"]

PAYLOAD_BYTES = 200
MARK, MARK_BYTES = "%t", 21
"""What the generator puts the time in the place of, and how long that is."""
_FILLING = "the kettle is on and the kitchen is full of people who have not seen each other since spring; " * 2
PAYLOAD = MARK + _FILLING[: PAYLOAD_BYTES - MARK_BYTES]


@dataclass(frozen=True)
class Burst:
    """What a publisher writes for some messages at once: `text`, `copies` times."""

    text: str
    copies: int = 1


@dataclass(frozen=True)
class Running:
    """A server that is up, in one process or several. `pids` are those whose CPU time and memory are the server's.

    `idle` is who only wants to be connected; without it readers are as idle as can be. `beside` names processes that
    work for it and are not its own. `settle_seconds` after the readers came it says nothing more of its own accord.
    """

    ports: Sequence[int]
    pids: Sequence[int]
    readers: Clients
    publisher: Clients
    publisher_ports: Sequence[int]
    burst: Callable[[int], Burst]
    idle: Clients | None = None
    beside: Mapping[str, int] = field(default_factory=dict)
    settle_seconds: float = 0.0


@dataclass(frozen=True)
class Server:
    """One row of the tables. `start` takes the number of readers to come; it may raise `Unavailable`.

    `window` is how many bursts may be under way: with few the server waits for the generator at times, and the
    generator, which then reads every frame by itself, works as hard as a floor; more are for a way with many stations.
    """

    name: str
    start: Callable[[int], AbstractAsyncContextManager[Running]]
    remark: str = ""
    window: int = 4
    is_floor: bool = False
