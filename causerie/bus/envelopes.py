"""What travels on the bus: a version byte, then one msgpack array per message.

Release N-1 runs beside N.  A field may be added at the end of a struct with a default: older readers skip it,
newer ones fill it in.  Any other change is a new tag or a new version; a reader that does not know it drops the
message, and the log makes good what was lost.
"""

import msgspec

VERSION = 1
MAX_MESSAGE_BYTES = 256 * 1024
"""Where senders cut: larger messages hold up everybody behind them on the connection."""


class _Row(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A part of a message."""


class _Envelope(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A whole message, recognised by its tag."""


# ── from writers to the owner of a shard ────────────────────────────────────────────────────────────────────────


class Hint(_Row, frozen=True):
    """One event just committed. `payload` is the event in the native dialect, encoded once."""

    conversation: bytes
    seq: int
    kind: str
    payload: bytes
    committed_at: float
    traceparent: str | None = None


class Hints(_Envelope, frozen=True, tag=1):
    events: list[Hint]


class Ephemeral(_Envelope, frozen=True, tag=2):
    """A frame that is not in the log. `to` names users; without it the members get it, if there are few enough."""

    conversation: bytes
    kind: str
    payload: bytes
    to: list[str] | None = None
    except_user: str | None = None
    max_members: int | None = None


# ── from workers to a node ──────────────────────────────────────────────────────────────────────────────────────


class Delivery(_Row, frozen=True):
    """One event for one node: for these users there, or, without recipients, for whoever follows the channel."""

    conversation: bytes
    seq: int
    kind: str
    payload: bytes
    committed_at: float
    recipients: list[str] | None = None


class Section(_Row, frozen=True):
    """A numbered piece of the stream (shard, term, node).

    `position` promises that every event of the shard below it is in this section or an earlier one.  A `jump`
    was read from the log again and replaces whatever the node still misses before it.
    """

    shard: int
    term: int
    counter: int
    position: int
    jump: bool
    deliveries: list[Delivery]


class Batches(_Envelope, frozen=True, tag=3):
    worker: str
    sections: list[Section]
    traceparent: str | None = None


class StreamPosition(_Row, frozen=True):
    """How far a stream is: as its owner sent it (in a beat), or as a node received it (in an ack)."""

    shard: int
    term: int
    counter: int
    position: int


class Beat(_Envelope, frozen=True, tag=4):
    """Each second: how far each stream to this node is. Position 0 asks the node where it stands."""

    worker: str
    streams: list[StreamPosition]


class Echo(_Envelope, frozen=True, tag=5):
    """The worker knows this node's seats up to this change."""

    worker: str
    seats_counter: int


class EphemeralDelivery(_Row, frozen=True):
    """A frame for these users, or, without recipients, for whoever follows the channel, except its author."""

    conversation: bytes | None
    kind: str
    payload: bytes
    recipients: list[str] | None = None
    except_user: str | None = None


class Ephemerals(_Envelope, frozen=True, tag=6):
    deliveries: list[EphemeralDelivery]


# ── from nodes to all workers ───────────────────────────────────────────────────────────────────────────────────


class SeatChange(_Row, frozen=True):
    """The first session of a user, or the first follower of a channel, came (`taken`), or the last one left."""

    user: str | None
    channel: bytes | None
    taken: bool


class SeatChanges(_Envelope, frozen=True, tag=7):
    """Changes number `first`, `first + 1` … of this node."""

    node: str
    first: int
    changes: list[SeatChange]


class Heartbeat(_Envelope, frozen=True, tag=8):
    """Each second, from nodes (kind `gateway` or `api`) and workers (kind `worker`)."""

    node: str
    kind: str
    seats_counter: int
    connections: int
    draining: bool
    uptime_seconds: float
    pod: str = ""
    """What the cluster calls the node; empty outside of one, and from release N-1."""


class Acks(_Envelope, frozen=True, tag=9):
    """How far a node is. `full`: a shard not named here was never heard of."""

    node: str
    full: bool
    streams: list[StreamPosition]


class RosterAsk(_Envelope, frozen=True, tag=10):
    worker: str


class RosterPage(_Envelope, frozen=True, tag=11):
    """One page of all seats of a node as they were at change `counter`; pages count from 0."""

    node: str
    counter: int
    page: int
    pages: int
    users: list[str]
    channels: list[bytes]


# ── others ──────────────────────────────────────────────────────────────────────────────────────────────────────


class PresenceChange(_Row, frozen=True):
    user: str
    status: str
    last_seen: float | None = None


class PresenceChanges(_Envelope, frozen=True, tag=12):
    changes: list[PresenceChange]


class Ping(_Envelope, frozen=True, tag=13):
    """To oneself, on a subject that has been silent: does the subscription still hear?"""

    bus: str


class Released(_Envelope, frozen=True, tag=14):
    """These shards are free: whoever prefers them need not wait for the lease to run out."""

    worker: str
    shards: list[int]


Envelope = (
    Hints
    | Ephemeral
    | Batches
    | Beat
    | Echo
    | Ephemerals
    | SeatChanges
    | Heartbeat
    | Acks
    | RosterAsk
    | RosterPage
    | PresenceChanges
    | Ping
    | Released
)

_VERSION_BYTE = bytes([VERSION])
_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Envelope] = msgspec.msgpack.Decoder(Envelope)


def encode(envelope: Envelope) -> bytes:
    return _VERSION_BYTE + _encoder.encode(envelope)


def decode(data: bytes) -> Envelope | None:
    """Read a message; nothing when it is garbage or of a release we do not know."""
    if data[:1] != _VERSION_BYTE:
        return None
    try:
        return _decoder.decode(memoryview(data)[1:])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
