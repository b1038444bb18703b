"""How one connection speaks. The swarm knows no dialect: it asks for bytes to write, and for what bytes mean.

Another dialect is a module beside `native.py` with a class that has the methods of `Dialect`, and a line in `DIALECTS`.
What it cannot do (a dialect without presence, say) it answers with None, and the swarm leaves that out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class Welcome(NamedTuple):
    """The connection is authenticated."""


class Event(NamedTuple):
    """A durable event of a conversation; `sent_ns` is what a message of ours says about when it was sent."""

    conversation: bytes
    seq: int
    sent_ns: int | None


class Reply(NamedTuple):
    """What a request was answered; `payload` is for who wants the result."""

    request: int
    error: str | None
    payload: bytes


class Seen(NamedTuple):
    """Somebody's presence as it is now."""

    user: str
    status: str


class Resync(NamedTuple):
    """The server could not fill a gap: what comes next follows this seq."""

    conversation: bytes
    seq: int


class Farewell(NamedTuple):
    """The server is about to close; None when coming back does not help."""

    reason: str
    come_back_seconds: float | None


class Noise(NamedTuple):
    """Something a load test does not look at."""


Heard = Welcome | Event | Reply | Seen | Resync | Farewell | Noise


@dataclass(frozen=True)
class Missed:
    """What catching up answered: events in order, where conversations go on, and whether there is more."""

    events: Sequence[Event]
    heads: Sequence[Resync]
    cursor: str
    has_more: bool


class Dialect(Protocol):
    """What a connection says, as the text of one frame; None for what a dialect cannot say."""

    def path(self) -> str: ...

    def hear(self, payload: bytes) -> Heard: ...

    def missed(self, payload: bytes) -> Missed:
        """Read the reply to `sync`."""
        ...

    def seq(self, payload: bytes) -> int:
        """Read the reply to `send`: the number of the message; 0 when the dialect does not tell."""
        ...

    def send(self, request: int, conversation: str, key: str, text: str) -> bytes: ...

    def sync(self, request: int, cursor: str | None) -> bytes | None: ...

    def follow(self, request: int, channel: str) -> bytes | None: ...

    def watch(self, request: int, users: Sequence[str]) -> bytes | None: ...

    def presence(self, request: int, status: str) -> bytes | None: ...


def dialects() -> Mapping[str, Callable[[], Dialect]]:
    """All there are, by name."""
    from loadtest.dialects.native import Native

    return {"native": Native}
