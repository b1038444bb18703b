"""`websockets`: its asyncio server and its own `broadcast`."""

import asyncio
import sys

from websockets.asyncio.server import ServerConnection, broadcast, serve

connected: set[ServerConnection] = set()


async def handle(client: ServerConnection) -> None:
    connected.add(client)
    try:
        async for message in client:
            copies, _, payload = str(message).partition(" ")
            for _ in range(int(copies)):
                broadcast(connected, payload)
    finally:
        connected.discard(client)


async def main() -> None:
    async with serve(handle, "127.0.0.1", int(sys.argv[1]), compression=None, backlog=4096) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
