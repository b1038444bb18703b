"""Whatever strangers can choose the words of, chosen at random: methods, paths, origins, ops, ids, close codes.

A round always has the same shape and never the same words: what one round makes the platform count, the next one counts
again, so a new series after it could only be named by a word of a stranger.
"""

import asyncio
import json
from contextlib import suppress
from random import Random
from uuid import UUID

from tests.gateway.raw import CLOSE, TEXT, wire_to
from tests.journeys.fleet import token
from tests.support.services import Service

MARK = "zq"
"""Every word begins with it, so that one can be found in what is counted."""
REQUESTS, SOCKETS, FRAMES = 40, 6, 12
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
PATHS = (
    "/v1/conversations/{id}",
    "/v1/conversations/{id}/messages",
    "/v1/messages/{id}",
    "/v1/{word}",
    "/{word}/{word}",
    "/v1/conversations?cursor={word}",
    "/ws?ticket={word}",
)
CODES = (1000, 1001, 1011, 3000, 4000, 4999)


async def a_round(api: Service, gateway: Service, random: Random) -> None:
    """Everything at random, once."""
    await asyncio.gather(*(_requests(service, random) for service in (api, gateway)))
    for _ in range(SOCKETS):
        await _socket(gateway, random)


async def _requests(service: Service, random: Random) -> None:
    for number in range(REQUESTS):
        path = PATHS[number % len(PATHS)].format(id=UUID(int=random.getrandbits(128)), word=_word(random))
        method = METHODS[number % len(METHODS)] if number % 3 else _word(random).upper()
        lines = [
            f"{method} {path} HTTP/1.1",
            "Host: 127.0.0.1",
            f"Origin: https://{_word(random)}.example",
            f"Authorization: Bearer {token('mallory') if number % 2 else _word(random)}",
            f"X-Request-ID: {_word(random)}",
            f"User-Agent: {_word(random)}",
            "Connection: close",
        ]
        async with wire_to(service.port) as wire:
            with suppress(OSError):
                await wire.write("\r\n".join(lines) + "\r\n\r\n")
                await wire.ended()


async def _socket(gateway: Service, random: Random) -> None:
    async with wire_to(gateway.port) as wire:
        await wire.upgrade(f"Authorization: Bearer {token('mallory')}")
        with suppress(OSError, asyncio.IncompleteReadError):
            for number in range(FRAMES):
                frame = {"op": _word(random) if number % 2 else "history", "id": number, _word(random): _word(random)}
                await wire.frame(TEXT, json.dumps(frame).encode())
            await wire.frame(CLOSE, random.choice(CODES).to_bytes(2, "big") + _word(random).encode())
            await wire.ended()


def _word(random: Random) -> str:
    return f"{MARK}{random.getrandbits(64):x}"
