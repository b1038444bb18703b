"""One connection to NATS that is there again by itself, and never makes anybody wait.

Who publishes is told whether the message left; while NATS is away it did not, and nothing is kept for later,
because what is sent is a hint of something written elsewhere.  Who listens is told of a *gap* whenever messages may
have been missed: after a reconnect, when the reader was too slow, and when a subscription had gone deaf.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from uuid import uuid4

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as Listening

from causerie import telemetry
from causerie.bus import envelopes, subjects, tls
from causerie.bus.envelopes import Envelope, Ping
from causerie.bus.listening import Ear, Verdict
from causerie.bus.traffic import Traffic

log = logging.getLogger(__name__)

CONNECT_SECONDS = 2.0
FIRST_CONNECT_SECONDS = 1.0
RECONNECT_SECONDS = 0.5
PING_SECONDS = 2
MAX_UNANSWERED_PINGS = 2
"""A server that has gone without a word is left within six seconds: clients have ten to converge in."""
MAX_WAITING_BYTES = 8 * 1024 * 1024
"""Written but not yet taken by the socket; beyond it we drop, as if NATS were away."""
MAX_UNREAD_BYTES = 32 * 1024 * 1024
WATCH_SECONDS = 1.0

Handler = Callable[[Envelope, str], None]
"""Called with each message and the subject to reply to (empty without one). It must not block."""


class Subscription:
    """One subject we listen on; it outlives connections. End it with `Bus.unsubscribe`."""

    def __init__(self, subject: str, handler: Handler, on_gap: Callable[[], None] | None, ear: Ear) -> None:
        self.subject = subject
        self.handler = handler
        self.on_gap = on_gap
        self.ear = ear
        self.listening: Listening | None = None

    def gap(self) -> None:
        if self.on_gap is not None:
            self.on_gap()


class _Client(Client):
    """In nats-py one attempt to reconnect may take the place of another, and each says at its very end that it is done:
    the second word is an error, which would be logged as a bug of ours."""

    async def _attempt_reconnect(self) -> None:
        with suppress(asyncio.InvalidStateError):
            await super()._attempt_reconnect()


class Bus:
    """Make one with `connect`, end it with `close`."""

    def __init__(self, urls: Sequence[str], name: str) -> None:
        self._urls = [tls.without_files(url) for url in urls]
        self._tls = next((context for url in urls if (context := tls.context_of(url)) is not None), None)
        self._name = name
        self._id = uuid4().hex
        self._client: Client | None = None
        self._subscriptions: list[Subscription] = []
        self._keeper: asyncio.Task[None] | None = None
        self._watchdog: asyncio.Task[None] | None = None
        self._first_attempt = asyncio.Event()
        self._lost = asyncio.Event()
        self._is_leaving = False
        self.dropped = 0
        """Messages that did not leave."""
        self.garbage = 0
        """Messages nobody here could read."""
        self.on_poison: Callable[[str, str, Exception | str], object] | None = None
        """Told of what could not be read or handled: its kind, the subject (without the name of a node), the error."""
        self.gaps = 0
        """Times a listener was told that it may have missed something."""
        self._traffic = Traffic(self._unread_bytes)
        telemetry.BUS_DROPPED.read = lambda: self.dropped
        telemetry.BUS_GAPS.read = lambda: self.gaps
        telemetry.STORE_UP.reads["nats"] = lambda: self.is_up

    @classmethod
    async def connect(cls, urls: Sequence[str], *, name: str) -> "Bus":
        """Start connecting; returns after a moment also when NATS is away, and goes on trying for ever."""
        bus = cls(urls, name)
        bus._keeper = asyncio.create_task(bus._keep_connected())
        bus._watchdog = asyncio.create_task(bus._watch())
        with suppress(TimeoutError):
            await asyncio.wait_for(bus._first_attempt.wait(), FIRST_CONNECT_SECONDS)
        return bus

    async def close(self) -> None:
        """Send what is written and leave; nothing reconnects afterwards."""
        self._is_leaving = True
        for task in (self._keeper, self._watchdog):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        client, self._client = self._client, None
        if client is not None:
            with suppress(TimeoutError, OSError, nats.errors.Error):
                await asyncio.wait_for(client.close(), CONNECT_SECONDS)

    @property
    def is_up(self) -> bool:
        return self._client is not None and self._client.is_connected

    def publish(self, subject: str, envelope: Envelope, *, reply: str = "") -> bool:
        """Send if that can be done now; False when it was dropped."""
        return self.publish_encoded(subject, envelopes.encode(envelope), reply=reply)

    def publish_encoded(self, subject: str, data: bytes, *, reply: str = "") -> bool:
        """As `publish`, for a message encoded once for several subjects."""
        client = self._client
        if client is None or not client.is_connected or client.pending_data_size > MAX_WAITING_BYTES:
            self.dropped += 1
            return False
        sending = client.publish(subject, data, reply)
        # nats-py writes into its own buffer before it first waits, and below our bound it does not wait at all:
        # one step of the coroutine is the whole of it, without a task per message.
        try:
            sending.send(None)
        except StopIteration:
            return True
        except (nats.errors.Error, OSError, RuntimeError):
            # RuntimeError is what uvloop calls a connection that broke before nats-py has heard of it.
            self.dropped += 1
            return False
        sending.close()
        return True

    async def subscribe(
        self, subject: str, handler: Handler, *, on_gap: Callable[[], None] | None = None
    ) -> Subscription:
        """Listen from now on, or from when NATS is back, across reconnects."""
        ear = Ear(now=asyncio.get_running_loop().time())
        subscription = Subscription(subject, handler, on_gap, ear)
        self._subscriptions.append(subscription)
        if self._client is not None and self.is_up:
            await self._listen(self._client, subscription)
        return subscription

    async def unsubscribe(self, subscription: Subscription) -> None:
        """Stop listening; what has arrived but was not handled is thrown away."""
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)
            await self._unlisten(subscription)

    async def settle(self, *, timeout_seconds: float = CONNECT_SECONDS) -> bool:
        """Wait until the server has taken everything sent and every subscription made so far."""
        if self._client is None or not self._client.is_connected:
            return False
        try:
            await asyncio.wait_for(self._client.flush(), timeout_seconds)
        except (TimeoutError, nats.errors.Error):
            return False
        return True

    async def _keep_connected(self) -> None:
        """A client of nats-py reconnects by itself, except after some errors that close it: then a new one follows."""
        while True:
            self._lost.clear()
            try:
                await self._use_one_client()
            except Exception:  # the loop's edge: whatever it was, the next attempt may fare better
                log.exception("the connection to NATS failed")
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _use_one_client(self) -> None:
        client = _Client()
        await client.connect(
            servers=self._urls,
            tls=self._tls,
            name=self._name,
            connect_timeout=int(CONNECT_SECONDS),
            reconnect_time_wait=RECONNECT_SECONDS,  # type: ignore[arg-type]  # it is handed to asyncio.sleep
            max_reconnect_attempts=-1,
            ping_interval=PING_SECONDS,
            max_outstanding_pings=MAX_UNANSWERED_PINGS,
            pending_size=2 * MAX_WAITING_BYTES,
            error_cb=self._on_error,
            disconnected_cb=self._on_disconnected,
            reconnected_cb=self._on_reconnected,
            closed_cb=self._on_closed,
            skip_subject_validation=True,
        )
        telemetry.BUS_RECONNECTS.value += self._client is not None
        self._client = client
        self._traffic.through(client)
        for subscription in list(self._subscriptions):
            await self._listen(client, subscription)
            subscription.gap()
        log.info("connected to NATS")
        self._first_attempt.set()
        await self._lost.wait()

    async def _listen(self, client: Client, subscription: Subscription) -> None:
        async def on_message(message: Msg) -> None:
            self._hear(subscription, message)

        subscription.ear.listening(now=asyncio.get_running_loop().time())
        subscription.listening = await client.subscribe(
            subscription.subject, cb=on_message, pending_bytes_limit=MAX_UNREAD_BYTES
        )

    async def _unlisten(self, subscription: Subscription) -> None:
        listening, subscription.listening = subscription.listening, None
        if listening is not None:
            with suppress(nats.errors.Error):
                await listening.unsubscribe()

    def _unread_bytes(self) -> int:
        listening = [subscription.listening for subscription in self._subscriptions]
        return sum(one.pending_bytes for one in listening if one is not None)

    def _hear(self, subscription: Subscription, message: Msg) -> None:
        subscription.ear.heard(now=asyncio.get_running_loop().time())
        envelope = envelopes.decode(message.data)
        if envelope is None:
            self.garbage += 1
            self.poisoned("envelope", subscription.subject, "Garbage")
        elif not isinstance(envelope, Ping):
            try:
                subscription.handler(envelope, message.reply)
            except Exception as error:  # the loop's edge: one bad message must not end the subscription
                log.exception("a message could not be handled", extra={"subject": subscription.subject})
                self.poisoned("message", subscription.subject, error)

    def poisoned(self, kind: str, subject: str, error: Exception | str) -> None:
        """Tell of a message, or a part of one, that could not be handled."""
        if self.on_poison is not None:
            self.on_poison(kind, subjects.family(subject), error)

    async def _watch(self) -> None:
        """Find subscriptions that no longer hear, which happens to connections that look healthy."""
        ping = envelopes.encode(Ping(self._id))
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            client = self._client
            if client is None or not client.is_connected:
                continue
            now = asyncio.get_running_loop().time()
            for subscription in list(self._subscriptions):
                match subscription.ear.verdict(now=now):
                    case Verdict.PING:
                        self.publish_encoded(subscription.subject, ping)
                    case Verdict.LISTEN_AGAIN:
                        telemetry.BUS_DEAF.value += 1
                        log.warning("a subscription was deaf", extra={"subject": subscription.subject})
                        await self._unlisten(subscription)
                        await self._listen(client, subscription)
                        self._tell_gap(subscription)
                    case Verdict.RECONNECT:
                        log.warning("a subscription stayed deaf, reconnecting", extra={"subject": subscription.subject})
                        await client.force_reconnect()
                        break
                    case Verdict.FINE:
                        pass

    def _tell_gap(self, subscription: Subscription) -> None:
        self.gaps += 1
        subscription.gap()

    async def _on_error(self, error: Exception) -> None:
        if isinstance(error, nats.errors.SlowConsumerError):
            telemetry.BUS_SLOW.value += 1
            for subscription in self._subscriptions:
                if subscription.listening is error.sub:
                    self._tell_gap(subscription)
        else:
            log.debug("NATS: %s", error)

    async def _on_disconnected(self) -> None:
        if not self._is_leaving:
            log.warning("NATS is away")

    async def _on_reconnected(self) -> None:
        telemetry.BUS_RECONNECTS.value += 1
        log.info("NATS is back")
        now = asyncio.get_running_loop().time()
        for subscription in list(self._subscriptions):
            subscription.ear.listening(now=now)
            if subscription.listening is None and self._client is not None:
                await self._listen(self._client, subscription)
            self._tell_gap(subscription)

    async def _on_closed(self) -> None:
        self._lost.set()
