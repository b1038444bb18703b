"""What an owner leaves to its successor: the place in the log before which no node lacks anything."""

import math
import time
from uuid import UUID

from causerie.bus.envelopes import Delivery, StreamPosition
from causerie.domain.ids import ConversationId
from causerie.seats.outgoing import Outgoing
from causerie.store.leases import Lease
from causerie.store.log import Tail
from services.worker.shard import Shard


def a_shard(*, dispatched_to: int) -> Shard:
    """Taken over at 10."""
    shard = Shard(Lease(3, term=1, position=10), epoch="5e7-1", deadline=math.inf)
    shard.position = dispatched_to
    return shard


def a_stream(shard: Shard, node: str, *, position: int) -> Outgoing:
    stream = shard.streams[node] = Outgoing(node, shard.number, shard.term, counter=0, position=position)
    stream.replayed(shard.position, now=0.0)
    return stream


def test_a_successor_begins_at_what_the_last_of_the_nodes_has_acknowledged():
    shard = a_shard(dispatched_to=50)
    slow, quick = a_stream(shard, "slow", position=20), a_stream(shard, "quick", position=20)
    quick.acknowledged(StreamPosition(shard.number, shard.term, 0, 50), urgent=False, now=0.0)
    assert shard.lease(["slow", "quick"]).position == 20

    slow.acknowledged(StreamPosition(shard.number, shard.term, 0, 40), urgent=False, now=0.0)
    assert shard.lease(["slow", "quick"]).position == 40


def test_a_successor_begins_where_we_began_for_a_node_that_has_no_stream_yet():
    shard = a_shard(dispatched_to=50)
    a_stream(shard, "old", position=50)

    assert shard.lease(["old", "new"]).position == 10


def test_with_nobody_to_tell_a_successor_begins_where_we_stand():
    assert a_shard(dispatched_to=50).lease([]).position == 50


def test_a_stream_that_has_ended_uses_no_number_of_the_one_that_follows_it():
    """What was gathered in its last turn is in the log; sent late, it would be taken for the beginning of the other."""
    shard = a_shard(dispatched_to=50)
    ended = a_stream(shard, "node", position=20)
    ended.add(Delivery(bytes(16), 1, "message.new", b"text", 0.0, ["ann"]))

    shard.end_stream("node")

    assert ended.take(50, now=0.0) == []
    assert ended.counter == shard.highest_counter


def test_nobody_speaks_for_a_shard_beyond_the_end_of_its_lease_whatever_kept_him():
    now = time.monotonic()

    assert Shard(Lease(3, term=1, position=10), epoch="5e7-1", deadline=now + 60.0).is_held
    assert not Shard(Lease(3, term=1, position=10), epoch="5e7-1", deadline=now).is_held


def test_a_position_ages_while_it_cannot_follow_a_log_that_grows(monkeypatch):
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    shard = a_shard(dispatched_to=50)
    news = [(ConversationId(UUID(int=1)), 7)]

    now = 160.0
    shard.follow(Tail(50, news))
    assert (shard.position, shard.position_age_seconds) == (50, 60.0)

    shard.follow(Tail(51, news))
    assert (shard.position, shard.position_age_seconds) == (51, 0.0)


def test_a_position_is_young_while_the_log_is_still(monkeypatch):
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    shard = a_shard(dispatched_to=50)

    now = 160.0
    shard.follow(Tail(50, []))

    assert shard.position_age_seconds == 0.0
