"""What one client saw: every event as it took effect, and whether its socket kept the promise of order.

Sightings are shared between clients, for hours of them would not fit otherwise.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from causerie.client import Client
from soak.evidence import Sighting

Json = dict[str, Any]
MAX_KEPT = 100
"""Jumps told in full; one is enough to fail."""
PATIENCE_SECONDS = 5.0
"""What a connection jumped over may still come so much later; one that ended before broke no promise."""


@dataclass
class _Gap:
    """Events a caught-up connection jumped over; those that come after all are taken out."""

    connection: int
    conversation: str
    after: int
    missing: set[int]
    at: float


class Witness:
    """Stands between a client and its model: hand `on_event` and `on_frame` to the client, then `watch` it."""

    def __init__(self, shared: dict[tuple[str, Sighting], Sighting]) -> None:
        self.seen: dict[str, list[Sighting]] = {}
        self.deliveries = 0
        self.healed = 0
        self.overtaken: list[str] = []
        """Every jump, whether or not what it left out came after all."""
        self._shared = shared
        self._pushed: set[tuple[str, int]] = set()
        self._gaps: list[_Gap] = []
        self._heard_at: dict[int, float] = {}
        self._first_heard_at: dict[int, float] = {}
        self._client: Client | None = None

    def watch(self, client: Client) -> None:
        self._client = client

    @property
    def skipped(self) -> list[str]:
        """The jumps of which something never came."""
        assert self._client is not None
        return [
            f"{self._client.user} never got seq {min(gap.missing)} of {gap.conversation}, and more, after {gap.after}"
            for gap in self._gaps
            if gap.missing and self._heard_at[gap.connection] - gap.at > PATIENCE_SECONDS
        ][:MAX_KEPT]

    def on_frame(self, frame: Json) -> None:
        """A frame came by itself; the model has not taken it yet."""
        if self._client is None or "conversation_id" not in frame:
            return
        now = asyncio.get_running_loop().time()
        conversation, seq = frame["conversation_id"], frame.get("seq")
        if self._is_connected:
            self._heard_at[self._client.connects] = now
            self._first_heard_at.setdefault(self._client.connects, now)
            if frame["event"] == "resync":
                self._forgive(conversation, None)
            elif seq is not None:
                self._forgive(conversation, seq)
        if seq is None:
            return
        known = self._client.model.conversations.get(conversation)
        last = 0 if known is None else known.last
        if seq <= last:
            return
        self._pushed.add((conversation, seq))
        if seq > last + 1 and last and self._client.is_settled:
            if len(self.overtaken) < MAX_KEPT:
                self.overtaken.append(
                    f"{self._client.user} got seq {seq} of {conversation} after {last} {self._circumstances(now)}"
                )
            self._gaps.append(_Gap(self._client.connects, conversation, last, set(range(last + 1, seq)), now))

    def on_event(self, event: Json) -> None:
        """An event took effect."""
        conversation, data = event["conversation_id"], event["data"]
        sighting = sighted(event["seq"], event["event"], data)
        sighting = self._shared.setdefault((conversation, sighting), sighting)
        self.seen.setdefault(conversation, []).append(sighting)
        self.deliveries += sighting.kind == "message.new"
        if (conversation, sighting.seq) in self._pushed:
            self._pushed.discard((conversation, sighting.seq))
        else:
            self.healed += 1

    def _circumstances(self, now: float) -> str:
        """By which the logs of the services can be searched."""
        assert self._client is not None
        age = now - self._first_heard_at[self._client.connects]
        clock = datetime.now(UTC).isoformat(timespec="milliseconds")
        connection = f"connection {self._client.connects} to {self._client.gateway}"
        return f"at {clock}, {age:.1f} s after the first frame of {connection}"

    @property
    def _is_connected(self) -> bool:
        """Not yet when a frame comes with the welcome: the client's latest connection is then the one before."""
        assert self._client is not None
        connection = self._client.connection
        return connection is not None and connection.is_open

    def _forgive(self, conversation: str, seq: int | None) -> None:
        """On the same connection a missing event came after all, or the server said by itself that it will not."""
        assert self._client is not None
        for gap in self._gaps:
            if gap.conversation == conversation and gap.connection == self._client.connects:
                gap.missing -= gap.missing if seq is None else {seq}


def sighted(seq: int, kind: str, data: Json) -> Sighting:
    if kind in ("message.new", "message.edit"):
        return Sighting(seq, kind, data["id"], data["client_id"])
    return Sighting(seq, kind)
