"""Asks a service on this machine whether it is ready."""

import asyncio

ANSWER_SECONDS = 2.0


async def is_ready(port: int, *, host: str = "127.0.0.1") -> bool:
    """Whether `/ready` on that health port answers 200."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(f"GET /ready HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                status = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
    return b" 200 " in status
