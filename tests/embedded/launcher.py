"""Starts the embedded stores, says where they are and what runs, and waits: something for tests to kill."""

import asyncio
import json
import os
import sys
from pathlib import Path

from causerie.embedded import EmbeddedStores, StoreUrls


async def main() -> None:
    async with EmbeddedStores(Path(sys.argv[1]), external=StoreUrls.from_environment(os.environ)) as stores:
        servers = (stores.postgres, stores.valkey, stores.nats)
        facts = {
            "urls": stores.environment(),
            "pids": [server.process.pid for server in servers if server is not None and server.process is not None],
        }
        print(json.dumps(facts), flush=True)  # noqa: T201 - read by the test
        await asyncio.to_thread(sys.stdin.read)


asyncio.run(main())
