"""What the nodes say of themselves each second, for whoever decides by the whole fleet.

A gateway that holds more than its share sends some away, and a worker tells the cluster which pod to remove first.
"""

from collections.abc import Sequence

from causerie.bus.envelopes import Heartbeat
from causerie.domain.ids import NodeId

SILENCE_SECONDS = 10.0
"""A node that was silent for so long is gone."""
FRESH_SECONDS = 3.5
"""Three heartbeats: by older figures nobody is sent away."""


class Fleet:
    """The latest heartbeat of every living node."""

    def __init__(self) -> None:
        self._heard: dict[NodeId, tuple[float, Heartbeat]] = {}

    def hear(self, heartbeat: Heartbeat, *, now: float) -> None:
        """Note what a node says; what workers say is of their shards and left out."""
        node = NodeId(heartbeat.node)
        if heartbeat.kind == "gone":
            self._heard.pop(node, None)
        elif heartbeat.kind != "worker":
            self._heard[node] = (now, heartbeat)

    def expire(self, *, now: float) -> None:
        for node in [node for node, (at, _) in self._heard.items() if now - at > SILENCE_SECONDS]:
            del self._heard[node]

    def known(self) -> Sequence[Heartbeat]:
        """All gateways that have not been silent for long; for who only looks."""
        return [heartbeat for _, heartbeat in list(self._heard.values()) if heartbeat.kind == "gateway"]

    def gateways(self, *, now: float) -> Sequence[Heartbeat] | None:
        """All living gateways; None while one of them is silent: dead or not, where its clients are is not known."""
        heard = [(at, heartbeat) for at, heartbeat in self._heard.values() if heartbeat.kind == "gateway"]
        if any(now - at > FRESH_SECONDS for at, _ in heard):
            return None
        return [heartbeat for _, heartbeat in heard]
