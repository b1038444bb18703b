"""A client that speaks the native dialect frame by frame, and is never helpful: tests see what came."""

import asyncio
import json
from itertools import count
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from causerie.domain.ids import UserId
from causerie.tokens import issue
from tests.conftest import JWT_SECRET

ANSWER_SECONDS = 10.0
Frame = dict[str, Any]


def token_of(user: str, *, ttl_seconds: float = 3600.0) -> str:
    return issue(JWT_SECRET, UserId(user), ttl_seconds=ttl_seconds)


class Client:
    """Frames are kept in the order they came; what a test waits for is looked for among them."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.frames: list[Frame] = []
        self._ids = count(1)
        self._unseen: list[Frame] = []

    async def send(self, frame: Frame | str | bytes) -> None:
        await self.socket.send(json.dumps(frame) if isinstance(frame, dict) else frame)

    async def ask(self, op: str, **arguments: Any) -> Frame:
        """The reply to one op, whole."""
        return await self.reply(await self.begin(op, **arguments))

    async def begin(self, op: str, **arguments: Any) -> int:
        request_id = next(self._ids)
        await self.send({"id": request_id, "op": op, **arguments})
        return request_id

    async def do(self, op: str, **arguments: Any) -> Any:
        """The result of an op that is expected to work."""
        reply = await self.ask(op, **arguments)
        assert reply["ok"], reply
        return reply["result"]

    async def fail(self, op: str, **arguments: Any) -> str:
        """The code of an op that is expected to be refused."""
        reply = await self.ask(op, **arguments)
        assert not reply["ok"], reply
        return str(reply["error"]["code"])

    async def reply(self, request_id: int | str | None) -> Frame:
        return await self._until(lambda frame: "ok" in frame and frame["id"] == request_id, f"reply {request_id}")

    async def event(self, kind: str, **data: Any) -> Frame:
        """The next event of this kind whose data has these values."""
        return await self._until(
            lambda frame: frame.get("event") == kind and data.items() <= frame["data"].items(), f"event {kind}"
        )

    async def closed(self) -> int:
        """The code of the close, once it has come."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                while True:
                    await self._receive()
        except ConnectionClosed:
            assert self.socket.close_code is not None
            return self.socket.close_code

    async def _until(self, wanted: Any, what: str) -> Frame:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                while True:
                    for frame in self._unseen:
                        if wanted(frame):
                            self._unseen.remove(frame)
                            return frame
                    await self._receive()
        except TimeoutError:
            raise AssertionError(f"no {what}; came: {self._unseen}") from None

    async def _receive(self) -> None:
        frame = json.loads(await self.socket.recv())
        self.frames.append(frame)
        self._unseen.append(frame)
