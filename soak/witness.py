"""What one client saw: every event as it took effect, and whether its socket kept the promise of order.

Sightings are shared between clients, for hours of them would not fit otherwise.
"""

from typing import Any

from causerie.client import Client
from soak.evidence import Sighting

Json = dict[str, Any]
MAX_KEPT = 100
"""Skips told in full; one is enough to fail."""


class Witness:
    """Stands between a client and its model: hand `on_event` and `on_frame` to the client, then `watch` it."""

    def __init__(self, shared: dict[tuple[str, Sighting], Sighting]) -> None:
        self.seen: dict[str, list[Sighting]] = {}
        self.deliveries = 0
        self.healed = 0
        self.skipped: list[str] = []
        self._shared = shared
        self._pushed: set[tuple[str, int]] = set()
        self._client: Client | None = None

    def watch(self, client: Client) -> None:
        self._client = client

    def on_frame(self, frame: Json) -> None:
        """A frame came by itself; the model has not taken it yet."""
        if "seq" not in frame or self._client is None:
            return
        conversation, seq = frame["conversation_id"], frame["seq"]
        known = self._client.model.conversations.get(conversation)
        last = 0 if known is None else known.last
        if seq <= last:
            return
        self._pushed.add((conversation, seq))
        if seq > last + 1 and last and self._client.is_settled and len(self.skipped) < MAX_KEPT:
            self.skipped.append(f"{self._client.user} got seq {seq} of {conversation} after {last}")

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


def sighted(seq: int, kind: str, data: Json) -> Sighting:
    if kind in ("message.new", "message.edit"):
        return Sighting(seq, kind, data["id"], data["client_id"])
    return Sighting(seq, kind)
