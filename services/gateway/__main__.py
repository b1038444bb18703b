"""`python -m services.gateway`: build the gateway and run it until SIGTERM; then drain and go."""

import asyncio
import contextlib
import logging

import uvloop

from causerie import telemetry
from causerie.actions.opening import opened
from causerie.lifetime import beside, told_to_end
from causerie.readiness import Stage
from causerie.settings import Settings
from causerie.store.dead_letters import DeadLetters
from services.gateway import files
from services.gateway.gateway import Gateway
from services.gateway.listener import listening_socket
from services.gateway.loops import LOOPS
from services.gateway.tidy import give_back, keep_tidy

log = logging.getLogger(__name__)


async def serve(settings: Settings, told: asyncio.Event) -> None:
    """Serve until told to end; waits for PostgreSQL for as long as it takes."""
    open_files = files.raise_limit()
    async with contextlib.AsyncExitStack() as stack:
        # A port that is taken ends the start before anything else is opened.
        listener = stack.enter_context(listening_socket(settings.listen.host, settings.listen.port))
        parts = await stack.enter_async_context(opened("gateway", settings, told))
        if parts is None:
            return
        letters = DeadLetters(parts.platform.store)
        await stack.enter_async_context(beside(letters.write()))

        max_connections = files.connections_within(settings.gateway.max_connections, open_files)
        gateway = Gateway(parts, letters, settings, max_connections=max_connections)
        await gateway.start(listener)
        stack.push_async_callback(gateway.stop)
        give_back()
        await stack.enter_async_context(beside(keep_tidy(lambda: gateway.room.connections, parts.verifier.forget)))
        parts.readiness.stage = Stage.SERVING
        log.info(
            "gateway is running",
            extra={
                "node": gateway.node.id,
                "max_connections": max_connections,
                "open_files": open_files,
                "loops": LOOPS.language,
            },
        )
        await told.wait()
        parts.readiness.stage = Stage.DRAINING
        await gateway.leave()


async def main(settings: Settings) -> None:
    """Run the gateway; a signal while it still waits for PostgreSQL ends it at once."""
    telemetry.setup("gateway", settings.log.level)
    await serve(settings, told_to_end())
    telemetry.shutdown()


if __name__ == "__main__":
    uvloop.run(main(Settings.read_or_exit("gateway")))
