"""RFC 6455, line by line (PROTOCOLS §1.8), in every way the bytes may arrive."""

import pytest

from causerie.protocol.close_codes import CloseCode
from causerie.protocol.websocket import (
    MAX_MESSAGE_BYTES,
    Binary,
    Close,
    Incoming,
    Ping,
    Pong,
    Receiver,
    Text,
    Violation,
    binary_frame,
    close_frame,
    ping_frame,
    pong_frame,
    text_frame,
    unmask,
)

KEY = b"\x37\xfa\x21\x3d"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def a_frame(opcode: int, payload: bytes = b"", *, final: bool = True, rsv: int = 0, masked: bool = True) -> bytes:
    size = len(payload)
    first = (0x80 if final else 0) | rsv | opcode
    mask_bit = 0x80 if masked else 0
    if size < 126:
        head = bytes((first, mask_bit | size))
    elif size < 1 << 16:
        head = bytes((first, mask_bit | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, mask_bit | 127)) + size.to_bytes(8, "big")
    return head + KEY + unmask(payload, KEY) if masked else head + payload


def received(data: bytes, *, chunk: int | None = None) -> list[Incoming]:
    receiver = Receiver()
    step = chunk or max(1, len(data))
    return [item for start in range(0, len(data), step) for item in receiver.receive(data[start : start + step])]


def broken_by(data: bytes) -> CloseCode | None:
    last = received(data)[-1:]
    return last[0].code if last and isinstance(last[0], Violation) else None


def test_the_example_of_the_rfc_is_read():
    assert received(bytes.fromhex("818537fa213d7f9f4d5158")) == [Text("Hello")]


@pytest.mark.parametrize("size", [0, 1, 3, 125, 126, 1023, 1024, 65_535, 65_536])
@pytest.mark.parametrize("chunk", [None, 7, 1000])
def test_a_message_of_any_size_arrives_whole_in_any_pieces(size, chunk):
    text = ("é" + "abc" * (size // 3 + 1)).encode()[:size] if size > 2 else b"x" * size

    assert received(a_frame(TEXT, text), chunk=chunk) == [Text(text.decode())]
    assert received(a_frame(BINARY, text), chunk=chunk) == [Binary(text)]


def test_frames_that_arrive_together_are_read_in_order():
    data = a_frame(TEXT, b"one") + a_frame(PING, b"p") + a_frame(TEXT, b"two") + a_frame(PONG, b"q")

    assert received(data) == [Text("one"), Ping(b"p"), Text("two"), Pong(b"q")]
    assert received(data, chunk=1) == received(data)


def test_a_fragmented_message_is_one_message():
    data = a_frame(TEXT, b"Hel", final=False) + a_frame(CONTINUATION, b"", final=False) + a_frame(CONTINUATION, b"lo")

    assert received(data) == [Text("Hello")]


def test_pings_between_fragments_are_seen_before_the_message():
    data = a_frame(BINARY, b"a", final=False) + a_frame(PING, b"now") + a_frame(CONTINUATION, b"b")

    assert received(data) == [Ping(b"now"), Binary(b"ab")]


def test_a_character_may_be_cut_between_fragments():
    data = a_frame(TEXT, b"\xe2\x82", final=False) + a_frame(CONTINUATION, b"\xac")

    assert received(data) == [Text("€")]


@pytest.mark.parametrize("opcode", [TEXT, BINARY, PING, CLOSE])
def test_an_unmasked_frame_is_a_protocol_error(opcode):
    assert broken_by(a_frame(opcode, b"", masked=False)) == CloseCode.PROTOCOL_ERROR


@pytest.mark.parametrize("rsv", [0x40, 0x20, 0x10])
@pytest.mark.parametrize("opcode", [TEXT, PING])
def test_reserved_bits_without_an_extension_are_a_protocol_error(rsv, opcode):
    assert broken_by(a_frame(opcode, b"", rsv=rsv)) == CloseCode.PROTOCOL_ERROR


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
def test_a_reserved_opcode_is_a_protocol_error(opcode):
    assert broken_by(a_frame(opcode)) == CloseCode.PROTOCOL_ERROR


@pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
def test_a_control_frame_is_short_and_whole(opcode):
    assert broken_by(a_frame(opcode, b"x" * 126)) == CloseCode.PROTOCOL_ERROR
    assert broken_by(a_frame(opcode, b"", final=False)) == CloseCode.PROTOCOL_ERROR
    assert received(a_frame(PING, b"x" * 125)) == [Ping(b"x" * 125)]


def test_a_stray_continuation_is_a_protocol_error():
    assert broken_by(a_frame(CONTINUATION, b"x")) == CloseCode.PROTOCOL_ERROR
    assert broken_by(a_frame(TEXT, b"x") + a_frame(CONTINUATION, b"x")) == CloseCode.PROTOCOL_ERROR


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_a_new_message_inside_a_fragmented_one_is_a_protocol_error(opcode):
    assert broken_by(a_frame(TEXT, b"x", final=False) + a_frame(opcode, b"y")) == CloseCode.PROTOCOL_ERROR


@pytest.mark.parametrize("text", [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"])
def test_text_that_is_not_utf8_is_refused_whole_and_in_fragments(text):
    assert broken_by(a_frame(TEXT, text)) == CloseCode.INVALID_TEXT
    pieces = a_frame(TEXT, b"ok", final=False) + a_frame(CONTINUATION, text[:1], final=False)
    assert broken_by(pieces + a_frame(CONTINUATION, text[1:])) == CloseCode.INVALID_TEXT


def test_fragmented_text_is_refused_at_the_first_wrong_byte():
    assert broken_by(a_frame(TEXT, b"ok\xff", final=False)) == CloseCode.INVALID_TEXT


def test_a_message_over_the_limit_is_refused_before_its_body_comes():
    head = a_frame(TEXT, b"x" * (MAX_MESSAGE_BYTES + 1))[:10]

    assert broken_by(head) == CloseCode.TOO_BIG


def test_the_limit_holds_for_the_whole_message_not_for_a_frame():
    half = b"x" * (MAX_MESSAGE_BYTES // 2)
    start = a_frame(TEXT, half, final=False) + a_frame(CONTINUATION, half, final=False)

    assert received(start + a_frame(CONTINUATION, b"")) == [Text("x" * MAX_MESSAGE_BYTES)]
    assert broken_by(start + a_frame(CONTINUATION, b"x")) == CloseCode.TOO_BIG


def test_a_close_tells_its_code_and_reason():
    assert received(a_frame(CLOSE)) == [Close(None, "")]
    assert received(a_frame(CLOSE, b"\x03\xe8")) == [Close(1000, "")]
    assert received(a_frame(CLOSE, b"\x0f\xa1" + "adé".encode())) == [Close(4001, "adé")]


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535])
def test_a_close_code_nobody_may_send_is_a_protocol_error(code):
    assert broken_by(a_frame(CLOSE, code.to_bytes(2, "big"))) == CloseCode.PROTOCOL_ERROR


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1011, 1012, 1014, 3000, 4999])
def test_every_other_close_code_is_taken(code):
    assert received(a_frame(CLOSE, code.to_bytes(2, "big"))) == [Close(code, "")]


def test_a_close_of_one_byte_is_a_protocol_error():
    assert broken_by(a_frame(CLOSE, b"\x03")) == CloseCode.PROTOCOL_ERROR


def test_a_close_reason_must_be_utf8():
    assert broken_by(a_frame(CLOSE, b"\x03\xe8\xff")) == CloseCode.INVALID_TEXT


@pytest.mark.parametrize("ending", [a_frame(CLOSE), a_frame(3)])
def test_nothing_is_read_after_the_end(ending):
    receiver = Receiver()
    receiver.receive(ending + a_frame(TEXT, b"late"))

    assert receiver.receive(a_frame(TEXT, b"later")) == []


def test_what_came_before_a_violation_is_still_told():
    assert received(a_frame(TEXT, b"fine") + a_frame(3))[0] == Text("fine")


def test_server_frames_are_unmasked_and_of_minimal_form():
    assert text_frame(b"hi") == b"\x81\x02hi"
    assert binary_frame(b"hi") == b"\x82\x02hi"
    assert text_frame(b"x" * 126)[:4] == b"\x81\x7e\x00\x7e"
    assert text_frame(b"x" * 65_536)[:10] == b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"
    assert ping_frame() == b"\x89\x00"
    assert pong_frame(b"p") == b"\x8a\x01p"
    assert close_frame(None) == b"\x88\x00"
    assert close_frame(CloseCode.RESTART, "x") == b"\x88\x03\x03\xf4x"


def test_a_long_close_reason_is_cut_between_characters():
    frame = close_frame(1000, "é" * 100)

    assert len(frame) <= 2 + 125
    assert frame[4:].decode() == "é" * 61


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 1023, 1024, 1025, 4099])
def test_unmasking_is_xor_byte_by_byte(size):
    payload = bytes(place * 31 % 256 for place in range(size))

    assert unmask(payload, KEY) == bytes(byte ^ KEY[place % 4] for place, byte in enumerate(payload))
