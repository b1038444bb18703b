"""One gateway: its sockets, from the first byte to the last.

Everything it stands on is made elsewhere and handed in; it puts the parts together and knows how to leave.
"""

import asyncio
import random
import socket
import time
from collections.abc import Callable
from itertools import count
from uuid import UUID

from causerie import telemetry
from causerie.actions.opening import Opened
from causerie.cache.rates import Bucket
from causerie.domain.ids import ConversationId
from causerie.lifetime import ended
from causerie.probes import Ready
from causerie.protocol import native
from causerie.seats import Delivery, EphemeralDelivery, Node
from causerie.settings import Settings
from causerie.store.dead_letters import DeadLetters
from services.gateway.admission import Admission, Opening, Room
from services.gateway.allowance import Allowance
from services.gateway.catchup import CatchUp
from services.gateway.connection import Connection
from services.gateway.drain import drain
from services.gateway.entrance import Entrance
from services.gateway.fanout import FanOut
from services.gateway.hall import Hall
from services.gateway.http import HttpConnection
from services.gateway.listener import listen
from services.gateway.lobby import Guest, Lobby
from services.gateway.ops import Ops
from services.gateway.pace import Pace
from services.gateway.pending import Pending
from services.gateway.presence import Desk, PresenceRoom
from services.gateway.rebalance import Balance, Rebalancing, may_move, mean_connections
from services.gateway.registry import Registry
from services.gateway.sends import Outbox
from services.gateway.session import Rules, Session
from services.gateway.together import Accesses
from services.gateway.wheel import Wheel
from services.gateway.writing import BatchWrite

ID_BYTES = 16
SPREAD = 0.1
"""Heartbeats differ by so much, so that those who came together are not pinged together."""


class Gateway:
    """Begin with `start`, end with `leave` (in good order) and `stop`."""

    def __init__(
        self,
        opened: Opened,
        letters: DeadLetters,
        settings: Settings,
        *,
        max_connections: int,
    ) -> None:
        loop = asyncio.get_running_loop()
        platform = opened.platform
        limits, rules = settings.limits, settings.gateway
        self.wheel = Wheel(now=loop.time())
        self.admission = Admission(allowed_origins=settings.auth.allowed_origins, cookie=settings.auth.cookie)
        self.pending = Pending(most=rules.pending_per_address, trusted_proxies=rules.trusted_proxies)
        self.pace = Pace(rules.handshakes_per_second)
        self.callers = 0
        self.handshake_seconds = rules.handshake_seconds
        self.max_connections = max_connections
        self.is_draining = False
        self.readiness: Callable[[], Ready] = opened.readiness
        self._drain_seconds = rules.drain_seconds
        self._open: set[Guest] = set()
        self._strangers: dict[Guest, str] = {}
        """Sockets nobody has vouched for, with the origin they are counted under."""
        self._numbers = count(1)
        self._registry: Registry[Guest] = Registry(
            max_sessions_per_user=limits.sessions_per_user, came=lambda guest: guest.session.number
        )
        outbox = Outbox(loop.call_soon, rules.slow_queue_bytes)
        self._fan_out = FanOut(
            self._registry,
            call_soon=loop.call_soon,
            steady_clock=time.perf_counter,
            unix_clock=platform.clock,
            on_poison=self._poisoned,
            spread=outbox.spread,
        )
        self._letters = letters
        self._store = platform.store
        platform.bus.on_poison = letters.bury
        self.node = Node(
            platform.bus,
            kind="gateway",
            deliver=self._deliver,
            ephemeral=self._deliver_ephemeral,
            pod=settings.cluster.pod_name,
        )
        balance = Balance(per_second=rules.rebalance_per_second, above=rules.rebalance_above)
        self._rebalancing = Rebalancing(balance, self._open, self._fleet_mean)
        desk = Desk(grace_seconds=rules.offline_grace_seconds)
        lobby = Lobby(self._registry, self.node, desk)
        self._presence = PresenceRoom(platform, desk, self.node.id, self._registry)
        accesses = Accesses(platform.store)
        self._catch_up = CatchUp(platform.store, self.node, accesses)
        sends = Bucket("sends", per_second=limits.sends_per_second, burst=limits.sends_burst)
        requests = Bucket("requests", per_second=limits.requests_per_second, burst=limits.requests_per_second)
        session_rules = Rules(
            heartbeat_seconds=rules.heartbeat_seconds,
            entry_seconds=rules.handshake_seconds,
            leeway_seconds=settings.auth.leeway_seconds,
            patience_seconds=rules.slow_seconds,
            frames_per_second=limits.frames_per_second,
            max_watched=limits.watches_per_session,
            max_followed=limits.subscriptions_per_session,
            max_age_seconds=rules.max_age_seconds,
        )
        self._hall = Hall(
            rules=session_rules,
            wheel=self.wheel,
            outbox=outbox,
            lobby=lobby,
            entrance=Entrance(
                platform,
                opened.verifier,
                opened.directory,
                lobby,
                session_rules,
                self.node.id,
                known=self._known,
                now=loop.time,
                unix_now=platform.clock,
            ),
            ops=Ops(
                platform,
                lobby,
                self._catch_up,
                accesses,
                requests=Allowance(platform.cache, requests, clock=loop.time),
                sends=Allowance(platform.cache, sends, clock=loop.time),
            ),
            now=loop.time,
            forget=self._forget,
        )
        self._server: asyncio.Server | None = None
        self._turning: asyncio.Task[None] | None = None
        self._balancing: asyncio.Task[None] | None = None

    async def start(self, listener: socket.socket) -> None:
        """Take a seat on the bus, then let clients in."""
        await self.node.start()
        await self._presence.start()
        self._turning = asyncio.create_task(self.wheel.run(lambda: self._fan_out.is_busy), name="wheel")
        self._balancing = asyncio.create_task(self._rebalancing.run(), name="rebalance")
        self._show()
        self._server = await listen(listener, lambda: HttpConnection(self))

    async def leave(self) -> None:
        """Take nobody new, and send everybody away, evenly over the drain."""
        self.is_draining = self.node.draining = True
        await ended(self._balancing)
        await drain(list(self._open), lambda: len(self._open), drain_seconds=self._drain_seconds)

    async def stop(self) -> None:
        """Let go of the port, the seats and the lease."""
        if self._server is not None:
            self._server.close()
        await self._catch_up.stop()
        await self._presence.stop()
        await self.node.stop()
        await ended(self._balancing, self._turning)

    # ── what the port asks ──────────────────────────────────────────────────────────────────────────────────────

    @property
    def room(self) -> Room:
        return Room(len(self._open), self.max_connections, self.is_draining)

    def open(self, transport: asyncio.Transport, opening: Opening, origin: str | None, rest: bytes) -> None:
        session = Session(
            self._hall.rules,
            number=next(self._numbers),
            now=self._hall.now(),
            spread=random.uniform(1 - SPREAD, 1 + SPREAD),
        )
        connection = Connection(self._hall, transport, session)
        if origin is not None:
            self._strangers[connection] = origin
        self._open.add(connection)
        self._counted()
        transport.set_protocol(connection)
        connection.tell(opening.head)
        connection.begin(opening.credential)
        if rest:
            connection.data_received(rest)

    def _known(self, guest: Guest) -> None:
        origin = self._strangers.pop(guest, None)
        if origin is not None:
            self.pending.leave(origin)

    def _forget(self, guest: Guest) -> None:
        self._known(guest)
        self._open.discard(guest)
        self._counted()

    def _fleet_mean(self) -> float | None:
        gateways = self.node.fleet.gateways(now=self._hall.now()) or ()
        return mean_connections(gateways) if may_move(gateways) else None

    def _show(self) -> None:
        telemetry.FLEET_GATEWAYS.read = lambda: len(self.node.fleet.known())
        telemetry.FLEET_MEAN_CONNECTIONS.read = lambda: mean_connections(self.node.fleet.known())
        telemetry.MAX_CONNECTIONS.value = self.max_connections
        telemetry.STRANGERS.read = lambda: self.callers + len(self._strangers)
        telemetry.SEND_QUEUE_BYTES.read = lambda: self._hall.outbox.held_bytes
        telemetry.FAN_OUT_WAITING.reads.update(
            direct=lambda: self._fan_out.waiting[0], channel=lambda: self._fan_out.waiting[1]
        )

    def _counted(self) -> None:
        self.node.connections = len(self._open)
        telemetry.CONNECTIONS.values["native"] = len(self._open)

    # ── what the node brings ────────────────────────────────────────────────────────────────────────────────────

    def _deliver(self, deliveries: list[Delivery]) -> None:
        self._fan_out.deliver(deliveries)
        if (batch := telemetry.current()) is not None:
            BatchWrite(batch, deliveries, self._fan_out, asyncio.get_running_loop().call_soon).watch()

    def _deliver_ephemeral(self, deliveries: list[EphemeralDelivery]) -> None:
        self._fan_out.deliver_ephemeral(deliveries)

    def _poisoned(self, delivery: Delivery | None, error: Exception) -> bytes | None:
        """What cannot be handed out is left aside, and its readers go by the log."""
        if delivery is None or len(delivery.conversation) != ID_BYTES:
            self._letters.bury("frame" if delivery is None else "delivery", "node", error)
            return None
        conversation_id = ConversationId(UUID(bytes=delivery.conversation))
        self._letters.bury("delivery", "node", error, conversation_id=conversation_id, seq=delivery.seq)
        return native.encode_resync(conversation_id, epoch=self._store.epoch, seq=delivery.seq)
