"""What another release or chance may put on the bus is dropped, never raised."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from causerie.bus import envelopes
from causerie.bus.envelopes import Batches, Delivery, Heartbeat, Hint, Hints, Section

BATCHES = Batches("w", [Section(1, 2, 3, 4, False, [Delivery(b"c" * 16, 7, "message.new", b"{}", 1.5, ["ann"])])])


def test_an_envelope_comes_back_as_it_went() -> None:
    assert envelopes.decode(envelopes.encode(BATCHES)) == BATCHES


@given(st.binary(max_size=200))
def test_garbage_is_nothing(data: bytes) -> None:
    assert envelopes.decode(b"\x00" + data) is None
    envelopes.decode(bytes([envelopes.VERSION]) + data)


@given(st.data())
def test_damage_is_nothing_or_an_envelope(data: st.DataObject) -> None:
    damaged = bytearray(envelopes.encode(BATCHES))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))

    envelopes.decode(bytes(damaged))


def test_another_version_is_nothing() -> None:
    data = envelopes.encode(BATCHES)

    assert envelopes.decode(bytes([envelopes.VERSION + 1]) + data[1:]) is None
    assert envelopes.decode(b"") is None


def test_an_unknown_kind_of_message_is_nothing() -> None:
    data = bytes([envelopes.VERSION]) + msgspec.msgpack.encode([999, "something of a later release"])

    assert envelopes.decode(data) is None


def test_fields_that_a_later_release_appended_are_skipped() -> None:
    appended = [8, "node", "gateway", 1, 2, False, 3.0, "pod", "new"]
    data = bytes([envelopes.VERSION]) + msgspec.msgpack.encode(appended)

    assert envelopes.decode(data) == Heartbeat("node", "gateway", 1, 2, False, 3.0, "pod")


def test_a_heartbeat_of_the_release_before_names_no_pod() -> None:
    data = bytes([envelopes.VERSION]) + msgspec.msgpack.encode([8, "node", "gateway", 1, 2, False, 3.0])

    assert envelopes.decode(data) == Heartbeat("node", "gateway", 1, 2, False, 3.0, "")


def test_who_says_nothing_of_traces_is_heard() -> None:
    hints = [1, [[b"c" * 16, 7, "message.new", b"{}", 1.5]]]
    batches = [3, "w", [[1, 2, 3, 4, False, [[b"c" * 16, 7, "message.new", b"{}", 1.5, ["ann"]]]]]]

    heard = [envelopes.decode(bytes([envelopes.VERSION]) + msgspec.msgpack.encode(sent)) for sent in (hints, batches)]

    assert heard == [Hints([Hint(b"c" * 16, 7, "message.new", b"{}", 1.5, None)]), BATCHES]


def test_depth_is_no_bomb() -> None:
    assert envelopes.decode(bytes([envelopes.VERSION]) + b"\x91" * 100_000) is None
