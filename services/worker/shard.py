"""One shard while this worker owns it: the lease, how far it is dispatched, its conversations and its streams."""

import time

from causerie.bus.connection import Subscription
from causerie.seats.outgoing import Outgoing
from causerie.seats.terms import term_on_bus
from causerie.store.leases import Lease
from causerie.store.log import Tail
from services.worker.conversations import Conversations


class Shard:
    """Made anew for each term. `deadline` is counted by our own monotonic clock from before the lease was asked for."""

    def __init__(self, lease: Lease, *, epoch: str, deadline: float) -> None:
        self.number = lease.shard
        self.epoch = epoch
        self.term = term_on_bus(epoch, lease.term)
        self.deadline = deadline
        self._lease_term = lease.term
        self.start = lease.position
        """From here the predecessor may have left something undispatched."""
        self.position = lease.position
        """Everything below has been dispatched to every stream there is."""
        self._moved_at = time.monotonic()
        self.conversations = Conversations()
        self.streams: dict[str, Outgoing] = {}
        self.highest_counter = 0
        """Of all streams of this term that have ended; see `Outgoing`."""
        self.subscription: Subscription | None = None
        self.is_over = False

    @property
    def is_held(self) -> bool:
        """Whether we may speak for the shard now; asks the clock, because we may have been frozen."""
        return not self.is_over and time.monotonic() < self.deadline

    @property
    def position_age_seconds(self) -> float:
        """How long the position has not followed the log: nobody could read it, or somebody holds it up."""
        return time.monotonic() - self._moved_at

    def follow(self, tail: Tail) -> None:
        """Everything in this tail of the log has been dispatched."""
        if tail.position > self.position or not tail.heads:
            self._moved_at = time.monotonic()
        self.position = max(self.position, tail.position)

    def end_stream(self, node: str) -> None:
        """The node is gone, perhaps for a while."""
        stream = self.streams.pop(node, None)
        if stream is not None:
            self.highest_counter = max(self.highest_counter, stream.end())

    def checkpoint(self, nodes: list[str]) -> int:
        """What a successor may take for delivered: what every living node has acknowledged."""
        if any(node not in self.streams for node in nodes):
            return self.start
        return min((self.streams[node].acked_position for node in nodes), default=self.position)

    def lease(self, nodes: list[str]) -> Lease:
        """What to write when the lease is renewed or given back."""
        return Lease(self.number, self._lease_term, min(self.position, self.checkpoint(nodes)))
