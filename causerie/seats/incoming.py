"""The node's side of the streams: put numbered sections back in order, notice what is missing, say where we stand.

For each shard there is one owner, whose *term* fences off its predecessors, and whose sections to this node are
numbered 1, 2, 3 …  What is missing is sent again, or replaced by a *jump* read from the log.
"""

from dataclasses import dataclass, field

from causerie.bus.envelopes import Delivery, Section, StreamPosition
from causerie.seats.terms import same_history

MAX_HELD_SECTIONS = 256
"""Kept of one shard while an earlier section is missing; what does not fit will be sent again."""


@dataclass(slots=True)
class _Stream:
    term: int
    counter: int = 0
    position: int = 0
    held: dict[int, Section] = field(default_factory=dict)


class Incoming:
    """All shards' streams to one node."""

    def __init__(self) -> None:
        self._streams: dict[int, _Stream] = {}

    def receive(self, section: Section) -> tuple[list[Delivery], bool]:
        """Take a section; returns what can be delivered now, in order, and whether something is missing."""
        stream = self._stream_of(section.shard, section.term)
        if stream is None or section.counter <= stream.counter:
            return [], False
        if section.counter > stream.counter + 1 and not section.jump:
            if len(stream.held) < MAX_HELD_SECTIONS:
                stream.held[section.counter] = section
            return [], True
        delivered = self._advance(stream, section)
        if stream.held:
            delivered = self._release_held(stream, delivered)
        return delivered, bool(stream.held)

    def beat(self, sent: StreamPosition) -> bool:
        """Compare with what the owner says it has sent; returns whether it should be told where we are.

        Position 0 comes from an owner that does not know yet: it has taken over, or we have been away.
        """
        stream = self._stream_of(sent.shard, sent.term)
        if stream is None:
            return False
        if sent.position == 0 or sent.counter > stream.counter:
            return True
        stream.position = max(stream.position, sent.position)
        return False

    def positions(self) -> list[StreamPosition]:
        """Where we are in each shard we have heard of."""
        return [
            StreamPosition(shard, stream.term, stream.counter, stream.position)
            for shard, stream in self._streams.items()
        ]

    def position_of(self, shard: int) -> StreamPosition:
        """Where we are in one shard; all zero if we have never heard of it."""
        stream = self._streams.get(shard)
        if stream is None:
            return StreamPosition(shard, 0, 0, 0)
        return StreamPosition(shard, stream.term, stream.counter, stream.position)

    def _stream_of(self, shard: int, term: int) -> _Stream | None:
        """The stream in this term; None when the term is over. A new term starts anew but from the same position."""
        stream = self._streams.get(shard)
        if stream is None:
            stream = self._streams[shard] = _Stream(term)
        elif term > stream.term:
            position = stream.position if same_history(stream.term, term) else 0
            stream = self._streams[shard] = _Stream(term, position=position)
        elif term < stream.term:
            return None
        return stream

    def _advance(self, stream: _Stream, section: Section) -> list[Delivery]:
        stream.counter = section.counter
        stream.position = max(stream.position, section.position)
        return section.deliveries

    def _release_held(self, stream: _Stream, delivered: list[Delivery]) -> list[Delivery]:
        released = list(delivered)
        while following := stream.held.pop(stream.counter + 1, None):
            released += self._advance(stream, following)
        for counter in [counter for counter in stream.held if counter <= stream.counter]:
            del stream.held[counter]
        return released
