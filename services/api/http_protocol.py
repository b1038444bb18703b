"""HTTP/1.1 as uvicorn speaks it, with a bound on everything a stranger could make it hold or wait for.

uvicorn takes heads of any size, waits for heads and bodies for ever, counts trailers among the headers, and holds an
answer for as long as nobody reads it.  Here a head has 16 KiB and ten seconds, a body half a minute, a reader must go
on reading, and what is no HTTP at all gets an answer that looks like every other one of ours.
"""

from http import HTTPStatus
from typing import Any
from uuid import uuid4

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from causerie.protocol.http_heads import fault_of

MAX_HEAD_BYTES = 16 * 1024
MAX_FRAMING_BYTES = 512 * 1024
"""How much may come around a body: chunk sizes, their extensions, trailers."""
MAX_FRAMING_PER_BYTE = 8
MAX_PIPELINED = 64
"""Requests that may wait behind the one in hand; a read of the kernel's buffer could hold eight thousand."""
BODY_PER_HEAD = 3.0
"""A whole body may take so many times as long as a head; a handler that wants it is told sooner that it is too slow."""
LINGER_SECONDS = 1.0
"""How long what a refused client goes on writing is still taken in and dropped."""
_TOO_LARGE = "The head of the request is too large."


class BoundedProtocol(HttpToolsProtocol):
    """One connection. A head is being read from the first byte that follows a whole request to its empty line.

    `patience_seconds`: how long a reader may take nothing of what waits for him.
    """

    def __init__(self, *args: Any, head_seconds: float, patience_seconds: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_seconds = head_seconds
        self._body_seconds = head_seconds * BODY_PER_HEAD
        self._patience_seconds = patience_seconds
        self._in_head = True
        self._head_bytes = 0
        self._body_bytes = 0
        self._framed_bytes = 0
        self._too_late: Any = None
        self._stuck: Any = None
        self._unread_bytes = 0
        self._fault = ""
        self._refused = False

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait(self._head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._stop_watching()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        if self._in_head:
            if self._too_late is None:
                self._wait(self._head_seconds)
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head:
            if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, _TOO_LARGE)
            return
        if self._too_late is None:
            self._wait(self._body_seconds)
        self._framed_bytes += len(data)
        if self._framed_bytes > MAX_FRAMING_BYTES + MAX_FRAMING_PER_BYTE * self._body_bytes:
            self._refuse(HTTPStatus.BAD_REQUEST, "There is more around the body than in it.")

    # ── called by the parser ────────────────────────────────────────────────────────────────────────────────────

    def on_header(self, name: bytes, value: bytes) -> None:
        # What comes behind a body is a trailer.  A proxy that checks heads has not looked at it.
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > MAX_HEAD_BYTES:
            # It came in one piece.  The parser turns this into an error of its own, answered below.
            self._head_bytes = MAX_HEAD_BYTES + 1
            raise ValueError(_TOO_LARGE)
        if len(self.pipeline) >= MAX_PIPELINED:
            raise ValueError("too many requests at once")  # Those before it are answered.
        fault = fault_of(self.parser.get_http_version(), self._header(b"host"), self._header(b"transfer-encoding"))
        if fault is not None:
            self._fault = fault
            raise ValueError(fault)
        super().on_headers_complete()
        self._in_head = False
        self._head_bytes = self._body_bytes = self._framed_bytes = 0
        self._stop_waiting()
        if self.parser.should_upgrade():
            # We go on in HTTP/1.1, and the parser does not know where the next request would begin.
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._stop_waiting()
        self._in_head = True

    def _header(self, wanted: bytes) -> str | None:
        values = [value for name, value in self.headers if name == wanted]
        return b", ".join(values).decode("latin-1") if values else None

    # ── slow ones ───────────────────────────────────────────────────────────────────────────────────────────────

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        self._stop_watching()
        super().resume_writing()

    def _watch(self) -> None:
        self._unread_bytes = self.transport.get_write_buffer_size()
        self._stuck = self.loop.call_later(self._patience_seconds, self._look)

    def _look(self) -> None:
        """Closing would wait for the reader; one that took nothing is cut off."""
        if self.transport.get_write_buffer_size() >= self._unread_bytes:
            self.transport.abort()
        else:
            self._watch()

    def _stop_watching(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def _wait(self, seconds: float) -> None:
        self._too_late = self.loop.call_later(seconds, self._give_up)

    def _give_up(self) -> None:
        self._too_late = None
        if self.flow.read_paused:
            self._wait(self._body_seconds)  # It is we who do not read on.
        elif not self.transport.is_closing():
            self.transport.close()

    def _stop_waiting(self) -> None:
        if self._too_late is not None:
            self._too_late.cancel()
            self._too_late = None

    # ── those we do not understand ──────────────────────────────────────────────────────────────────────────────

    def send_400_response(self, msg: str) -> None:
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, _TOO_LARGE)
        else:
            self._refuse(HTTPStatus.BAD_REQUEST, self._fault or msg)

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        """Answer for the application, once, and only in the turn of the request that is meant."""
        self._refused = True
        self._stop_waiting()
        cycle: Any = self.cycle  # None before the first request
        if cycle is not None and not cycle.response_complete:
            if self._in_head:
                cycle.keep_alive = False  # An earlier request is being answered; that answer is the last.
                return
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started or self.pipeline:
                self.transport.close()
                return
        elif not self._in_head:
            self.transport.close()  # Its answer was given before its body was read.
            return
        head, body = _problem(status, detail)
        # Closing at once would reset the connection while the client still writes, and the answer would be lost.
        self.transport.write(head + body)
        self.transport.write_eof()
        self._too_late = self.loop.call_later(LINGER_SECONDS, self.transport.close)


def _problem(status: HTTPStatus, detail: str) -> tuple[bytes, bytes]:
    request_id = uuid4().hex
    problem = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "code": "invalid_request",
        "request_id": request_id,
        "retryable": False,
    }
    body = orjson.dumps(problem)
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        f"content-type: application/problem+json\r\ncontent-length: {len(body)}\r\n"
        f"x-request-id: {request_id}\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n"
        "connection: close\r\n\r\n"
    )
    return head.encode(), body
