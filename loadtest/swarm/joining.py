"""How a swarm on some other machine comes to the Locust that drives it; the other half of `loadtest.meeting`."""

import asyncio
import hmac
import secrets
from typing import Any

import orjson

from loadtest.handshake import ROUNDS, proof
from loadtest.swarm.clock import CLOCK
from loadtest.trouble import Trouble

PATIENCE_SECONDS = 600.0
"""On a cluster the one may be there long before the other."""
PAUSE_SECONDS = 1.0


async def join(host: str, port: int, secret: str, *, limit: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which the next line says what to begin with.

    Raises:
        Trouble: nobody is there, or somebody who does not hold the secret.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE_SECONDS
    while True:
        try:
            reader, writer = await asyncio.open_connection(host, port, limit=limit)
            await _introduce(reader, writer, secret)
            return reader, writer
        except (OSError, ValueError, KeyError) as error:
            if loop.time() > deadline:
                raise Trouble(f"no load test at {host}:{port}: {error}") from None
            await asyncio.sleep(PAUSE_SECONDS)


async def _introduce(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, secret: str) -> None:
    async def hear() -> Any:
        return orjson.loads(await reader.readline())

    def say(**fields: object) -> None:
        writer.write(orjson.dumps(fields) + b"\n")

    ours = secrets.token_hex(16)
    say(nonce=ours)
    answer = await hear()
    theirs = str(answer["nonce"])
    if not hmac.compare_digest(str(answer["proof"]), proof(secret, "conductor", ours, theirs)):
        raise Trouble("whoever waits there does not hold the platform's secret")
    say(proof=proof(secret, "swarm", ours, theirs))
    found: list[tuple[int, int]] = []
    for _ in range(ROUNDS):
        asked = CLOCK.now_ns()
        say(time=None)
        now = int((await hear())["now"])
        answered = CLOCK.now_ns()
        found.append((answered - asked, now - (asked + answered) // 2))
    CLOCK.set(min(found)[1])
