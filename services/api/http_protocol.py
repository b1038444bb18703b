"""HTTP/1.1 as uvicorn speaks it, with a bound on the head of a request.

uvicorn takes heads of any size and waits for them for ever.  Here a head has 16 KiB and ten seconds, and what
is no HTTP at all gets an answer that looks like every other one of ours.
"""

from http import HTTPStatus
from typing import Any
from uuid import uuid4

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 16 * 1024
LINGER_SECONDS = 1.0
"""How long what a refused client goes on writing is still taken in and dropped."""
_TOO_LARGE = "The head of the request is too large."


class BoundedProtocol(HttpToolsProtocol):
    """One connection. A head is being read from the first byte that follows a whole request to its empty line."""

    def __init__(self, *args: Any, head_seconds: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_seconds = head_seconds
        self._in_head = True
        self._head_bytes = 0
        self._too_late: Any = None
        self._refused = False

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._too_late = self.loop.call_later(self._head_seconds, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        if self._in_head:
            if self._too_late is None:
                self._too_late = self.loop.call_later(self._head_seconds, self._give_up)
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, _TOO_LARGE)

    def on_headers_complete(self) -> None:
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > MAX_HEAD_BYTES:
            # It came in one piece.  The parser turns this into an error of its own, answered below.
            self._head_bytes = MAX_HEAD_BYTES + 1
            raise ValueError(_TOO_LARGE)
        self._in_head = False
        self._head_bytes = 0
        self._stop_waiting()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head = True

    def send_400_response(self, msg: str) -> None:
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, _TOO_LARGE)
        else:
            self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _give_up(self) -> None:
        self._too_late = None
        if self._in_head and not self.transport.is_closing():
            self.transport.close()

    def _stop_waiting(self) -> None:
        if self._too_late is not None:
            self._too_late.cancel()
            self._too_late = None

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
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
        # Closing at once would reset the connection while the client still writes, and the answer would be lost.
        self._refused = True
        self.transport.write(head.encode() + body)
        self.transport.write_eof()
        self._stop_waiting()
        self._too_late = self.loop.call_later(LINGER_SECONDS, self.transport.close)
