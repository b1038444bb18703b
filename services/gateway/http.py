"""The port: plain HTTP for whoever asks how we are, and the door of the sockets.

One object of this class per TCP connection until it is upgraded; then it is forgotten and the WebSocket connection
takes over the transport, so what HTTP costs is paid only while heads are read.
"""

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Protocol, cast
from uuid import uuid4

import httptools
import orjson

from causerie import probes, telemetry
from causerie.probes import Ready
from causerie.protocol.http_heads import fault_of
from services.gateway import files
from services.gateway.admission import Admission, Denial, Opening, Room
from services.gateway.pace import Pace, come_back_seconds
from services.gateway.pending import Pending
from services.gateway.wheel import NOWHERE, Wheel

MAX_HEAD_BYTES = 16 * 1024
MAX_BODY_BYTES = 64 * 1024
"""Nothing here wants a body; so much is read past, more ends the connection."""
MAX_CALLERS = files.RESERVED_FILES - files.OWN_FILES
CROWDED_SECONDS = 1.0
"""How long one too many may take to say anything, so that there is something to answer."""
SOCKET_PATH = "/ws"
_SPENT = httptools.HttpRequestParser(object())
"""In the place of a parser that is done: it and its connection hold each other, and would lie there until the
collector comes, which is late among sockets that stay."""
SERVICE = "gateway"
_FOREVER = float("inf")


def _overloaded(message: str, result: str) -> Denial:
    return Denial(503, "overloaded", message, {"Retry-After": str(come_back_seconds())}, result)


def _crowded() -> Denial:
    return _overloaded("Too many connections wait to be authenticated.", "crowded")


class House(Protocol):
    """What stands behind the door."""

    admission: Admission
    wheel: Wheel
    pending: Pending
    pace: Pace
    handshake_seconds: float
    callers: int
    """Connections at the door that are no sockets yet; each is an open file."""
    readiness: Callable[[], Ready]

    @property
    def room(self) -> Room: ...

    def open(self, transport: asyncio.Transport, opening: Opening, origin: str | None, rest: bytes) -> None:
        """Take over an upgraded transport, counted as pending under `origin`; `rest` came behind the head."""
        ...


class HttpConnection(asyncio.Protocol):
    """Reads request heads; answers, keeps alive, or upgrades."""

    __slots__ = (
        "_fed",
        "_head",
        "_head_bytes",
        "_house",
        "_is_crowded",
        "_origin",
        "_parser",
        "_peer",
        "_reads_head",
        "_since",
        "_transport",
        "_url",
        "slot",
    )

    def __init__(self, house: House) -> None:
        self.slot = NOWHERE
        self._house = house
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._fed = 0
        self._peer = ""
        self._origin: str | None = None
        """Under what this connection is counted as pending."""
        self._is_crowded = False
        self._since: float | None = None
        """From when a handshake is counted: its connection, or on one that was kept, its first byte."""
        self.on_message_begin()

    # ── called by the loop ──────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._peer = str(peer[0]) if peer else ""
        self._house.callers += 1
        self._since = asyncio.get_running_loop().time()
        # Behind a proxy the head will say who it is; until then the proxy answers for its connections.
        self._is_crowded = self._house.callers > MAX_CALLERS or (
            not self._house.pending.is_proxy(self._peer) and not self._count("")
        )
        self._wait(CROWDED_SECONDS if self._is_crowded else self._house.handshake_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._house.callers -= 1
        if self._origin is not None:
            self._house.pending.leave(self._origin)
            self._origin = None
        self._house.wheel.remove(self)
        self._transport = None
        self._parser = _SPENT

    def tick(self, now: float) -> float:
        """The head did not come in time, or nothing came after the last answer."""
        if self._transport is not None:
            if self._fed:
                telemetry.HANDSHAKES.add("timeout")
            if self._transport.get_write_buffer_size():
                self._transport.abort()  # Closing would wait for a reader who does not read.
            else:
                self._transport.close()
        return _FOREVER

    def pause_writing(self) -> None:
        """Whoever asks without reading what he is answered is not listened to."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return None
        if self._is_crowded:
            return self._refuse(_crowded())
        self._fed += len(data)
        if self._since is None:
            self._since = asyncio.get_running_loop().time()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(Denial(400, "bad_request", "This is not a request by HTTP/1.1.", {}, "malformed"))
        else:
            # What is over lies behind `on_message_complete`, which counts anew.
            if self._fed > (MAX_HEAD_BYTES if self._reads_head else MAX_HEAD_BYTES + MAX_BODY_BYTES):
                self._too_large(431 if self._reads_head or self._head_bytes > MAX_HEAD_BYTES else 413)
        return None

    # ── called by the parser ────────────────────────────────────────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        self._reads_head = True
        self._head_bytes = 0
        self._url = b""
        self._head: dict[str, str] = {}

    def on_url(self, url: bytes) -> None:
        self._head_bytes += len(url)
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._reads_head:
            return  # A trailer, which no proxy has looked at.
        self._head_bytes += len(name) + len(value) + 4
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._head[key] = f"{self._head[key]}, {text}" if key in self._head else text

    def on_headers_complete(self) -> None:
        version = self._parser.get_http_version()
        if fault := fault_of(version, self._head.get("host"), self._head.get("transfer-encoding")):
            raise ValueError(fault)
        self._reads_head = False

    def on_message_complete(self) -> None:
        if not self._parser.should_upgrade():
            self._answer(keep_alive=self._parser.should_keep_alive())
            self._fed = 0
            self._since = None
            self._wait(self._house.handshake_seconds)

    # ── what we answer ──────────────────────────────────────────────────────────────────────────────────────────

    def _wait(self, seconds: float) -> None:
        self._house.wheel.place(self, asyncio.get_running_loop().time() + seconds)

    def _count(self, forwarded_for: str) -> bool:
        """Take a place among those nobody has vouched for; False when the address has none left."""
        origin = self._house.pending.origin(self._peer, forwarded_for)
        if not self._house.pending.enter(origin):
            return False
        self._origin = origin
        return True

    def _upgrade(self, rest: bytes) -> None:
        path, query = self._target()
        if path != SOCKET_PATH:
            return self._answer(keep_alive=False)
        if self._head_bytes > MAX_HEAD_BYTES:
            return self._too_large(431)
        opening = self._judge(query)
        if isinstance(opening, Denial):
            return self._refuse(opening)
        if self._origin is None and not self._count(self._head.get("x-forwarded-for", "")):
            return self._refuse(_crowded())
        now = asyncio.get_running_loop().time()
        if not self._house.pace.take(now=now):
            return self._refuse(_overloaded("Too many handshakes at once.", "paced"))
        transport, self._transport = self._transport, None
        origin, self._origin = self._origin, None
        self._house.wheel.remove(self)
        self._parser = _SPENT
        if transport is not None:
            self._house.callers -= 1
            telemetry.HANDSHAKE_SECONDS.record(now - (self._since or now))
            self._house.open(transport, opening, origin, rest)
        return None

    def _judge(self, query: str) -> Opening | Denial:
        method = self._parser.get_method().decode("latin-1")
        return self._house.admission.judge(method, self._parser.get_http_version(), query, self._head, self._house.room)

    def _answer(self, *, keep_alive: bool) -> None:
        path, query = self._target()
        method = self._parser.get_method().decode("latin-1")
        if self._head_bytes > MAX_HEAD_BYTES:
            self._too_large(431)
        elif path == SOCKET_PATH:
            judged = self._judge(query)
            assert isinstance(judged, Denial), "what is no upgrade cannot be opened"
            self._refuse(judged, keep_alive=keep_alive)
        elif path not in ("/health", "/ready"):
            self._refuse(Denial(404, "not_found", "There is nothing here.", {}, ""), keep_alive=keep_alive)
        elif method not in ("GET", "HEAD"):
            allow = {"Allow": "GET, HEAD"}
            self._refuse(Denial(405, "method_not_allowed", "Only GET.", allow, ""), keep_alive=keep_alive)
        elif path == "/health":
            self._show(probes.health(SERVICE), keep_alive=keep_alive, body_wanted=method == "GET")
        else:
            answer = probes.readiness(SERVICE, self._house.readiness())
            self._show(answer, keep_alive=keep_alive, body_wanted=method == "GET")

    def _target(self) -> tuple[str, str]:
        try:
            url = httptools.parse_url(self._url)
        except httptools.HttpParserInvalidURLError:
            return "", ""
        return (url.path or b"").decode("latin-1"), (url.query or b"").decode("latin-1")

    def _too_large(self, status: int) -> None:
        message = f"A request head has at most {MAX_HEAD_BYTES} bytes, and bodies are not wanted here."
        self._refuse(Denial(status, "payload_too_large", message, {}, ""))

    def _refuse(self, denial: Denial, *, keep_alive: bool = False) -> None:
        if denial.result:
            telemetry.HANDSHAKES.add(denial.result)
        problem = {
            "type": "about:blank",
            "title": HTTPStatus(denial.status).phrase,
            "status": denial.status,
            "code": denial.code,
            "detail": denial.message,
            "retryable": denial.status == 503,
            "request_id": (request_id := uuid4().hex),
        }
        self._write(
            denial.status,
            "application/problem+json",
            orjson.dumps(problem),
            {"X-Request-ID": request_id, **denial.headers},
            keep_alive=keep_alive and denial.status < 500,
        )

    def _show(self, answer: probes.Answer, *, keep_alive: bool, body_wanted: bool) -> None:
        headers = {"X-Request-ID": uuid4().hex}
        body = answer.body
        self._write(answer.status, answer.content_type, body, headers, keep_alive=keep_alive, body_wanted=body_wanted)

    def _write(
        self,
        status: int,
        media_type: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        keep_alive: bool,
        body_wanted: bool = True,
    ) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        lines = {
            "Content-Type": media_type,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            **headers,
        }
        if not keep_alive:
            lines["Connection"] = "close"
        head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._transport.write(head.encode("latin-1") + b"\r\n" + (body if body_wanted else b""))
        if not keep_alive:
            self._transport.close()
