"""Requests on their way, of all connections of a process: we tell numbers apart, so no connection keeps a list."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from time import monotonic

from loadtest.dialects import Reply
from loadtest.swarm.person import Failed, Person
from loadtest.swarm.tally import Tally

ANSWER_SECONDS = 10.0
UNANSWERED = "no answer"


@dataclass(slots=True)
class _Asked:
    name: str
    person: int
    at: float
    reply: "asyncio.Future[bytes] | None"
    then: Callable[[bytes], None] | None


class Requests:
    """Asks, times the answers under a name, and gives up on those that do not come."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._asked: dict[int, _Asked] = {}
        self._last = 0

    async def ask(self, person: Person, name: str, encode: Callable[[int], bytes | None]) -> bytes | None:
        """Ask and wait; None when the dialect has no such question.

        Raises:
            Failed: refused, or not answered in time.
        """
        reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        if not self.put(person, name, encode, reply):
            return None
        return await reply

    def put(
        self,
        person: Person,
        name: str,
        encode: Callable[[int], bytes | None],
        reply: "asyncio.Future[bytes] | None" = None,
        *,
        then: Callable[[bytes], None] | None = None,
    ) -> bool:
        """Ask without waiting; False when the dialect has no such question. `then` is given a reply that says yes."""
        self._last += 1
        text = encode(self._last)
        if text is None or person.socket is None:
            return False
        self._asked[self._last] = _Asked(name, person.number, monotonic(), reply, then)
        person.socket.say(text)
        return True

    def answered(self, reply: Reply) -> None:
        asked = self._asked.pop(reply.request, None)
        if asked is None:
            return
        if reply.error is None:
            self._tally.took(asked.name, monotonic() - asked.at)
            if asked.then is not None:
                asked.then(reply.payload)
        else:
            self._tally.failed(asked.name, reply.error)
        if asked.reply is not None and not asked.reply.done():
            if reply.error is None:
                asked.reply.set_result(reply.payload)
            else:
                asked.reply.set_exception(Failed(f"{asked.name}: {reply.error}"))

    def forget(self, people: Collection[int]) -> None:
        """They were cut off by ourselves: that nobody answers them is no failure of the server's."""
        for number in [number for number, asked in self._asked.items() if asked.person in people]:
            reply = self._asked.pop(number).reply
            if reply is not None and not reply.done():
                reply.set_exception(Failed("cut off"))

    def give_up(self, now: float) -> None:
        """Forget what was asked too long ago. Numbers grow with time, so the oldest stand first."""
        while self._asked:
            number, asked = next(iter(self._asked.items()))
            if now - asked.at < ANSWER_SECONDS:
                return
            del self._asked[number]
            self._tally.failed(asked.name, UNANSWERED)
            if asked.reply is not None and not asked.reply.done():
                asked.reply.set_exception(Failed(f"{asked.name}: {UNANSWERED}"))
