"""What a handler answers: a status, headers and bytes, written in one go."""

from collections.abc import Sequence
from typing import Any

import orjson

from causerie.store.pages import Page

Header = tuple[bytes, bytes]

_JSON = (b"content-type", b"application/json")
_REPLAYED = (b"idempotent-replayed", b"true")


class Answer:
    """One HTTP answer, as an ASGI application of its own."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, body: bytes = b"", headers: Sequence[Header] = ()) -> None:
        self.status = status
        self.body = body
        self.headers = headers

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = (
            [(b"content-length", b"%d" % len(self.body)), *self.headers] if self.status != 204 else [*self.headers]
        )
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def json(value: object, *, status: int = 200, headers: Sequence[Header] = ()) -> Answer:
    return Answer(status, orjson.dumps(value), (_JSON, *headers))


def created(value: object, *headers: Header) -> Answer:
    return json(value, status=201, headers=headers)


def replayed(value: object) -> Answer:
    """What an earlier request with the same key made."""
    return json(value, headers=(_REPLAYED,))


def page(found: Page) -> Answer:
    return json({"items": found.items, "next_cursor": found.next_cursor})


def nothing() -> Answer:
    return Answer(204)
