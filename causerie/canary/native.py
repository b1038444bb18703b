"""The canary in the native dialect: two of our own clients, in a conversation of their own, write to each other."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from causerie.client import Client, ClientError

log = logging.getLogger(__name__)

USERS = ("causerie-canary-a", "causerie-canary-b")
"""Always the same, so that all canaries ever started share one conversation."""
TEXT = "canary "
RETRY_SECONDS = 1.0


class Native:
    """A dialect: `start`, `send` by one of the two, and `arrived` is called with whom it reached, and what.

    `token` signs for a user. With several gateways the two begin on different ones.
    """

    name = "native"

    def __init__(
        self,
        token: Callable[[str], str],
        gateways: tuple[str, ...],
        apis: tuple[str, ...],
        arrived: Callable[[int, str], None],
    ) -> None:
        self._arrived = arrived
        self._conversation = ""
        self._clients = [
            Client(
                user,
                partial(token, user),
                gateways=gateways[place % len(gateways) :] + gateways[: place % len(gateways)],
                apis=apis,
                on_event=partial(self._take, place),
            )
            for place, user in enumerate(USERS)
        ]

    async def start(self) -> None:
        """Connect both and open their conversation, for as long as that takes."""
        for client in self._clients:
            client.start()
        while not self._conversation:
            try:
                self._conversation = (await self._clients[0].open("direct", [USERS[1]]))["id"]
            except (ClientError, TimeoutError) as error:
                log.warning("the canary cannot open its conversation", extra={"reason": str(error)})
                await asyncio.sleep(RETRY_SECONDS)

    async def stop(self) -> None:
        await asyncio.gather(*(client.stop() for client in self._clients))

    async def send(self, place: int, name: str, *, deadline_seconds: float) -> bool:
        """Send under this name; True once it is acknowledged, False when that is not to be had by the deadline."""
        client = self._clients[place]
        try:
            await client.send(self._conversation, TEXT + name, client_id=name, deadline_seconds=deadline_seconds)
        except ClientError as error:
            log.warning("a canary's message was not acknowledged", extra={"reason": str(error)})
            return False
        return True

    def shows(self, place: int) -> set[str]:
        """What this client would show its user: messages may also come with a whole page, without an event."""
        conversation = self._clients[place].model.conversations.get(self._conversation)
        messages = conversation.messages.values() if conversation is not None else ()
        return {str(message["content"]).removeprefix(TEXT) for message in messages}

    def _take(self, place: int, event: dict[str, Any]) -> None:
        if event["event"] == "message.new" and event["data"]["sender_id"] != USERS[place]:
            self._arrived(place, str(event["data"]["content"]).removeprefix(TEXT))
