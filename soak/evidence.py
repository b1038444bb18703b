"""What one run leaves behind, as plain values: the ledger is drawn from these alone.

Promises stand beside what became of them: answers, what each client saw take effect, what PostgreSQL holds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Sighting(NamedTuple):
    """One event of a conversation's log, as a client saw it take effect or as PostgreSQL holds it."""

    seq: int
    kind: str
    message_id: str | None = None
    client_id: str | None = None


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A send that was answered; a repeat under the same `client_id` is another one of these."""

    client_id: str
    conversation_id: str
    message_id: str
    seq: int
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Edited:
    """An edit that was answered. No message is edited twice, so its version is known: 2."""

    conversation_id: str
    message_id: str
    ended: float


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault of the schedule. `proof` says what showed that it happened; without one nothing did.

    `converged_seconds` is how long after the heal every client had what was acknowledged until then; None is never.
    """

    fault: str
    place: int
    began: float
    healed: float
    proof: str | None
    converged_seconds: float | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything known at the end of a run. Times are of one monotonic clock."""

    due: int
    """Sends the schedule wanted: too few accepted ones prove nothing."""
    acknowledged: Sequence[Acknowledged]
    members: Mapping[str, Sequence[str]]
    """The clients that must see each conversation."""
    log: Mapping[str, Sequence[Sighting]]
    """Each conversation's log in PostgreSQL, by seq."""
    seen: Mapping[str, Mapping[str, Sequence[Sighting]]]
    """Of each client, each conversation's events in the order they took effect."""
    faults: Sequence[Struck]
    edited: Sequence[Edited] = ()
    marks: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """The highest read mark acknowledged, by user and conversation."""
    stored_marks: Mapping[tuple[str, str], int] = field(default_factory=dict)
    skipped: Sequence[str] = ()
    """What a caught-up connection jumped over and never got, without a `resync`."""
    overtaken: Sequence[str] = ()
    """What a caught-up connection got before the events it follows, though those came after all."""
    stale: Sequence[str] = ()
    """Pages of history that differed from PostgreSQL at the end."""
    ghosts: Sequence[str] | None = None
    """Users shown online too long after they vanished; None when nobody looked."""
    healed: int = 0
    """Events clients did not get live, but from `sync` or the log."""
