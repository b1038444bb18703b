"""Frames of RFC 6455, server side: bytes in, messages out, and back.

Written for a hundred thousand sockets that are silent most of the time: while nothing is half received a
`Receiver` holds three words and no buffer.  A server frame is a plain `bytes` without a mask, so it is made
once and written to everybody.
"""

import codecs
from dataclasses import dataclass

from causerie.protocol.close_codes import CloseCode

MAX_MESSAGE_BYTES = 64 * 1024
_MAX_CONTROL_BYTES = 125

_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_OPCODES = frozenset({_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG})
_FIN, _RSV, _OPCODE, _MASK, _LENGTH, _CONTROL = 0x80, 0x70, 0x0F, 0x80, 0x7F, 0x08


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Binary:
    data: bytes


@dataclass(frozen=True, slots=True)
class Ping:
    data: bytes


@dataclass(frozen=True, slots=True)
class Pong:
    data: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """The peer ends it. `code` is None when it gave none; it is echoed as it came."""

    code: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Violation:
    """The peer broke the protocol: close with this code, nothing more will be read."""

    code: CloseCode
    reason: str


Incoming = Text | Binary | Ping | Pong | Close | Violation


class _Broken(Exception):
    """An exit from the parser, never seen outside."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.violation = Violation(code, reason)


class Receiver:
    """What one client sends, frame by frame.

    After a `Close` or a `Violation`, always the last of a list, it swallows whatever else comes.
    """

    __slots__ = ("_fragments", "_rest", "_wanted")

    def __init__(self) -> None:
        self._rest: bytearray | None = None
        self._wanted = 0  # bytes of `_rest` before another look is worth it; below 0: over
        self._fragments: _Fragments | None = None

    def receive(self, data: bytes) -> list[Incoming]:
        """Take what arrived; give what it completes, in order."""
        if self._wanted < 0:
            return []
        if self._rest is not None:
            self._rest += data
            if len(self._rest) < self._wanted:
                return []
            data = bytes(self._rest)
            self._rest = None
        received: list[Incoming] = []
        try:
            self._read(data, received)
        except _Broken as broken:
            received.append(broken.violation)
            self._end()
        return received

    def _read(self, data: bytes, received: list[Incoming]) -> None:
        start, end = 0, len(data)
        while start < end:
            if end - start < 2:
                return self._keep(data, start, 2)
            first, second = data[start], data[start + 1]
            _check_head(first, second)
            length = second & _LENGTH
            body = start + 2
            if length >= 126:
                wide = 2 if length == 126 else 8
                if end - body < wide:
                    return self._keep(data, start, 2 + wide)
                length = int.from_bytes(data[body : body + wide], "big")
                body += wide
            opcode = first & _OPCODE
            if not opcode & _CONTROL:
                self._check_data(opcode, length)
            body += 4
            if end - body < length:
                return self._keep(data, start, body + length - start)
            payload = unmask(data[body : body + length], data[body - 4 : body])
            start = body + length
            if opcode & _CONTROL:
                received.append(_control(opcode, payload))
                if opcode == _CLOSE:
                    return self._end()
            elif (message := self._data(opcode, payload, final=bool(first & _FIN))) is not None:
                received.append(message)
        return None

    def _keep(self, data: bytes, start: int, wanted: int) -> None:
        self._rest = bytearray(data[start:])
        self._wanted = wanted

    def _end(self) -> None:
        self._rest = self._fragments = None
        self._wanted = -1

    def _check_data(self, opcode: int, length: int) -> None:
        """Refuse before the body has come, so that nobody makes us hold what we shall not take."""
        if (opcode == _CONTINUATION) != (self._fragments is not None):
            stray = "continuation of nothing" if opcode == _CONTINUATION else "new message inside a fragmented one"
            raise _Broken(CloseCode.PROTOCOL_ERROR, stray)
        held = self._fragments.size if self._fragments else 0
        if held + length > MAX_MESSAGE_BYTES:
            raise _Broken(CloseCode.TOO_BIG, f"messages are at most {MAX_MESSAGE_BYTES} bytes")

    def _data(self, opcode: int, payload: bytes, *, final: bool) -> Text | Binary | None:
        if final and self._fragments is None:
            return Text(_utf8(payload)) if opcode == _TEXT else Binary(payload)
        if self._fragments is None:
            self._fragments = _Fragments(is_text=opcode == _TEXT)
        self._fragments.add(payload, final=final)
        if not final:
            return None
        message, self._fragments = self._fragments.message(), None
        return message


class _Fragments:
    """A message that comes in pieces; text is checked as it comes, for a character may be cut in two."""

    __slots__ = ("_data", "_decoder", "_text", "size")

    def __init__(self, *, is_text: bool) -> None:
        self.size = 0
        self._data = bytearray()
        self._text: list[str] = []
        self._decoder = codecs.getincrementaldecoder("utf-8")() if is_text else None

    def add(self, payload: bytes, *, final: bool) -> None:
        self.size += len(payload)
        if self._decoder is None:
            self._data += payload
            return
        try:
            self._text.append(self._decoder.decode(payload, final))
        except UnicodeDecodeError:
            raise _Broken(CloseCode.INVALID_TEXT, "text must be UTF-8") from None

    def message(self) -> Text | Binary:
        return Binary(bytes(self._data)) if self._decoder is None else Text("".join(self._text))


def _check_head(first: int, second: int) -> None:
    if first & _RSV:
        raise _Broken(CloseCode.PROTOCOL_ERROR, "reserved bits without an extension")
    opcode = first & _OPCODE
    if opcode not in _OPCODES:
        raise _Broken(CloseCode.PROTOCOL_ERROR, "reserved opcode")
    if not second & _MASK:
        raise _Broken(CloseCode.PROTOCOL_ERROR, "client frames must be masked")
    if opcode & _CONTROL:
        if not first & _FIN:
            raise _Broken(CloseCode.PROTOCOL_ERROR, "fragmented control frame")
        if second & _LENGTH > _MAX_CONTROL_BYTES:
            raise _Broken(CloseCode.PROTOCOL_ERROR, "control frame too long")


def _control(opcode: int, payload: bytes) -> Ping | Pong | Close:
    if opcode == _PING:
        return Ping(payload)
    if opcode == _PONG:
        return Pong(payload)
    if not payload:
        return Close(None, "")
    code = int.from_bytes(payload[:2], "big")
    if len(payload) == 1 or not _may_be_received(code):
        raise _Broken(CloseCode.PROTOCOL_ERROR, "bad close code")
    return Close(code, _utf8(payload[2:]))


def _may_be_received(code: int) -> bool:
    """1004–1006 and 1015 are never on the wire; 1016–2999 belong to nobody yet; 3000–4999 are free to use."""
    return 3000 <= code <= 4999 or (1000 <= code <= 1014 and code not in (1004, 1005, 1006))


def _utf8(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        raise _Broken(CloseCode.INVALID_TEXT, "text must be UTF-8") from None


_INTEGERS_WIN_BELOW = 1024
_XOR = [bytes(byte ^ key for byte in range(256)) for key in range(256)]


def unmask(payload: bytes, key: bytes) -> bytes:
    """Apply a mask, or take it off.

    Whole integers are quickest for what people write; `translate`, a table per key byte, for long payloads.
    """
    size = len(payload)
    if size < _INTEGERS_WIN_BELOW:
        mask = (key * ((size + 3) >> 2))[:size]
        return (int.from_bytes(payload, "little") ^ int.from_bytes(mask, "little")).to_bytes(size, "little")
    unmasked = bytearray(size)
    for place in range(4):
        unmasked[place::4] = payload[place::4].translate(_XOR[key[place]])
    return bytes(unmasked)


def text_frame(payload: bytes) -> bytes:
    return _frame(_TEXT, payload)


def binary_frame(payload: bytes) -> bytes:
    return _frame(_BINARY, payload)


def ping_frame(payload: bytes = b"") -> bytes:
    return _frame(_PING, payload)


def pong_frame(payload: bytes) -> bytes:
    return _frame(_PONG, payload)


def close_frame(code: int | None, reason: str = "") -> bytes:
    """A close; without a code for the echo of a close without one. A long reason is cut between characters."""
    if code is None:
        return _frame(_CLOSE, b"")
    text = reason.encode()[: _MAX_CONTROL_BYTES - 2].decode(errors="ignore")
    return _frame(_CLOSE, code.to_bytes(2, "big") + text.encode())


def _frame(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        return bytes((_FIN | opcode, size)) + payload
    if size < 1 << 16:
        return bytes((_FIN | opcode, 126)) + size.to_bytes(2, "big") + payload
    return bytes((_FIN | opcode, 127)) + size.to_bytes(8, "big") + payload
