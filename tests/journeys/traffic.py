"""People talking while something happens to the platform, and what must be true of it afterwards."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

from causerie.client import Client
from tests.journeys.fleet import Fleet, people

PAUSE_SECONDS = 0.03


class Traffic:
    """Members of one group who all talk, each by socket and by REST in turn, until told to stop.

    `acknowledged` is what the platform promised: the answers of all sends.  `logs` is what each member
    saw take effect, in order.
    """

    def __init__(self, clients: list[Client], logs: dict[str, list[dict[str, Any]]], group: str) -> None:
        self.clients = clients
        self.logs = logs
        self.group = group
        self.acknowledged: list[dict[str, Any]] = []
        self.slowest_seconds = 0.0
        self._stopping = asyncio.Event()
        self._authors: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._authors = [asyncio.create_task(self._talk(client)) for client in self.clients]

    async def flowed(self, messages: int, *, timeout_seconds: float = 30.0) -> None:
        """Wait until so many more have been acknowledged."""
        wanted = len(self.acknowledged) + messages
        async with asyncio.timeout(timeout_seconds):
            while len(self.acknowledged) < wanted:
                await asyncio.sleep(PAUSE_SECONDS)

    async def stop(self) -> None:
        """Let every send that was begun come to its answer."""
        self._stopping.set()
        await asyncio.gather(*self._authors)

    async def converged(self, *, timeout_seconds: float = 30.0) -> None:
        """Wait until everybody has seen everything, then hold what they saw against what was promised."""
        end = max(message["seq"] for message in self.acknowledged)
        for client in self.clients:
            await client.until(
                lambda model: self.group in model.conversations and model.conversations[self.group].last >= end,
                timeout_seconds=timeout_seconds,
            )
        promised = {message["seq"]: message["id"] for message in self.acknowledged}
        assert len(promised) == len(self.acknowledged), "two messages were given the same seq"
        for client in self.clients:
            log = self.logs[client.user]
            seqs = [event["seq"] for event in log]
            assert seqs == list(range(1, len(seqs) + 1)), f"{client.user} saw a hole or a repeat"
            seen = {event["seq"]: event["data"]["id"] for event in log if event["event"] == "message.new"}
            missing = promised.items() - seen.items()
            assert not missing, f"{client.user} lacks {len(missing)} of {len(promised)} acknowledged messages"
            texts = [event["data"]["content"] for event in log if event["event"] == "message.new"]
            assert len(texts) == len(set(texts)), f"{client.user} saw a message twice"

    async def _talk(self, client: Client) -> None:
        loop = asyncio.get_running_loop()
        number = 0
        while not self._stopping.is_set():
            number += 1
            began = loop.time()
            sent = await client.send(self.group, f"{client.user} {number}", by_rest=number % 2 == 0)
            self.slowest_seconds = max(self.slowest_seconds, loop.time() - began)
            self.acknowledged.append(sent)
            await asyncio.sleep(PAUSE_SECONDS)


@contextlib.asynccontextmanager
async def traffic(fleet: Fleet) -> AsyncIterator[Traffic]:
    """A group whose members sit on both gateways and have begun to talk; they are stopped at the end."""
    names = people("ann", "ben", "cai", "dot")
    logs: dict[str, list[dict[str, Any]]] = defaultdict(list)
    async with contextlib.AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                fleet.client(name, gateway=place % 2, api=place % 2, on_event=logs[name].append)
            )
            for place, name in enumerate(names)
        ]
        group = (await clients[0].open("group", names[1:]))["id"]
        for client in clients:
            await client.until(lambda model: group in model.conversations)
        flow = Traffic(clients, logs, group)
        flow.start()
        await flow.flowed(40)
        yield flow
        await flow.stop()
