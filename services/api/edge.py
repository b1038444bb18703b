"""What every answer carries, whoever makes it: request id, limits, safety headers and CORS.

Its time is taken here as well, for the metrics.
"""

import math
import re
import time
from typing import Any
from uuid import uuid4

from causerie import telemetry
from causerie.cache.rates import Bucket, Verdict
from causerie.domain.errors import Forbidden
from services.api import problems
from services.api.answers import Answer, Header
from services.api.exchange import Exchange
from services.api.origins import Origins

_SAFE_ID = re.compile(rb"[A-Za-z0-9._:-]{1,64}\Z")
_ALWAYS: tuple[Header, ...] = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


class Edge:
    """An ASGI middleware around the whole application."""

    def __init__(self, app: Any, *, origins: Origins, requests: Bucket) -> None:
        self._app = app
        self._origins = origins
        self._unlimited = Verdict.unknown(requests)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        named = dict(scope["headers"])
        exchange = Exchange(_request_id(named.get(b"x-request-id")), self._unlimited)
        exchange.put_into(scope)
        cors = self._cors(named)
        method, status = scope["method"], 500
        if method == "HEAD":
            # A copy: the server goes by its own scope, sends no body to a HEAD and keeps the connection.
            scope = {**scope, "method": "GET"}

        async def send_with_headers(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *_ALWAYS, *_told(exchange), *cors]
            await send(message)

        if method == "OPTIONS" and b"origin" in named and b"access-control-request-method" in named:
            exchange.route = "preflight"
            answering = self._preflight(named, exchange)(scope, receive, send_with_headers)
        else:
            answering = self._app(scope, receive, send_with_headers)
        telemetry.HTTP_ACTIVE.value += 1
        try:
            await answering
        finally:
            telemetry.HTTP_ACTIVE.value -= 1
        telemetry.http_request(method, exchange.route, status, time.perf_counter() - started)

    def _cors(self, named: dict[bytes, bytes]) -> list[Header]:
        origin = named.get(b"origin")
        return self._origins.headers(_text(origin), _text(named.get(b"host"))) if origin else []

    def _preflight(self, named: dict[bytes, bytes], exchange: Exchange) -> Answer:
        if self._origins.allow(_text(named[b"origin"]), _text(named.get(b"host"))):
            return Answer(204, headers=self._origins.preflight())
        return problems.refusal(Forbidden("Pages of this origin may not ask."), exchange.request_id)


def _request_id(given: bytes | None) -> str:
    """The client's own id if it is fit for a log, else a new one."""
    return given.decode() if given and _SAFE_ID.match(given) else uuid4().hex


def _told(exchange: Exchange) -> tuple[Header, ...]:
    verdict = exchange.verdict
    return (
        (b"x-request-id", exchange.request_id.encode()),
        (b"x-ratelimit-limit", b"%d" % verdict.limit),
        (b"x-ratelimit-remaining", b"%d" % max(0, verdict.remaining)),
        (b"x-ratelimit-reset", b"%d" % math.ceil(verdict.reset_seconds)),
    )


def _text(value: bytes | None) -> str:
    return (value or b"").decode("latin-1")
