"""Hundreds of sockets in one group, written to at a steady rate, and what each of them got."""

import asyncio
import json
import os
import socket
import struct
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress

from bench.raw_socket import RawSocket, connect_all
from causerie.actions import conversations
from causerie.actions.platform import Platform
from causerie.domain.caller import Caller
from causerie.domain.conversation import ConversationType, OpenConversation
from causerie.domain.ids import UserId
from loadtest.frames import client_frame
from tests.gateway.client import token_of
from tests.support.services import Service
from tests.support.waiting import eventually

SESSIONS = 16
"""Of one user: fewer than there may be, so that one can come back before the last is gone."""
_RESET = struct.pack("ii", 1, 0)
_SLOW_STORE = {"overloaded", "unavailable"}
"""Refusals that only say that PostgreSQL took its time, as on a shared machine; what was said is said again."""
_SMALL_BUFFER = 4 * 1024
_LARGE_BUFFER = 1024 * 1024


class Crowd:
    """Sockets by their place."""

    def __init__(self, gateway: Service, group: str, users: Sequence[str]) -> None:
        self.gateway = gateway
        self.group = group
        self.users = users
        self.sockets: list[RawSocket] = []
        self.seqs: list[list[int]] = []
        self.codes: dict[int, int] = {}
        """Why the server closed, by place."""
        self.answered: set[int] = set()
        self.sent = 0
        self._said: dict[int, bytes] = {}
        """What was not acknowledged yet, by the number of its request."""
        self.acknowledged: list[int] = []
        self.refused: list[bytes] = []

    async def enter(self, sockets: int, *, at_once: int = 50) -> None:
        """Open so many more, and let each ask what it missed, so that it is certain of what follows."""
        first = len(self.sockets)
        self.seqs += [[] for _ in range(sockets)]
        places = range(first, first + sockets)
        sessions = ((place, token_of(self.user_of(place)), self.gateway.port) for place in places)
        self.sockets += await connect_all(sessions, self._heard, at_once=at_once)
        ask = client_frame(json.dumps({"id": 1, "op": "sync", "limit": 1}).encode())
        for opened in self.sockets[first:]:
            opened.transport.write(ask)
        await eventually(lambda: self.answered.issuperset(places), timeout_seconds=30, what="the answers to sync")

    def user_of(self, place: int) -> str:
        return self.users[place // SESSIONS]

    def say(self, author: RawSocket, *, size: int = 0) -> None:
        self.sent += 1
        content = "x" * max(1, size)
        # By its key it is one message, however often it is said.
        key = f"{self.group}-{self.sent}"
        asked = {"id": self.sent, "op": "send", "conversation_id": self.group, "client_id": key, "content": content}
        self._said[self.sent] = client_frame(json.dumps(asked).encode())
        author.transport.write(self._said[self.sent])

    async def listen(self, author: RawSocket, *, per_second: float, seconds: float, size: int = 0) -> None:
        """Messages at a steady rate for so long."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number in range(int(per_second * seconds)):
            await asyncio.sleep(max(0.0, began + number / per_second - loop.time()))
            self.say(author, size=size)

    def heard_everything(self, places: Collection[int]) -> bool:
        """Whether each of these has heard all that was sent since the first of them came, in order and once."""
        assert not self.refused, self.refused[:3]
        assert len(self.acknowledged) == self.sent, f"{len(self.acknowledged)} of {self.sent} were acknowledged"
        for place in places:
            assert not self.sockets[place].lost, f"{place} was closed: {self.codes.get(place)}"
            wrong = set(self.seqs[place]) ^ set(range(2, self.sent + 2))
            assert not wrong, f"{place} heard {len(self.seqs[place])} of {self.sent} (not {sorted(wrong)[:5]})"
            assert self.seqs[place] == sorted(self.seqs[place]), f"{place} heard out of order"
        return True

    def stop_reading(self, place: int) -> None:
        """Read nothing any more, with little room in the kernel, as a phone in a tunnel."""
        transport = self.sockets[place].transport
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER)
        transport.pause_reading()

    def read_byte(self, place: int) -> None:
        """Take one byte past the protocol; the rest of what this socket gets is of no use to anybody."""
        with suppress(BlockingIOError, ConnectionError):
            os.read(self.sockets[place].transport.get_extra_info("socket").fileno(), 1)

    def read_on(self, place: int) -> None:
        transport = self.sockets[place].transport
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _LARGE_BUFFER)
        transport.resume_reading()

    def reset(self, places: Collection[int]) -> None:
        """Vanish without a farewell: a RST instead of a FIN."""
        for place in places:
            transport = self.sockets[place].transport
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            transport.abort()

    def leave(self) -> None:
        for opened in self.sockets:
            opened.transport.abort()

    def author_heard(self, author: RawSocket, text: bytes) -> None:
        if text.startswith(b'{"id":'):
            reply = json.loads(text)
            if reply["ok"]:
                del self._said[reply["id"]]
                self.acknowledged.append(reply["result"]["seq"])
            elif reply["error"]["code"] in _SLOW_STORE:
                pause = reply["error"]["retry_after_ms"] / 1000
                asyncio.get_running_loop().call_later(pause, author.transport.write, self._said[reply["id"]])
            else:
                self.refused.append(text)

    def _heard(self, heard_by: RawSocket, text: bytes) -> None:
        place = heard_by.index
        if text.startswith(b'{"event":"message.new"'):
            at = text.index(b'"seq":') + 6
            self.seqs[place].append(int(text[at : text.index(b",", at)]))
        elif text.startswith(b'{"event":"disconnect"'):
            self.codes[place] = json.loads(text)["data"]["code"]
        elif text.startswith(b'{"id":1,'):
            self.answered.add(place)


@asynccontextmanager
async def crowd(platform: Platform, gateway: Service, name: str, users: int) -> AsyncIterator[tuple[Crowd, RawSocket]]:
    """A group of so many users and its author, who has a socket already."""
    names = [f"{name}-{number}" for number in range(users)]
    author = f"{name}-author"
    spec = OpenConversation(ConversationType.GROUP, tuple(map(UserId, names)))
    opened = await conversations.open_conversation(platform, Caller(UserId(author), expires_at=2**40), spec)
    gathered = Crowd(gateway, str(opened.conversation["id"]), names)
    [socket_] = await connect_all([(-1, token_of(author), gateway.port)], gathered.author_heard)
    try:
        yield gathered, socket_
    finally:
        gathered.leave()
        socket_.transport.abort()
