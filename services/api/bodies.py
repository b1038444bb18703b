"""The body of a request: what it may be called, how large it may be, how long it may take."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from causerie.domain.errors import InvalidJson, PayloadTooLarge, UnsupportedMediaType
from causerie.domain.limits import MAX_BODY_BYTES
from causerie.protocol import strict_json

BODY_SECONDS = 20.0

_JSON = re.compile(rb"application/json\s*(;\s*charset\s*=\s*\"?utf-8\"?\s*)?\Z", re.IGNORECASE)


class ClientGone(Exception):
    """Nobody is there to answer."""


async def read_json(headers: Mapping[bytes, bytes], receive: Any, *, required: bool) -> object | None:
    """Read the body of a request as strict JSON; None when there is none and none is `required`.

    What is left of a refused body is read and dropped by the server, so the connection stays good for the next
    request; cutting a client off while it writes would show it a broken connection instead of the answer.

    Raises:
        UnsupportedMediaType: not `application/json`, or encoded.
        PayloadTooLarge: more than 64 KiB.
        InvalidJson: not JSON, or too slow in coming.
        ClientGone: the connection ended before the body did.
    """
    declared = _declared(headers)
    if not required and declared == 0:
        return None
    if b"content-encoding" in headers or not (_JSON.match(headers.get(b"content-type", b"")) or declared == 0):
        raise UnsupportedMediaType
    if declared == 0 and b"content-type" not in headers:
        raise UnsupportedMediaType
    if declared is not None and declared > MAX_BODY_BYTES:
        raise PayloadTooLarge
    body = await _read(receive)
    if not body and not required:
        return None
    return strict_json.loads(body)


def _declared(headers: Mapping[bytes, bytes]) -> int | None:
    """How long the body says it is; None when it does not say. The parser has checked the number."""
    length = headers.get(b"content-length")
    if length is not None:
        return int(length)
    return None if b"transfer-encoding" in headers else 0


async def _read(receive: Any) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                body += message.get("body", b"")
                if len(body) > MAX_BODY_BYTES:
                    raise PayloadTooLarge
                if not message.get("more_body"):
                    return bytes(body)
    except TimeoutError:
        raise InvalidJson("The body did not arrive in time.") from None
