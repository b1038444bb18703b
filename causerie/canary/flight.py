"""The canary at work: a message each way every few seconds, in each dialect, and a look at what became of them."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol
from uuid import uuid4

from causerie import telemetry
from causerie.canary.lane import Lane
from causerie.canary.native import Native
from causerie.domain.ids import UserId
from causerie.lifetime import told_to_end
from causerie.probes import Probes, Ready
from causerie.settings import CanarySettings, ListenSettings
from causerie.tokens import issue

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.1
MAX_UNDER_WAY = 200
"""Of each way; in a long outage there is no use in more."""
TOKEN_SECONDS = 3600.0

Arrived = Callable[[int, str], None]


class Dialect(Protocol):
    """Two clients, 0 and 1, who write to each other in one dialect."""

    name: str

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def send(self, place: int, name: str, *, deadline_seconds: float) -> bool: ...
    def shows(self, place: int) -> set[str]: ...


class Flight:
    """One dialect, both ways."""

    def __init__(self, make: Callable[[Arrived], Dialect], *, every_seconds: float, lost_after_seconds: float) -> None:
        self._dialect = make(self._arrived)
        self._every_seconds = every_seconds
        self._lost_after_seconds = lost_after_seconds
        self._to = [Lane(self._dialect.name, lost_after_seconds=lost_after_seconds) for _ in range(2)]
        self._sending: set[asyncio.Task[None]] = set()
        telemetry.CANARY_DOWN_SECONDS.reads[self._dialect.name] = self._down_seconds

    async def run(self) -> None:
        """For ever."""
        try:
            await self._dialect.start()
            async with asyncio.TaskGroup() as both:
                both.create_task(self._send_on())
                both.create_task(self._look_on())
        finally:
            for task in self._sending:
                task.cancel()
            await asyncio.gather(*self._sending, return_exceptions=True)
            await self._dialect.stop()

    async def _send_on(self) -> None:
        while True:
            for place, lane in enumerate(self._to):
                if len(lane.under_way) < MAX_UNDER_WAY:
                    task = asyncio.create_task(self._send(1 - place, lane))
                    self._sending.add(task)
                    task.add_done_callback(self._sending.discard)
            await asyncio.sleep(self._every_seconds)

    async def _send(self, sender: int, lane: Lane) -> None:
        name = str(uuid4())
        lane.sending(name, now=time.monotonic())
        if await self._dialect.send(sender, name, deadline_seconds=self._lost_after_seconds):
            lane.acknowledged(name)
        else:
            lane.refused(name)

    async def _look_on(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = time.monotonic()
            for place, lane in enumerate(self._to):
                for name in self._dialect.shows(place).intersection(lane.under_way):
                    lane.arrived(name, now=now)
                lane.look(now=now)

    def _arrived(self, place: int, name: str) -> None:
        self._to[place].arrived(name, now=time.monotonic())

    def _down_seconds(self) -> float:
        return max(lane.down_seconds(now=time.monotonic()) for lane in self._to)


async def fly(settings: CanarySettings, listen: ListenSettings, secret: str) -> None:
    """Run until told to end; `secret` signs the tokens of its two users."""
    told = told_to_end()
    probes = Probes("canary", lambda: Ready(not told.is_set()))
    await probes.start(listen.host, listen.health_port)

    def native(arrived: Arrived) -> Dialect:
        return Native(
            lambda user: issue(secret, UserId(user), ttl_seconds=TOKEN_SECONDS),
            settings.gateways,
            settings.apis,
            arrived,
        )

    flight = Flight(native, every_seconds=settings.every_seconds, lost_after_seconds=settings.lost_after_seconds)
    flying = asyncio.create_task(flight.run(), name="canary")
    log.info("the canary flies", extra={"gateways": settings.gateways, "apis": settings.apis})
    ending = asyncio.create_task(told.wait())
    await asyncio.wait([flying, ending], return_when=asyncio.FIRST_COMPLETED)
    ending.cancel()
    flying.cancel()
    with suppress(asyncio.CancelledError):
        await flying
    await probes.stop()
