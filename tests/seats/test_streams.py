"""Whatever happens to sections and acks on the way, a node delivers each stream without skipping anything."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from causerie.bus.envelopes import Delivery, Section, StreamPosition
from causerie.seats.incoming import Incoming
from causerie.seats.outgoing import MAX_WAITING, OVERDUE_SECONDS, Outgoing, Replay
from causerie.seats.terms import term_on_bus

SHARD = 3
CONVERSATION = b"c" * 16


def an_event(seq: int, *, bytes_of_text: int = 10) -> Delivery:
    return Delivery(CONVERSATION, seq, "message.new", b"x" * bytes_of_text, 0.0, ["ann"])


def a_stream(*, term: int = 1, counter: int = 0, position: int = 1) -> Outgoing:
    """A stream whose first replay has found nothing."""
    stream = Outgoing("node", SHARD, term, counter=counter, position=position)
    assert stream.replayed(position, now=0.0) == [] or counter
    return stream


def a_stream_to_replay() -> Outgoing:
    """A stream of events 1 to 8, none of which came and which the ring does not hold: the log is asked from 1 on."""
    stream = a_stream()
    for seq in range(1, 9):
        stream.add(an_event(seq, bytes_of_text=100_000))
        stream.take(seq + 1, now=10.0)
    assert stream.acknowledged(ack(Incoming()), urgent=False, now=11.0) == Replay(1)
    return stream


def sections(stream: Outgoing, *seqs: int, now: float = 0.0) -> list[Section]:
    made: list[Section] = []
    for seq in seqs:
        stream.add(an_event(seq))
        made += stream.take(seq + 1, now=now)
    return made


def seqs(deliveries: list[Delivery]) -> list[int]:
    return [delivery.seq for delivery in deliveries]


def ack(node: Incoming) -> StreamPosition:
    return node.position_of(SHARD)


# ── the node's side ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_section_before_its_turn_waits_and_is_reported() -> None:
    node = Incoming()
    one, two, three = sections(a_stream(), 1, 2, 3)

    assert node.receive(one) == ([an_event(1)], False)
    assert node.receive(three) == ([], True)
    assert node.receive(two) == ([an_event(2), an_event(3)], False)
    assert node.receive(two) == ([], False)


def test_a_lower_term_is_not_believed() -> None:
    node = Incoming()
    old, new = sections(a_stream(term=1), 1, 2), sections(a_stream(term=2), 1)

    assert seqs(node.receive(new[0])[0]) == [1]
    assert [node.receive(section) for section in old] == [([], False), ([], False)]
    assert not node.beat(StreamPosition(SHARD, 1, 9, 9))


def test_a_new_term_counts_anew_from_the_same_position() -> None:
    node = Incoming()
    for section in sections(a_stream(term=1), 1, 2, 3):
        node.receive(section)
    before = ack(node)

    assert node.beat(StreamPosition(SHARD, 2, 0, 0))

    assert ack(node) == StreamPosition(SHARD, 2, 0, before.position)


def test_a_term_of_another_history_outranks_all_and_forgets_the_position() -> None:
    node = Incoming()
    old, new = term_on_bus("abc-1", 900), term_on_bus("abc-2", 3)
    [section] = sections(a_stream(term=old), 40)
    node.receive(section)
    assert ack(node) == StreamPosition(SHARD, old, 1, 41)

    assert node.beat(StreamPosition(SHARD, new, 0, 0))

    assert ack(node) == StreamPosition(SHARD, new, 0, 0)
    assert node.receive(section) == ([], False)


def test_a_beat_that_counts_further_is_a_gap_and_one_that_agrees_moves_the_position() -> None:
    node = Incoming()
    [section] = sections(a_stream(), 1)
    node.receive(section)

    assert not node.beat(StreamPosition(SHARD, 1, 1, 50))
    assert ack(node).position == 50
    assert node.beat(StreamPosition(SHARD, 1, 2, 60))
    assert ack(node).position == 50


# ── the worker's side ───────────────────────────────────────────────────────────────────────────────────────────


def test_deliveries_to_channels_leave_behind_all_others() -> None:
    stream = a_stream()
    stream.add(Delivery(CONVERSATION, 1, "message.new", b"channel", 0.0))
    stream.add(an_event(2))

    [section] = stream.take(5, now=0.0)

    assert [delivery.payload for delivery in section.deliveries] == [an_event(2).payload, b"channel"]


def test_only_the_last_section_of_a_turn_promises_that_the_turn_is_complete() -> None:
    stream = a_stream()
    for seq in range(1, 4):
        stream.add(an_event(seq, bytes_of_text=150_000))

    assert [section.position for section in stream.take(9, now=0.0)] == [0, 0, 9]


def test_what_may_still_be_on_its_way_is_not_sent_again() -> None:
    stream, node = a_stream(), Incoming()
    sections(stream, 1, 2, now=10.0)

    assert stream.acknowledged(ack(node), urgent=False, now=10.0 + OVERDUE_SECONDS / 2) is None
    again = stream.acknowledged(ack(node), urgent=False, now=10.0 + OVERDUE_SECONDS)
    assert isinstance(again, list)
    assert [section.counter for section in again] == [1, 2]


def test_a_hole_the_node_has_seen_is_filled_at_once_but_only_once() -> None:
    stream, node = a_stream(), Incoming()
    _, two = sections(stream, 1, 2, now=10.0)
    node.receive(two)

    assert stream.acknowledged(ack(node), urgent=True, now=10.01) is not None
    assert stream.acknowledged(ack(node), urgent=True, now=10.02) is None


def test_what_the_ring_no_longer_holds_is_replayed_and_replaces_the_rest() -> None:
    stream, node = a_stream_to_replay(), Incoming()

    stream.add(an_event(9))
    assert stream.take(10, now=11.0) == []
    replayed = stream.replay([an_event(seq) for seq in range(1, 9)], now=11.1)
    waited = stream.replayed(9, now=11.2)
    assert isinstance(waited, list)
    heard = [seq for section in (*replayed, *waited) for seq in seqs(node.receive(section)[0])]
    assert heard == list(range(1, 10))


def test_a_replay_of_which_only_a_part_arrived_is_begun_again_where_it_began() -> None:
    """What was promised before it by sections that never came may stand in the part that is missing."""
    stream, node = a_stream_to_replay(), Incoming()

    for section in stream.replay([an_event(seq) for seq in range(1, 4)], now=11.1):
        node.receive(section)
    lost = [an_event(seq, bytes_of_text=100_000) for seq in range(4, 9)]
    stream.replay(lost, now=11.2)
    stream.replayed(9, now=11.3)

    assert stream.acknowledged(ack(node), urgent=False, now=12.0) == Replay(1)


def test_a_beat_in_the_middle_of_a_replay_does_not_promise_its_rest() -> None:
    """Should this owner end now, the next one begins where the node says it stands."""
    stream, node = a_stream_to_replay(), Incoming()
    for section in stream.replay([an_event(seq) for seq in range(1, 4)], now=11.1):
        node.receive(section)

    node.beat(stream.promise(9))

    assert ack(node).position == 1


def test_a_beat_does_not_promise_what_still_waits_to_be_sent() -> None:
    stream, node = a_stream(), Incoming()
    stream.add(an_event(1))

    node.beat(stream.promise(5))
    assert ack(node).position == 1

    [section] = stream.take(5, now=0.0)
    assert node.receive(section) == ([an_event(1)], False)
    assert ack(node).position == 5


def test_more_than_may_wait_for_a_replay_goes_into_another_one() -> None:
    stream = Outgoing("node", SHARD, 1, counter=0, position=5)
    for seq in range(MAX_WAITING + 1):
        stream.add(an_event(seq))

    assert stream.replayed(40, now=0.0) == Replay(40)
    assert stream.replaying
    assert isinstance(stream.replayed(50, now=0.0), list)


# ── both, and everything that may go wrong between them ─────────────────────────────────────────────────────────


@dataclass
class Wire:
    """An owner and a node with a lossy, repeating, reordering wire between them, and the log behind the owner.

    Event `n` has transaction id `n`, so a position `p` promises all events below `p`.
    """

    node: Incoming = field(default_factory=Incoming)
    term: int = 1
    committed: int = 0
    now: float = 0.0
    highest: int = 0
    stream: Outgoing | None = None
    replay_from: int | None = None
    flying: list[Section] = field(default_factory=list)
    delivered: list[int] = field(default_factory=list)

    def send(self, outgoing: list[Section]) -> None:
        self.flying += outgoing

    def post(self) -> None:
        self.committed += 1
        if self.stream is not None:
            self.stream.add(an_event(self.committed, bytes_of_text=40_000))
            self.send(self.stream.take(self.committed + 1, now=self.now))

    def arrive(self, index: int, *, lose: bool, repeat: bool) -> None:
        if self.flying:
            section = self.flying[index % len(self.flying)]
            if not repeat:
                self.flying.remove(section)
            if not lose:
                self.delivered += seqs(self.node.receive(section)[0])

    def beat(self) -> None:
        if self.stream is None:
            self.node.beat(StreamPosition(SHARD, self.term, 0, 0))
        else:
            self.node.beat(self.stream.promise(self.committed + 1))

    def acknowledge(self, *, urgent: bool) -> None:
        position = ack(self.node)
        if self.stream is None:
            counter = max(self.highest, position.counter if position.term == self.term else 0)
            self.stream = Outgoing("node", SHARD, self.term, counter=counter, position=position.position)
            self.replay_from = position.position
            return
        match self.stream.acknowledged(position, urgent=urgent, now=self.now):
            case Replay(start):
                self.replay_from = start
            case None:
                pass
            case again:
                self.send(again)

    def replay(self) -> None:
        if self.stream is not None and self.replay_from is not None:
            missed = [
                an_event(seq, bytes_of_text=40_000) for seq in range(max(1, self.replay_from), self.committed + 1)
            ]
            self.send(self.stream.replay(missed, now=self.now))
            outcome = self.stream.replayed(self.committed + 1, now=self.now)
            self.replay_from = None
            if isinstance(outcome, Replay):
                self.replay_from = outcome.position
            else:
                self.send(outcome)

    def take_over(self) -> None:
        """Another owner: nothing of the old one is left but what flies."""
        self.forget()
        self.term += 1
        self.highest = 0

    def forget(self) -> None:
        """The node was silent for so long that the owner has given it up."""
        if self.stream is not None:
            self.highest = max(self.highest, self.stream.counter)
        self.stream = None
        self.replay_from = None

    def heal(self) -> None:
        """Quiet times: everything arrives in order, beats and acks go round."""
        for _ in range(400):
            self.now += 1.0
            while self.flying:
                self.arrive(0, lose=False, repeat=False)
            self.beat()
            self.acknowledge(urgent=True)
            self.replay()
            if not self.flying and ack(self.node).position > self.committed:
                return


steps = st.lists(
    st.one_of(
        st.just(("post",)),
        st.just(("post",)),
        st.tuples(st.just("arrive"), st.integers(0, 3), st.sampled_from(["ok", "ok", "ok", "lose", "repeat"])),
        st.just(("beat",)),
        st.tuples(st.just("ack"), st.booleans()),
        st.just(("replay",)),
        st.just(("take over",)),
        st.just(("forget",)),
        st.tuples(st.just("wait"), st.floats(0.01, 0.5)),
    ),
    max_size=120,
)


@given(steps)
@settings(max_examples=1500, deadline=None)
def test_once_healed_every_event_was_delivered_and_a_client_skips_none(script: list[tuple[object, ...]]) -> None:
    wire = Wire()
    for step in script:
        match step:
            case ("post",):
                wire.post()
            case ("arrive", int(index), str(fate)):
                wire.arrive(index, lose=fate == "lose", repeat=fate == "repeat")
            case ("beat",):
                wire.beat()
            case ("ack", bool(urgent)):
                wire.acknowledge(urgent=urgent)
            case ("replay",):
                wire.replay()
            case ("take over",):
                wire.take_over()
            case ("forget",):
                wire.forget()
            case ("wait", float(seconds)):
                wire.now += seconds
    wire.heal()

    applied = 0
    for seq in wire.delivered:
        assert seq <= applied + 1, f"{seq} was delivered right after {applied}"
        applied = max(applied, seq)
    assert applied == wire.committed
