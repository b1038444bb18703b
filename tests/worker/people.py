"""People who write through the real actions, and a node in the test's own process on which they listen."""

import asyncio
import time
from collections.abc import Callable, Sequence

from causerie.actions import conversations, members, messages
from causerie.actions.platform import Platform
from causerie.bus.connection import Bus
from causerie.bus.hints import HintPublisher
from causerie.cache.connection import Cache
from causerie.domain.caller import Caller
from causerie.domain.conversation import ConversationType, OpenConversation
from causerie.domain.event import Event
from causerie.domain.ids import ConversationId, UserId, uuid_of
from causerie.domain.message import Draft, Posted
from causerie.seats import Delivery, EphemeralDelivery, Node
from causerie.store.store import Store
from services.worker.worker import Worker
from tests.support.stores import CACHE_PATIENCE_SECONDS, bus_to


class Ears:
    """A node, with what reached each user there: the first time only, as a client would apply it."""

    def __init__(self, bus: Bus) -> None:
        self.deliveries: list[Delivery] = []
        self.ephemerals: list[EphemeralDelivery] = []
        self.node = Node(bus, kind="gateway", deliver=self.deliveries.extend, ephemeral=self.ephemerals.extend)

    def heard(self, user: str, conversation_id: ConversationId) -> list[int]:
        """The seqs of a conversation in the order in which a client applies them: each only right after the last."""
        applied: list[int] = []
        for delivery in self.deliveries:
            if delivery.conversation == conversation_id.bytes and user in (delivery.recipients or [user]):
                if not applied or delivery.seq == applied[-1] + 1:
                    applied.append(delivery.seq)
                assert delivery.seq <= applied[-1], f"{delivery.seq} came after {applied[-1]}"
        return applied


class Town:
    """A platform whose hints can be lost on purpose: set `loses` to a function that says which."""

    def __init__(self, store: Store, cache: Cache, bus: Bus, nats_url: str) -> None:
        self.platform = Platform(store, cache, bus)
        self.store, self.cache, self.bus = store, cache, bus
        self._nats_url = nats_url
        self._nodes: list[tuple[Node, Bus]] = []
        self._workers: list[tuple[Worker, Bus, Store]] = []
        self._database_url = ""

    @classmethod
    async def build(cls, database_url: str, redis_url: str, nats_url: str) -> "Town":
        bus = await bus_to(nats_url, name="writer")
        hints = HintPublisher(bus)
        losses: list[Callable[[Event], bool]] = [lambda event: False]

        def announce(events: Sequence[Event]) -> None:
            hints.announce([event for event in events if not losses[0](event)])

        store = await Store.connect(database_url, announce=announce, min_size=1, max_size=4)
        hints.epoch_from(lambda: store.epoch)
        town = cls(store, await Cache.connect(redis_url, call_seconds=CACHE_PATIENCE_SECONDS), bus, nats_url)
        town._losses = losses
        town._database_url = database_url
        return town

    def lose(self, which: Callable[[Event], bool]) -> None:
        """Lose the hints for which `which` is true, from now on."""
        self._losses[0] = which

    async def node(self, *users: str) -> Ears:
        """A new node where these users sit, known to every worker."""
        bus = await Bus.connect([self._nats_url], name="node")
        ears = Ears(bus)
        await ears.node.start()
        self._nodes.append((ears.node, bus))
        counter = 0
        for user in users:
            counter = ears.node.sit(UserId(user))
        await ears.node.settled(counter, timeout_seconds=5.0)
        return ears

    async def worker(self, *, nats_url: str | None = None) -> Worker:
        """A worker in this process, with its own connections; it may have its own way to NATS."""
        bus = await Bus.connect([nats_url or self._nats_url], name="worker")
        store = await Store.connect(self._database_url, announce=lambda events: None, min_size=1, max_size=4)
        worker = Worker(store, bus, self.cache)
        await worker.start()
        self._workers.append((worker, bus, store))
        return worker

    async def open(self, kind: str, *people: str) -> ConversationId:
        """A conversation of these people, the first of whom opens it."""
        first, *others = people
        spec = OpenConversation(ConversationType(kind), tuple(UserId(other) for other in others))
        opened = await conversations.open_conversation(self.platform, caller(first), spec)
        found = uuid_of(opened.conversation["id"])
        assert found is not None
        return ConversationId(found)

    async def say(self, sender: str, conversation_id: ConversationId, *texts: str) -> list[Posted]:
        posts = [messages.post(self.platform, Draft(conversation_id, UserId(sender), text)) for text in texts]
        return list(await asyncio.gather(*posts))

    async def add(self, by: str, conversation_id: ConversationId, user: str) -> None:
        await members.add(self.platform, caller(by), conversation_id, UserId(user))

    async def remove(self, by: str, conversation_id: ConversationId, user: str) -> None:
        await members.remove(self.platform, caller(by), conversation_id, UserId(user))

    async def close(self) -> None:
        for node, bus in self._nodes:
            await node.stop()
            await bus.close()
        for worker, bus, store in self._workers:
            await worker.stop()
            await bus.close()
            await store.close()
        await self.store.close()
        await self.cache.close()
        await self.bus.close()

    _losses: list[Callable[[Event], bool]]


def caller(user: str) -> Caller:
    return Caller(UserId(user), expires_at=time.time() + 3600)
