"""What an outage of PostgreSQL looks like from outside, and what must be so after it."""

import asyncio
import secrets
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field

from causerie.client import Client, Refused
from tests.faults.bystander import standing_by
from tests.faults.wired import WiredFleet
from tests.support.waiting import eventually

ANSWER_SECONDS = 3.0
GRACE_SECONDS = 0.5
"""For this machine to send and receive; when it stands still a bystander says so."""
LARGE_BYTES = 6_000
"""Half a page of a table is soon full; so much text in hexadecimal is not compressed away."""


@dataclass
class Asked:
    """Sends that were refused, to be sent again under the same keys."""

    fleet: WiredFleet
    group: str
    drafts: list[tuple[Client, str, str]] = field(default_factory=list)

    async def by_rest(self, client: Client) -> float:
        """After how many seconds it is refused."""
        key, content = self._a_draft(client)
        return await _told(client.rest.post(self.group, content, client_id=key))

    async def by_socket(self, client: Client) -> float:
        key, content = self._a_draft(client)
        assert client.connection is not None
        began = time.monotonic()
        try:
            await client.connection.request("send", conversation_id=self.group, content=content, client_id=key)
        except Refused as refusal:
            assert refusal.code in ("unavailable", "overloaded"), refusal
            assert refusal.retryable
            return time.monotonic() - began
        raise AssertionError("PostgreSQL still writes")

    async def refused(self, clients: list[Client], *, reading: bool) -> None:
        """Ask by every way at once; with `reading` also for history and sync, which are told as soon as a send is."""
        questions = [ask(client) for client in clients for ask in (self.by_rest, self.by_socket)]
        if reading:
            questions += [_told(client.history(self.group)) for client in clients]
            questions += [_told(client.rest.sync(None)) for client in clients]
        async with standing_by(self.fleet.everything) as bystander:
            answers = await asyncio.gather(*questions, return_exceptions=True)
        took = [answer for answer in answers if isinstance(answer, float)]
        assert len(took) == len(questions), answers
        assert max(took) < ANSWER_SECONDS + GRACE_SECONDS + bystander.slowest_seconds

    async def until_refused(self, client: Client) -> None:
        """Ask until PostgreSQL does not write any more: what was there for it may last for a while."""
        await eventually(lambda: self.by_rest(client), timeout_seconds=15.0)

    async def sent_again(self) -> None:
        """Send all of them under their keys, twice: each is one message."""
        first = await asyncio.gather(*(self._send(*draft) for draft in self.drafts))
        again = await asyncio.gather(*(self._send(*draft) for draft in self.drafts))
        assert first == again

    async def _send(self, client: Client, key: str, content: str) -> str:
        message = await client.send(self.group, content, client_id=key)
        return str(message["id"])

    def _a_draft(self, client: Client) -> tuple[str, str]:
        key = secrets.token_hex(8)
        content = f"{key} {secrets.token_hex(LARGE_BYTES // 2)}"
        self.drafts.append((client, key, content))
        return key, content


async def _told(request: Awaitable[object]) -> float:
    """After how many seconds a request by HTTP is told that PostgreSQL is away."""
    began = time.monotonic()
    try:
        await request
    except Refused as refusal:
        assert refusal.details["status"] == 503, refusal
        assert refusal.retry_after_seconds is not None, "a 503 says when to come back"
        return time.monotonic() - began
    raise AssertionError("PostgreSQL still answers")
