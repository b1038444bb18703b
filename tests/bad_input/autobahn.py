"""The cases of the Autobahn test suite as a table of our own: bytes of a client, and what must come of them.

The numbers are Autobahn's.  Its server echoes; ours reads requests, so a message that arrived whole shows itself by
its reply: `bad_frame` to text that is no request, 1003 to a binary message.  Groups 9, 12 and 13 do not apply as they
are: messages have at most 64 KiB here, and permessage-deflate is not negotiated.
"""

from dataclasses import dataclass, field

from causerie.protocol.websocket import MAX_MESSAGE_BYTES, unmask

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KEY = b"\x37\xfa\x21\x3d"


def frame(opcode: int, payload: bytes = b"", *, final: bool = True, rsv: int = 0, masked: bool = True) -> bytes:
    """A client frame, in the shortest form its length allows."""
    size, mask = len(payload), 0x80 if masked else 0
    first = bytes(((0x80 if final else 0) | rsv << 4 | opcode,))
    if size < 126:
        length = bytes((mask | size,))
    elif size < 1 << 16:
        length = bytes((mask | 126,)) + size.to_bytes(2, "big")
    else:
        length = bytes((mask | 127,)) + size.to_bytes(8, "big")
    return first + length + (KEY + unmask(payload, KEY) if masked else payload)


def part(opcode: int, payload: bytes = b"") -> bytes:
    """A frame that others follow."""
    return frame(opcode, payload, final=False)


@dataclass(frozen=True)
class Case:
    """`pongs` and `replies` come before the end; `code` is that of the close: None when the connection lives on, and
    0 for a close without one. `chop` sends so many bytes at a time."""

    name: str
    data: bytes
    code: int | None = None
    pongs: tuple[bytes, ...] = ()
    replies: int = 0
    chop: int = 0
    extensions: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.name


def text(name: str, payload: bytes) -> Case:
    return Case(name, frame(TEXT, payload), replies=1)


SIZES = (0, 125, 126, 127, 128, 65_535, MAX_MESSAGE_BYTES)
FRAMING = [
    *(text(f"1.1.{at} text of {size}", b"*" * size) for at, size in enumerate(SIZES, 1)),
    Case("1.1.8 text of 65536 byte by byte", frame(TEXT, b"*" * 400), replies=1, chop=1),
    *(Case(f"1.2.{at} binary of {size}", frame(BINARY, b"\xfe" * size), 1003) for at, size in enumerate(SIZES, 1)),
    Case("1.2.8 binary in bytes", frame(BINARY, b"\xfe" * 300), 1003, chop=1),
]
PINGS = [
    Case("2.1 empty ping", frame(PING), pongs=(b"",)),
    Case("2.2 ping with text", frame(PING, b"Hello, world!"), pongs=(b"Hello, world!",)),
    Case(
        "2.3 ping with bytes",
        frame(PING, b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"),
        pongs=(b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff",),
    ),
    Case("2.4 ping of 125", frame(PING, b"\xfe" * 125), pongs=(b"\xfe" * 125,)),
    Case("2.5 ping of 126", frame(PING, b"\xfe" * 126), 1002),
    Case("2.6 ping of 125 in bytes", frame(PING, b"\xfe" * 125), pongs=(b"\xfe" * 125,), chop=1),
    Case("2.7 unasked pong", frame(PONG)),
    Case("2.8 unasked pong with text", frame(PONG, b"unsolicited")),
    Case("2.9 unasked pong, then ping", frame(PONG, b"unsolicited") + frame(PING, b"ping"), pongs=(b"ping",)),
    Case(
        "2.10 ten pings", b"".join(frame(PING, b"%d" % n) for n in range(10)), pongs=tuple(b"%d" % n for n in range(10))
    ),
    Case(
        "2.11 ten pings in bytes",
        b"".join(frame(PING, b"%d" % n) for n in range(10)),
        pongs=tuple(b"%d" % n for n in range(10)),
        chop=1,
    ),
]
RESERVED_BITS = [
    *(Case(f"3.{rsv} RSV {rsv}", frame(TEXT, b"Hello", rsv=rsv), 1002) for rsv in range(1, 8)),
    Case(
        "3.2b RSV after a message", frame(TEXT, b"Hello") + frame(TEXT, b"Hello", rsv=2) + frame(PING), 1002, replies=1
    ),
    Case(
        "3.4b RSV in bytes", frame(TEXT, b"Hello") + frame(TEXT, b"Hello", rsv=4) + frame(PING), 1002, replies=1, chop=1
    ),
    Case("3.5b RSV of a binary", frame(BINARY, b"\xff" * 8, rsv=5), 1002),
    Case("3.6b RSV of a ping", frame(PING, b"Hello", rsv=6), 1002),
    Case("3.7b RSV of a close", frame(CLOSE, rsv=7), 1002),
]
OPCODES = [
    *(Case(f"4.1.{op - 2} opcode {op}", frame(op), 1002) for op in range(3, 8)),
    *(
        Case(f"4.1.{op - 2}b opcode {op} with payload", frame(op, b"reserved opcode payload"), 1002)
        for op in range(3, 8)
    ),
    *(
        Case(f"4.1.{op - 2}c opcode {op} after text", frame(TEXT, b"hi") + frame(op) + frame(PING), 1002, replies=1)
        for op in range(3, 8)
    ),
    *(Case(f"4.2.{op - 10} opcode {op}", frame(op), 1002) for op in range(11, 16)),
    *(
        Case(f"4.2.{op - 10}b opcode {op} with payload", frame(op, b"reserved opcode payload"), 1002)
        for op in range(11, 16)
    ),
    *(
        Case(f"4.2.{op - 10}c opcode {op} after text", frame(TEXT, b"hi") + frame(op) + frame(PING), 1002, replies=1)
        for op in range(11, 16)
    ),
]
A, B, C = part(TEXT, b"fragment1"), frame(CONTINUATION, b"fragment2"), part(CONTINUATION, b"fragment2")
FRAGMENTS = [
    Case("5.1 ping in two", part(PING, b"fragment1") + B, 1002),
    Case("5.2 pong in two", part(PONG, b"fragment1") + B, 1002),
    Case("5.3 text in two", A + B, replies=1),
    Case("5.4 text in two, in bytes", A + B, replies=1, chop=1),
    Case("5.5 text in two, in threes", A + B, replies=1, chop=3),
    Case("5.6 ping between", A + frame(PING, b"ping") + B, pongs=(b"ping",), replies=1),
    Case("5.7 ping between, in sevens", A + frame(PING, b"ping") + B, pongs=(b"ping",), replies=1, chop=7),
    Case("5.8 ping between, in bytes", A + frame(PING, b"ping") + B, pongs=(b"ping",), replies=1, chop=1),
    Case(
        "5.9 continuation of nothing, then text",
        frame(CONTINUATION, b"non-continuation payload") + frame(TEXT, b"hi"),
        1002,
    ),
    Case(
        "5.10 continuation of nothing in one write",
        frame(CONTINUATION, b"non-continuation payload") + frame(TEXT, b"hi"),
        1002,
    ),
    Case(
        "5.11 continuation of nothing in bytes",
        frame(CONTINUATION, b"non-continuation payload") + frame(TEXT, b"hi"),
        1002,
        chop=1,
    ),
    Case("5.12 unfinished continuation of nothing", part(CONTINUATION, b"x") + frame(TEXT, b"hi"), 1002),
    Case("5.13 the same, again", part(CONTINUATION) + frame(TEXT, b"hi"), 1002),
    Case("5.14 the same in bytes", part(CONTINUATION, b"x") + frame(TEXT, b"hi"), 1002, chop=1),
    Case(
        "5.15 text in two, then a continuation, then text",
        A + B + part(CONTINUATION, b"x") + frame(TEXT, b"hi"),
        1002,
        replies=1,
    ),
    Case(
        "5.16 continuation, text, continuation",
        part(CONTINUATION, b"1") + part(TEXT, b"2") + frame(CONTINUATION, b"3"),
        1002,
    ),
    Case("5.17 final continuation, text, continuation", frame(CONTINUATION, b"1") + part(TEXT, b"2") + B, 1002),
    Case("5.18 text in a text", A + frame(TEXT, b"fragment2"), 1002),
    Case(
        "5.19 five parts, pings between",
        A + C + frame(PING, b"1") + C + C + frame(PING, b"2") + B,
        pongs=(b"1", b"2"),
        replies=1,
    ),
    Case(
        "5.20 the same in bytes",
        A + C + frame(PING, b"1") + C + C + frame(PING, b"2") + B,
        pongs=(b"1", b"2"),
        replies=1,
        chop=1,
    ),
    Case("5.21 binary in a text", A + frame(BINARY, b"fragment2"), 1002),
    Case("5.22 binary in two", part(BINARY, b"\x00") + frame(CONTINUATION, b"\xff"), 1003),
    Case("5.23 close in two", part(CLOSE, b"\x03\xe8"), 1002),
]
UNMASKED = [
    *(
        Case(f"RFC 5.1 unmasked {name}", frame(op, b"", masked=False), 1002)
        for name, op in (("text", TEXT), ("binary", BINARY), ("close", CLOSE), ("ping", PING), ("pong", PONG))
    ),
    Case("RFC 5.1 unmasked after masked", frame(TEXT, b"hi") + frame(TEXT, b"hi", masked=False), 1002, replies=1),
]
KAPPA = "κόσμε".encode()
SOUND_UTF8 = [
    b"", b"Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!!", KAPPA,
    b"\x00", b"\xc2\x80", b"\xe0\xa0\x80", b"\xf0\x90\x80\x80", b"\x7f", b"\xdf\xbf", b"\xef\xbf\xbf",
    b"\xf4\x8f\xbf\xbf", b"\xed\x9f\xbf", b"\xee\x80\x80", b"\xef\xbf\xbd", b"\xf0\x9f\xbf\xbe", b"\xf0\x9f\xbf\xbf",
    b"\xf3\xaf\xbf\xbe", b"\xf4\x8f\xbf\xbe", b"\xef\xbf\xbe", b"\xe2\x82\xac", b"\xef\xbb\xbf",
]  # fmt: skip
HIGH, LOW = (0xD800, 0xDB7F, 0xDB80, 0xDBFF), (0xDC00, 0xDF80, 0xDFFF)
LONELY = ((0xC0, 0xE0), (0xE0, 0xF0), (0xF0, 0xF8), (0xF8, 0xFC), (0xFC, 0xFE))
BROKEN_UTF8 = [
    # 6.3 and 6.4: a valid beginning, then a code point nobody may encode
    KAPPA + b"\xed\xa0\x80" + b"edited", KAPPA + b"\xf4\x90\x80\x80" + b"edited",
    # 6.6: cut off
    b"\xce", b"\xce\xba\xe1", b"\xce\xba\xe1\xbd", KAPPA[:-1],
    # 6.8: first of five and six bytes
    b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80",
    # 6.10, 6.11: beyond
    b"\xf7\xbf\xbf\xbf", b"\xfb\xbf\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf\xbf", b"\xf4\x90\x80\x80",
    # 6.12: stray continuations
    b"\x80", b"\xbf", b"\x80\xbf", b"\x80\xbf\x80", b"\x80\xbf\x80\xbf\x80\xbf", bytes(range(0x80, 0xC0)),
    # 6.13: lonely starts
    *(bytes(byte for first in range(low, high) for byte in (first, 0x20)) for low, high in LONELY),
    # 6.14: the last byte is missing
    b"\xc0", b"\xe0\x80", b"\xf0\x80\x80", b"\xf8\x80\x80\x80", b"\xfc\x80\x80\x80\x80", b"\xdf", b"\xef\xbf",
    b"\xf7\xbf\xbf", b"\xfb\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf",
    # 6.15, 6.16: many of them, impossible bytes
    b"\xc0\xe0\x80\xf0\x80\x80\xf8\x80\x80\x80\xfc\x80\x80\x80\x80", b"\xfe", b"\xff", b"\xfe\xfe\xff\xff",
    # 6.17–6.19: overlong
    b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xf8\x80\x80\x80\xaf", b"\xfc\x80\x80\x80\x80\xaf",
    b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf", b"\xf8\x87\xbf\xbf\xbf", b"\xfc\x83\xbf\xbf\xbf\xbf",
    b"\xc0\x80", b"\xe0\x80\x80", b"\xf0\x80\x80\x80",
    # 6.20, 6.21: surrogates, alone and in pairs
    *(chr(half).encode("utf-8", "surrogatepass") for half in (*HIGH, *LOW)),
    *((chr(high) + chr(low)).encode("utf-8", "surrogatepass") for high in HIGH for low in LOW),
]  # fmt: skip
UTF8 = [
    *(text(f"6.sound {payload!r}", payload) for payload in SOUND_UTF8),
    Case(
        "6.2.3 in single bytes",
        b"".join(part(TEXT if at == 0 else CONTINUATION, KAPPA[at : at + 1]) for at in range(len(KAPPA)))
        + frame(CONTINUATION),
        replies=1,
    ),
    *(Case(f"6.broken {payload[:24]!r}", frame(TEXT, payload), 1007) for payload in BROKEN_UTF8),
    *(
        Case(f"6.broken, behind text {payload[:24]!r}", part(TEXT, b"x") + frame(CONTINUATION, payload), 1007)
        for payload in BROKEN_UTF8[::4]
    ),
    # The end of the message never comes: what is wrong already is told already.
    Case("6.4.1 fail fast", part(TEXT, KAPPA) + part(CONTINUATION, b"\xf4\x90\x80\x80"), 1007),
    Case("6.4.3 fail fast in bytes", part(TEXT, KAPPA) + part(CONTINUATION, b"\xf4\x90"), 1007, chop=1),
]
GOOD_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
BAD_CODES = (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
CLOSES = [
    Case("7.1.1 message, then close", frame(TEXT, b"hi") + frame(CLOSE, b"\x03\xe8"), 1000, replies=1),
    Case("7.1.2 two closes", frame(CLOSE, b"\x03\xe8") * 2, 1000),
    Case("7.1.3 ping after close", frame(CLOSE, b"\x03\xe8") + frame(PING), 1000),
    Case("7.1.4 text after close", frame(CLOSE, b"\x03\xe8") + frame(TEXT, b"hi"), 1000),
    Case("7.1.5 close in a message", A + frame(CLOSE, b"\x03\xe8") + B, 1000),
    Case(
        "7.1.6 long message, close, ping",
        frame(TEXT, b"*" * 60_000) + frame(CLOSE, b"\x03\xe8") + frame(PING),
        1000,
        replies=1,
    ),
    Case("7.3.1 empty close", frame(CLOSE), 0),
    Case("7.3.2 close of one byte", frame(CLOSE, b"a"), 1002),
    Case("7.3.3 close with a code", frame(CLOSE, b"\x03\xe8"), 1000),
    Case("7.3.4 close with a reason", frame(CLOSE, b"\x03\xe8Hello World!"), 1000),
    Case("7.3.5 close of 125", frame(CLOSE, b"\x03\xe8" + b"*" * 123), 1000),
    Case("7.3.6 close of 126", frame(CLOSE, b"\x03\xe8" + b"*" * 124), 1002),
    Case("7.5.1 a reason that is no UTF-8", frame(CLOSE, b"\x03\xe8" + KAPPA + b"\xed\xa0\x80"), 1007),
    *(Case(f"7.7 code {code}", frame(CLOSE, code.to_bytes(2, "big")), code) for code in GOOD_CODES),
    *(Case(f"7.9 code {code}", frame(CLOSE, code.to_bytes(2, "big")), 1002) for code in BAD_CODES),
    *(Case(f"7.9 code {code} with a reason", frame(CLOSE, code.to_bytes(2, "big") + b"x"), 1002) for code in BAD_CODES),
]
TOO_BIG = frame(TEXT, b"*" * (MAX_MESSAGE_BYTES + 1))
LIMITS = [
    Case("9.1 one byte too many", TOO_BIG, 1009),
    Case("9.1b a head that promises 4 GiB", b"\x81\xff" + (1 << 32).to_bytes(8, "big") + KEY, 1009),
    Case("9.1c a head that promises 2^63", b"\x81\xff" + (1 << 63).to_bytes(8, "big") + KEY, 1009),
    Case("9.2 binary, one byte too many", frame(BINARY, b"*" * (MAX_MESSAGE_BYTES + 1)), 1009),
    Case("9.3 too big in two", part(TEXT, b"*" * 40_000) + frame(CONTINUATION, b"*" * 40_000), 1009),
    Case("9.4 too big, binary in three", part(BINARY, b"*" * 30_000) + part(CONTINUATION, b"*" * 30_000) * 2, 1009),
    Case("9.5 the largest, chopped", frame(TEXT, b"*" * MAX_MESSAGE_BYTES), replies=1, chop=997),
    Case("9.7 a long form of a short length", b"\x81\xfe\x00\x02" + KEY + unmask(b"hi", KEY), replies=1),
    Case(
        "9.8 the longest form of a short length",
        b"\x81\xff" + (2).to_bytes(8, "big") + KEY + unmask(b"hi", KEY),
        replies=1,
    ),
]
COMPRESSED = [
    # 12 and 13: offered extensions are not taken up, and a frame that uses one all the same is a violation.
    Case(f"12/13 {offer}", frame(TEXT, b"\xf2\x48\xcd\xc9\xc9\x07\x00", rsv=4), 1002, extensions=offer)
    for offer in (
        "permessage-deflate",
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate; server_max_window_bits=9",
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        "permessage-bzip2, permessage-deflate; client_max_window_bits=99",
    )
]
CASES = [*FRAMING, *PINGS, *RESERVED_BITS, *OPCODES, *FRAGMENTS, *UNMASKED, *UTF8, *CLOSES, *LIMITS, *COMPRESSED]
