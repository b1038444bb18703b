"""Build the API and serve it until SIGTERM: then finish what was begun and go."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from functools import partial
from typing import Any

import uvicorn
import uvloop

from causerie import telemetry
from causerie.actions.opening import opened
from causerie.lifetime import first_of, told_to_end
from causerie.readiness import Readiness, Stage
from causerie.settings import Settings
from services.api.application import make_application
from services.api.demo import add_demo
from services.api.gate import Gate
from services.api.http_protocol import BoundedProtocol
from services.api.origins import Origins

KEEP_ALIVE_SECONDS = 75
"""Longer than the usual 60 s of a proxy: whoever closes first must not be us, or requests meet a closed socket."""
FAREWELL_SECONDS = 20
"""How long requests in flight may still take after SIGTERM."""


class Server(uvicorn.Server):
    """Leaves signals to `main`: uvicorn would raise them again at the end, and a drained pod would have failed.

    Says when it listens, for only then the process is ready.
    """

    def __init__(self, config: uvicorn.Config, readiness: Readiness) -> None:
        super().__init__(config)
        self._readiness = readiness

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._readiness.stage = Stage.SERVING

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(settings: Settings, told: asyncio.Event) -> None:
    """Serve until told to end; waits for PostgreSQL and its schema for as long as it takes."""
    async with opened("api", settings, told) as parts:
        if parts is None:
            return
        origins = Origins(settings.auth.allowed_origins, with_cookies=settings.auth.cookie is not None)
        gate = Gate(parts.verifier, parts.platform.cache, parts.directory, origins, cookie=settings.auth.cookie)
        app, edge = make_application(parts.platform, gate, origins, settings.limits, parts.readiness)
        if settings.api.demo and settings.auth.jwt_secrets:
            add_demo(app, secret=settings.auth.jwt_secrets[0], gateway_url=settings.api.gateway_url)

        server = Server(_uvicorn_settings(edge, settings), parts.readiness)
        serving = asyncio.create_task(server.serve(), name="server")
        await first_of(serving, told)
        parts.readiness.stage = Stage.DRAINING
        server.should_exit = True
        await serving


async def main(settings: Settings) -> None:
    """Run the API; a signal while it still waits for PostgreSQL ends it at once."""
    telemetry.setup("api", settings.log.level)
    await serve(settings, told_to_end())
    telemetry.shutdown()


def _uvicorn_settings(app: Any, settings: Settings) -> uvicorn.Config:
    slow = settings.gateway
    protocol = partial(BoundedProtocol, head_seconds=slow.handshake_seconds, patience_seconds=slow.slow_seconds)
    return uvicorn.Config(
        app,
        host=settings.listen.host,
        port=settings.listen.port,
        http=protocol,  # type: ignore[arg-type]
        ws="none",
        lifespan="off",
        interface="asgi3",
        access_log=False,
        log_config=None,
        # Its warnings tell of requests that are no HTTP: strangers would write our log.
        log_level="error",
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=FAREWELL_SECONDS,
    )


if __name__ == "__main__":
    uvloop.run(main(Settings.read_or_exit("api")))
