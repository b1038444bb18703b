"""What an outage of PostgreSQL looks like from outside, and what must be so after it."""

import asyncio
import secrets
import time
from dataclasses import dataclass, field

from causerie.client import Client, Refused
from tests.support.waiting import eventually

ANSWER_SECONDS = 3.0
GRACE_SECONDS = 0.5
"""For this machine to send and receive while everything else runs on it too."""
LARGE_BYTES = 6_000
"""Half a page of a table is soon full; so much text in hexadecimal is not compressed away."""


@dataclass
class Asked:
    """Sends that were refused, to be sent again under the same keys."""

    group: str
    drafts: list[tuple[Client, str, str]] = field(default_factory=list)

    async def by_rest(self, client: Client) -> Refused:
        key, content = self._a_draft(client)
        began = time.monotonic()
        try:
            await client.rest.post(self.group, content, client_id=key)
        except Refused as refusal:
            self._in_time(began)
            assert refusal.details["status"] == 503, refusal
            assert refusal.retry_after_seconds is not None, "a 503 says when to come back"
            return refusal
        raise AssertionError("PostgreSQL still writes")

    async def by_socket(self, client: Client) -> Refused:
        key, content = self._a_draft(client)
        assert client.connection is not None
        began = time.monotonic()
        try:
            await client.connection.request("send", conversation_id=self.group, content=content, client_id=key)
        except Refused as refusal:
            self._in_time(began)
            assert refusal.code in ("unavailable", "overloaded"), refusal
            assert refusal.retryable
            return refusal
        raise AssertionError("PostgreSQL still writes")

    async def reading_refused(self, clients: list[Client]) -> None:
        """Ask for history and sync at once: each is told as soon as a send is."""
        began = time.monotonic()
        questions = [ask for one in clients for ask in (one.history(self.group), one.rest.sync(None))]
        for answer in await asyncio.gather(*questions, return_exceptions=True):
            assert isinstance(answer, Refused), answer
            assert answer.details["status"] == 503
            assert answer.retry_after_seconds is not None
        self._in_time(began)

    async def refused(self, clients: list[Client], *, timeout_seconds: float = 15.0) -> None:
        """Wait until every send is refused, then ask once more by each way at once."""
        await eventually(lambda: self.by_rest(clients[0]), timeout_seconds=timeout_seconds)
        answers = await asyncio.gather(
            *(ask(client) for client in clients for ask in (self.by_rest, self.by_socket)), return_exceptions=True
        )
        assert all(isinstance(answer, Refused) for answer in answers), answers

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

    def _in_time(self, began: float) -> None:
        took = time.monotonic() - began
        assert took < ANSWER_SECONDS + GRACE_SECONDS, f"refused only after {took:.1f} s"
