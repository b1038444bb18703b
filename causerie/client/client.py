"""A client that stays connected: it comes back, catches up and keeps its model, whatever dies on the other side.

async with Client("ann", token, gateways=["ws://localhost:8081"], apis=["http://localhost:8080"]) as ann:
    conversation = await ann.open("group", ["ben", "cai"])
    await ann.send(conversation["id"], "hello")
    await ann.until(lambda model: model.unread == 0)
"""

import asyncio
import logging
import random as _random
from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx

from causerie.client.answers import Answers
from causerie.client.backoff import Backoff
from causerie.client.connection import AuthWay, Connection, Farewell
from causerie.client.conversation import Json
from causerie.client.errors import ClientError, Disconnected, Refused
from causerie.client.model import Model
from causerie.client.patience import insist
from causerie.client.rest import Rest
from causerie.client.watchers import Watchers

log = logging.getLogger(__name__)

SEND_DEADLINE_SECONDS = 60.0
ATTEMPT_SECONDS = 5.0
"""How long one attempt of a send is waited for; sending again is safe, so this is shorter than a plain request."""

SYNC_ATTEMPTS = 5
"""On one connection, for another gateway may be better off."""


class Client:
    """One device of one user.

    `gateways` and `apis` are addresses used in turn; behind a load balancer each is one.  `token` and
    `gateways` may be functions, asked anew for every connection.  `on_event` sees each event as it takes effect,
    once and in order; `on_frame` everything that arrives; `on_farewell` how each connection ended.
    """

    def __init__(
        self,
        user: str,
        token: str | Callable[[], str],
        *,
        gateways: Sequence[str] | Callable[[], str],
        apis: Sequence[str],
        http: httpx.AsyncClient | None = None,
        way: AuthWay = AuthWay.HEADER,
        bodies: bool = True,
        on_event: Callable[[Json], None] | None = None,
        on_frame: Callable[[Json], None] | None = None,
        on_farewell: Callable[[Farewell], None] | None = None,
        random: Callable[[], float] = _random.random,
    ) -> None:
        self.user = user
        self.model = Model(user, bodies=bodies, on_applied=on_event)
        self.connection: Connection | None = None
        self.connects = 0
        self.gateway = ""
        self.trouble: Exception | None = None
        self._token: Callable[[], str] = token if callable(token) else lambda: token
        self._http = http or httpx.AsyncClient(verify=any(api.startswith("https") for api in apis), trust_env=False)
        self._owns_http = http is None
        self.rest = Rest(apis, self._token, self._http)
        self._next_gateway: Callable[[], str] = gateways if callable(gateways) else cycle(gateways).__next__
        self._way = way
        self._on_frame = on_frame
        self._on_farewell = on_farewell
        self._random = random
        self._subscribed: set[str] = set()
        self._watchers = Watchers()
        self._answers = Answers(self.model, self.rest, random, self._watchers.look)
        self._is_synced = False
        self._runner: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.start()
        try:
            await self.settled()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def start(self) -> None:
        """Begin to connect, and stay so until `stop` or until the server says that coming back is of no use."""
        self._watchers.resume()
        self._runner = asyncio.create_task(self._stay_connected())

    async def disconnect(self) -> None:
        """Go offline and keep the model; `start` goes on from there."""
        if self._runner is not None:
            self._runner.cancel()
            await asyncio.gather(self._runner, return_exceptions=True)
        await self._answers.stop()
        if self.connection is not None:
            await self.connection.close()

    async def stop(self) -> None:
        await self.disconnect()
        if self._owns_http:
            await self._http.aclose()

    @property
    def is_settled(self) -> bool:
        """Connected, caught up, and no event waits for another."""
        return self._is_synced and self.model.is_settled

    async def settled(self, *, timeout_seconds: float = 30.0) -> None:
        await self.until(lambda model: self.is_settled, timeout_seconds=timeout_seconds)

    async def until(self, holds: Callable[[Model], bool], *, timeout_seconds: float = 10.0) -> None:
        """Wait until something is true of the model; it is looked at after every change.

        Raises:
            TimeoutError: it did not become true.
            Disconnected: the server said that coming back is of no use.
        """
        try:
            await self._watchers.until(lambda: holds(self.model), timeout_seconds)
        except TimeoutError:
            state = "connected" if self.connection is not None and self.connection.is_open else "not connected"
            raise TimeoutError(f"not within {timeout_seconds:g} s; {state}; last trouble: {self.trouble}") from None

    async def send(
        self,
        conversation_id: str,
        content: str,
        *,
        client_id: str | None = None,
        by_rest: bool = False,
        deadline_seconds: float = SEND_DEADLINE_SECONDS,
        **fields: Any,
    ) -> Json:
        """Send a message and return it once it is durable.

        An unknown outcome (no answer, a reset, a 5xx) is tried again with the same key until the deadline,
        by the socket while there is one (unless `by_rest`), else by the API: it takes effect once.

        Raises:
            Refused: it was not accepted and trying again would not help.
            Unanswered: the deadline passed; whether it was accepted is unknown.
        """
        key = client_id or str(uuid4())
        once = partial(self._send_once, conversation_id, content, key, by_rest, fields)
        return await insist(once, deadline_seconds=deadline_seconds, random=self._random)

    async def call(self, op: str, **arguments: Any) -> Any:
        """Ask once over the socket, waiting for one first if there is none."""
        if self.connection is None or not self.connection.is_open:
            await self.until(lambda model: self.connection is not None and self.connection.is_open)
        if self.connection is None:
            raise Disconnected("there is no connection")
        return await self.connection.request(op, **arguments)

    async def open(self, type_: str, member_ids: Sequence[str] = (), **fields: Any) -> Json:
        """Open a conversation; an unknown outcome is tried again under the same key.

        Raises:
            As `send`.
        """
        once = partial(self.rest.open, type_, member_ids, key=str(uuid4()), **fields)
        return await insist(once, deadline_seconds=SEND_DEADLINE_SECONDS, random=self._random)

    async def edit(self, message_id: str, content: str, version: int | None = None) -> Json:
        arguments = {"message_id": message_id, "content": content}
        message: Json = await self.call("edit", **arguments, **({} if version is None else {"version": version}))
        return message

    async def delete(self, message_id: str) -> None:
        await self.call("delete", message_id=message_id)

    async def read(self, conversation_id: str, seq: int) -> None:
        """Move my read mark; the model follows at once."""
        mark = await self.call("read", conversation_id=conversation_id, seq=seq)
        self.model.read(conversation_id, self.user, mark["seq"], mark["unread_count"])
        self._watchers.look()

    async def mark_unread(self, conversation_id: str) -> None:
        await self.call("mark_unread", conversation_id=conversation_id)

    async def type(self, conversation_id: str, state: str = "start") -> None:
        await self.call("typing", conversation_id=conversation_id, state=state)

    async def watch(self, user_ids: Sequence[str]) -> None:
        """Learn of the presence of others, now and as it changes, on this connection."""
        known = {user: self.model.presence.get(user) for user in user_ids}
        states = await self.call("watch", user_ids=list(user_ids))
        for state in states["items"]:
            # What was pushed before the answer is newer: the gateway looked first.
            if self.model.presence.get(state["user_id"]) is known.get(state["user_id"]):
                self.model.presence[state["user_id"]] = state
        self._watchers.look()

    async def subscribe(self, conversation_id: str) -> None:
        """Follow a channel, on this connection and those after it."""
        self._subscribed.add(conversation_id)
        await self._follow(conversation_id)

    async def unsubscribe(self, conversation_id: str) -> None:
        self._subscribed.discard(conversation_id)
        await self.call("unsubscribe", conversation_id=conversation_id)

    async def history(self, conversation_id: str, **query: str | int) -> Json:
        return await self.rest.history(conversation_id, **query)

    async def _send_once(self, conversation_id: str, content: str, key: str, by_rest: bool, fields: Json) -> Json:
        connection = self.connection
        if by_rest or connection is None or not connection.is_open:
            return await self.rest.post(
                conversation_id, content, timeout_seconds=ATTEMPT_SECONDS, client_id=key, **fields
            )
        result: Json = await connection.request(
            "send",
            conversation_id=conversation_id,
            content=content,
            client_id=key,
            timeout_seconds=ATTEMPT_SECONDS,
            **fields,
        )
        return result

    async def _follow(self, conversation_id: str) -> None:
        head = await self.call("subscribe", conversation_id=conversation_id)
        self._answers.perform(self.model.heads([{"conversation_id": conversation_id, **head}]))
        self._watchers.look()

    async def _stay_connected(self) -> None:
        backoff = Backoff(self._random)
        while True:
            try:
                await self._live_through_one(backoff)
            except ClientError as error:
                self.trouble = error
                if isinstance(error, Disconnected) and not error.reconnect:
                    self._watchers.give_up(error)
                    raise
                delay = backoff.failed(error.retry_after_seconds)
            except Exception as error:  # the loop's edge: whatever it was, a client comes back
                log.exception("a connection ended in a bug")
                self.trouble = error
                delay = backoff.failed()
            finally:
                self._is_synced = False
            await asyncio.sleep(delay)

    async def _live_through_one(self, backoff: Backoff) -> None:
        credential = await self.rest.ticket() if self._way is AuthWay.TICKET else self._token()
        gateway = self._next_gateway()
        connection = await Connection.open(gateway, credential, way=self._way, on_frame=self._take)
        self.gateway, self.connection = gateway, connection
        self.connects += 1
        loop = asyncio.get_running_loop()
        opened_at = loop.time()
        try:
            await self._catch_up(connection)
            self._is_synced = True
            self._watchers.look()
            farewell = await connection.ended()
        finally:
            backoff.lasted(loop.time() - opened_at)
            await connection.close()
            if self._on_farewell is not None:
                self._on_farewell(await connection.ended())
        raise farewell.error()

    async def _catch_up(self, connection: Connection) -> None:
        """First the seat, then the question: what comes in between arrives twice and is applied once."""
        self.model.sync_began()
        has_more = True
        while has_more:
            page = await self._page(connection)
            has_more = page["has_more"]
            self._answers.perform(self.model.sync_page(page))
        for conversation_id in sorted(self._subscribed):
            try:
                await self._follow(conversation_id)
            except Refused as refusal:
                if refusal.retryable:
                    raise
                # No member any more: there is nothing to follow.
                self._subscribed.discard(conversation_id)

    async def _page(self, connection: Connection) -> Json:
        """The next page of what was missed.

        While the gateway has nobody to ask it is asked again: another connection would cost everybody a handshake more.
        """
        backoff = Backoff(self._random)
        for _ in range(SYNC_ATTEMPTS - 1):
            try:
                return await self._asked_page(connection)
            except Refused as refusal:
                if not refusal.retryable:
                    raise
                await asyncio.sleep(backoff.failed(refusal.retry_after_seconds))
        return await self._asked_page(connection)

    async def _asked_page(self, connection: Connection) -> Json:
        """A cursor the server does not know any more is forgotten."""
        asked: Json = {}
        if self.model.cursor is not None:
            asked = {"cursor": self.model.cursor, "positions": self.model.positions}
        try:
            page: Json = await connection.request("sync", **asked)
        except Refused as refusal:
            if refusal.code != "invalid_cursor" or not asked:
                raise
            page = await connection.request("sync")
        return page

    def _take(self, frame: Json) -> None:
        if self._on_frame is not None:
            self._on_frame(frame)
        self._answers.perform(self.model.receive(frame))
        self._watchers.look()
