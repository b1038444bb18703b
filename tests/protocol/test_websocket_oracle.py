"""Our receiver against the sans-I/O core of the `websockets` library, on streams neither of them chose."""

import codecs

from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State

from causerie.protocol.close_codes import CloseCode
from causerie.protocol.websocket import MAX_MESSAGE_BYTES, Binary, Close, Ping, Pong, Receiver, Text, Violation, unmask


@st.composite
def client_frames(draw) -> bytes:
    """Mostly sound frames, sometimes broken in one way; control frames kept short, for the two judge long ones alike
    but at different moments."""
    opcode = draw(st.sampled_from([0, 0, 1, 1, 2, 8, 9, 10, 10, 3, 15]))
    final = True if opcode >= 8 and draw(st.integers(0, 9)) else draw(st.booleans())
    rsv = draw(st.sampled_from([0] * 12 + [0x40, 0x20, 0x10]))
    masked = draw(st.integers(0, 15)) > 0
    if opcode == 8:
        code = draw(st.one_of(st.none(), st.integers(900, 1100), st.integers(2900, 5100)))
        payload = b"" if code is None else code.to_bytes(2, "big") + draw(st.text(max_size=20)).encode()
    elif opcode > 8:
        payload = draw(st.binary(max_size=125))
    else:
        payload = draw(st.one_of(st.text(max_size=60).map(str.encode), st.binary(max_size=300)))
    size = len(payload)
    first = (0x80 if final else 0) | rsv | opcode
    mask_bit = 0x80 if masked else 0
    head = bytes((first, mask_bit | size)) if size < 126 else bytes((first, mask_bit | 126)) + size.to_bytes(2, "big")
    if not masked:
        return head + payload
    key = draw(st.binary(min_size=4, max_size=4))
    return head + key + unmask(payload, key)


def told_by_oracle(chunks: list[bytes]) -> list[object]:
    """The oracle leaves messages in frames and text undecoded: join and decode them here, in the plainest way."""
    server = Protocol(Side.SERVER, state=State.OPEN, max_size=MAX_MESSAGE_BYTES)
    for chunk in chunks:
        server.receive_data(chunk)
    told: list[object] = []
    pieces: list[Frame] = []
    for frame in server.events_received():
        assert isinstance(frame, Frame)
        match frame.opcode:
            case Opcode.PING:
                told.append(Ping(bytes(frame.data)))
            case Opcode.PONG:
                told.append(Pong(bytes(frame.data)))
            case Opcode.CLOSE:
                pass  # told below, for the oracle passes over one that comes inside a fragmented message
            case _:
                pieces.append(frame)
                data = b"".join(bytes(piece.data) for piece in pieces)
                is_text = pieces[0].opcode is Opcode.TEXT
                try:
                    text = codecs.getincrementaldecoder("utf-8")().decode(data, frame.fin) if is_text else None
                except UnicodeDecodeError:
                    return [*told, CloseCode.INVALID_TEXT]
                if frame.fin:
                    told.append(Binary(data) if text is None else Text(text))
                    pieces = []
    if (close := server.close_rcvd) is not None:
        # It calls a close between fragments an error; the RFC lets control frames come there.
        told.append(Close(None if close.code == CloseCode.NO_STATUS else close.code, close.reason))
    elif server.parser_exc is not None:
        assert server.close_sent is not None
        told.append(CloseCode(server.close_sent.code))
    return told


@settings(max_examples=400, deadline=None)
@given(st.lists(client_frames(), max_size=8), st.data())
def test_we_read_what_websockets_reads(frames, data):
    stream = b"".join(frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    chunks = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]

    receiver = Receiver()
    ours = [item for chunk in chunks for item in receiver.receive(chunk)]

    comparable = [item.code if isinstance(item, Violation) else item for item in ours]
    assert comparable == told_by_oracle(chunks)
