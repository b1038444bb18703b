"""Who is here, told to Redis and to other gateways in batches; and news of others, told to whoever watches them.

`Desk` keeps the book and knows no clock; `PresenceRoom` carries it out.  A user is online from his first session to
ten seconds after his last, so a reload of a page is no event.
"""

import asyncio
import logging
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from causerie import telemetry
from causerie.actions.platform import Platform
from causerie.actions.presence import as_json, change_of
from causerie.bus import ephemeral, subjects
from causerie.bus.envelopes import Envelope, PresenceChanges
from causerie.cache import presence
from causerie.cache.connection import CacheAway
from causerie.cache.presence import RENEW_EVERY_SECONDS, Presence, Status
from causerie.domain.event import EphemeralKind
from causerie.domain.ids import NodeId, UserId
from causerie.protocol.native import encode_ephemeral
from causerie.protocol.websocket import text_frame
from services.gateway.registry import Registry

log = logging.getLogger(__name__)

GATHER_SECONDS = 0.25
RETRY_SECONDS = 1.0
TOLD_AT_ONCE = 200
"""Watched users told about before the loop serves others."""


class Desk:
    """The book of one node: who is seated, who is about to have left, what is still to be written down."""

    def __init__(self, *, grace_seconds: float) -> None:
        self._grace_seconds = grace_seconds
        self._seated: dict[UserId, Status] = {}
        self._leaving: dict[UserId, float] = {}  # in the order of time, for the grace is the same for all
        self._changed: dict[UserId, Status] = {}
        self._unwritten: set[UserId] = set()
        self.is_in_doubt = False
        """Watchers here were told without Redis, or missed what others told; they are to be told again."""

    @property
    def seated(self) -> Mapping[UserId, Status]:
        return self._seated

    @property
    def unwritten(self) -> Collection[UserId]:
        """Those of the seated whose coming is still to be written down."""
        return self._unwritten

    def arrive(self, user: UserId, status: Status) -> None:
        """He has a session, or another one; `status` is what all his sessions together say."""
        self._leaving.pop(user, None)
        if user not in self._seated:
            self._unwritten.add(user)
        if self._seated.get(user) is not status:
            self._seated[user] = self._changed[user] = status

    def depart(self, user: UserId, *, now: float) -> None:
        """His last session ended."""
        if user in self._seated:
            self._leaving[user] = now + self._grace_seconds

    def take_changes(self, *, now: float) -> dict[UserId, Status]:
        """What is to be written down by now; put it back with `keep` if that fails."""
        for user, due in list(self._leaving.items()):
            if due > now:
                break
            del self._leaving[user]
            del self._seated[user]
            self._changed[user] = Status.OFFLINE
        changes, self._changed = self._changed, {}
        self._unwritten.clear()
        return changes

    def keep(self, changes: Mapping[UserId, Status]) -> None:
        self._changed = {**changes, **self._changed}


class PresenceRoom:
    """Writes the desk's book to Redis, keeps the node's lease, and tells watchers here what changes anywhere."""

    def __init__(self, platform: Platform, desk: Desk, node: NodeId, registry: Registry[Any]) -> None:
        self._desk = desk
        self._platform = platform
        self._registry = registry
        self._node = node
        self._writing = asyncio.Lock()
        """Held while Redis is brought to what the book says, or compared with it."""
        self._untold: set[UserId] = set()
        """Whose state others may not know: Redis had lost it, or an attempt to write it broke off."""
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        await self._platform.bus.subscribe(subjects.PRESENCE, self._on_changes, on_gap=self._doubt)
        self._tasks = [
            asyncio.create_task(self._renew_lease(), name="presence-lease"),
            asyncio.create_task(self._write_changes(), name="presence-changes"),
            asyncio.create_task(self._tell_again(), name="presence-doubts"),
        ]

    async def stop(self) -> None:
        """Leave in good order: who does not come back elsewhere is offline after the grace."""
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        with suppress(CacheAway):
            await presence.retire(self._platform.cache, self._node)

    async def _renew_lease(self) -> None:
        rounds = telemetry.Rounds("presence_lease")
        while True:
            pause: float = RENEW_EVERY_SECONDS
            try:
                async with self._writing:
                    told = await self._renew()
                ephemeral.presence(self._platform.bus, [change_of(one) for one in told])
                rounds.succeeded()
            except CacheAway:
                pause = RETRY_SECONDS
            except Exception:  # the loop's edge: without its lease everybody here would be shown offline
                log.exception("the lease of presence could not be renewed")
                pause = RETRY_SECONDS
            await asyncio.sleep(pause)

    async def _renew(self) -> list[Presence]:
        """Extend the lease, write again what Redis lost, and answer whom others may see changed by that.

        Raises:
            CacheAway: those written are told of the next time.
        """
        lost = await presence.renew(self._platform.cache, self._node, self._desk.seated, unwritten=self._desk.unwritten)
        if lost.buckets:
            self._untold |= lost.users.keys()
            await presence.restore(self._platform.cache, self._node, lost)
        return await self._take_untold()

    async def _write_changes(self) -> None:
        rounds = telemetry.Rounds("presence_changes")
        while True:
            await asyncio.sleep(GATHER_SECONDS)
            try:
                async with self._writing:
                    told = await self._write()
            except CacheAway:
                await asyncio.sleep(RETRY_SECONDS)
                continue
            except Exception:  # the loop's edge: the next changes must find somebody to write them
                log.exception("changes of presence could not be written")
                continue
            rounds.succeeded()
            ephemeral.presence(self._platform.bus, [change_of(one) for one in told])

    async def _write(self) -> list[Presence]:
        """Write down what has changed, and answer whom others see change.

        Raises:
            CacheAway: it is kept for the next time.
        """
        changes = self._desk.take_changes(now=asyncio.get_running_loop().time())
        if not changes:
            return []
        try:
            told = await presence.record(self._platform.cache, self._node, changes)
            return told + await self._take_untold()
        except CacheAway:
            # What the broken attempt has written is no change the next time, and nobody was told of it.
            self._desk.keep(changes)
            self._untold |= changes.keys()
            raise

    async def _take_untold(self) -> list[Presence]:
        """What those are by now of whom others may not know."""
        known = await presence.statuses(self._platform.cache, self._untold)
        self._untold.clear()
        return list(known.values())

    def _doubt(self) -> None:
        self._desk.is_in_doubt = True

    async def _tell_again(self) -> None:
        """After a doubt, once Redis answers: the state of everybody who is watched here. Repeats harm nobody."""
        while True:
            await asyncio.sleep(RETRY_SECONDS)
            if not self._desk.is_in_doubt:
                continue
            self._desk.is_in_doubt = False
            try:
                known = await presence.statuses(self._platform.cache, list(self._registry.watched()))
            except CacheAway:
                self._desk.is_in_doubt = True
                continue
            except Exception:  # the loop's edge: the next doubt must find somebody to clear it
                log.exception("watchers could not be told again")
                continue
            for place, one in enumerate(known.values()):
                self._tell(one)
                if place % TOLD_AT_ONCE == TOLD_AT_ONCE - 1:
                    await asyncio.sleep(0)

    def _on_changes(self, envelope: Envelope, reply: str) -> None:
        if not isinstance(envelope, PresenceChanges):
            return
        for change in envelope.changes:
            if not self._registry.watchers(change.user):
                continue
            try:
                seen = datetime.fromtimestamp(change.last_seen, UTC) if change.last_seen is not None else None
                one = Presence(UserId(change.user), Status(change.status), seen)
            except (ValueError, OverflowError, OSError) as error:
                # No status, or no time: the others of the batch are told all the same.
                self._platform.bus.poisoned("frame", subjects.PRESENCE, error)
                continue
            self._tell(one)

    def _tell(self, one: Presence) -> None:
        """Tell whoever watches him here."""
        watchers = tuple(self._registry.watchers(one.user))
        if watchers:
            frame = text_frame(encode_ephemeral(EphemeralKind.PRESENCE_UPDATE, None, as_json(one)))
            for watcher in watchers:
                watcher.deliver_ephemeral(frame)
