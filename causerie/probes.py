"""Is this process alive, may it get work, and what does it count: `/health`, `/ready`, `/metrics`.

They have a listener of their own, so that a kubelet and a Prometheus are answered when the service port is
full, and nobody outside sees the metrics. `/health` never asks a dependency, and a store that is away never
flips `/ready`: taking all pods out of service because one store stumbles would make it an outage.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType

from causerie import telemetry

log = logging.getLogger(__name__)

MAX_HEAD_BYTES = 8 * 1024
HEAD_SECONDS = 5.0
WRITE_SECONDS = 5.0
MAX_CONNECTIONS = 64


@dataclass(frozen=True, slots=True)
class Ready:
    """Whether a process takes work, and what it sees of its stores.

    `ok` is False only while starting, draining or without a schema, which `detail` says. `stores` maps each
    store to its state in a word: ``up``, ``away``.
    """

    ok: bool
    stores: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, for whoever has a socket to write it to."""

    status: int
    content_type: str
    body: bytes
    allow: str | None = None

    def encode(self, *, with_body: bool = True) -> bytes:
        """The whole answer as HTTP/1.1, after which the connection closes."""
        head = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            "Cache-Control: no-store",
            "X-Content-Type-Options: nosniff",
            "Connection: close",
        ]
        if self.allow:
            head.append(f"Allow: {self.allow}")
        return "\r\n".join([*head, "", ""]).encode() + (self.body if with_body else b"")


def health(service: str) -> Answer:
    """`/health`: this process runs its loop."""
    return _json(200, {"status": "alive", "service": service})


def readiness(service: str, ready: Ready) -> Answer:
    """`/ready`: 200 or 503, with every store and its state."""
    body: dict[str, object] = {
        "status": "ready" if ready.ok else "not ready",
        "service": service,
        "stores": dict(ready.stores),
    }
    if ready.detail:
        body["detail"] = ready.detail
    return _json(200 if ready.ok else 503, body)


class Probes:
    """The health listener of one process; while it runs it also samples the event loop's lag."""

    def __init__(self, service: str, ready: Callable[[], Ready], *, head_seconds: float = HEAD_SECONDS) -> None:
        self._service = service
        self._head_seconds = head_seconds
        self._ready = ready
        self._server: asyncio.Server | None = None
        self._lag: asyncio.Task[None] | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self, host: str, port: int) -> None:
        """Listen from now on; `port` 0 takes a free one.

        Raises:
            OSError: the port is taken.
        """
        self._server = await asyncio.start_server(self._connected, host, port, limit=MAX_HEAD_BYTES)
        self._lag = asyncio.create_task(telemetry.sample_loop_lag(), name="loop-lag")

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        ending = [*self._open, *([self._lag] if self._lag else [])]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    def answer(self, method: str, target: str, accept: str = "") -> Answer:
        """What to say to one request; the query is ignored. `accept` is what the asker can read of metrics."""
        answers: dict[str, Callable[[], Answer]] = {
            "/health": lambda: health(self._service),
            "/ready": lambda: readiness(self._service, self._ready()),
            "/metrics": lambda: _metrics(accept),
        }
        found = answers.get(target.partition("?")[0])
        if found is None:
            return _json(404, {"status": "not found", "paths": list(answers)})
        if method not in ("GET", "HEAD"):
            return _json(405, {"status": "method not allowed"}, allow="GET, HEAD")
        return found()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            if len(self._open) < MAX_CONNECTIONS:
                self._open.add(task)
                await self._serve(reader, writer)
        except OSError:
            pass  # The asker went away.
        finally:
            self._open.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(self._head_seconds):
                head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            writer.write(_json(431, {"status": "request head too large"}).encode())
            return
        except (TimeoutError, asyncio.IncompleteReadError):
            return
        first, *fields = head.decode("latin-1").split("\r\n")
        line = first.split(" ")
        if len(line) != 3 or not line[2].startswith("HTTP/1."):
            writer.write(_json(400, {"status": "bad request"}).encode())
            return
        method, target, _ = line
        accept = ",".join(field[7:] for field in fields if field[:7].lower() == "accept:")
        writer.write(self.answer(method, target, accept).encode(with_body=method != "HEAD"))
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await writer.drain()
        except TimeoutError:
            writer.transport.abort()


def _metrics(accept: str) -> Answer:
    text, content_type = telemetry.render_metrics(accept)
    return Answer(200, content_type, text)


def _json(status: int, body: dict[str, object], *, allow: str | None = None) -> Answer:
    return Answer(status, "application/json", json.dumps(body).encode() + b"\n", allow)
