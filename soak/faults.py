"""What can be done to the platform. Each fault strikes, shows that it happened, and heals.

A fault is an asynchronous context manager over the world: entering strikes, leaving heals, and in between its
`Proof` says by what the strike was seen.  A new one is a function like those below and a line in a list;
`scenarios.py` says which lists belong together.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from causerie.embedded import Nats, Postgres, Valkey
from causerie.embedded.process import StoreFailed
from soak.world import EACH, RETURN_ATTEMPTS, RETURN_PAUSE_SECONDS, SERVICES, World
from tests.support import stores
from tests.support.processes import frozen
from tests.support.waiting import eventually

SEEN_SECONDS = 5.0
BRIEF = (2.0, 6.0)
BLINK = (5.0, 5.0)
COMA = (90.0, 90.0)
OUTAGE = (20.0, 60.0)


@dataclass
class Proof:
    """By what the fault was seen to happen; None until it was."""

    seen: str | None = None


Strike = Callable[[World, int], AbstractAsyncContextManager[Proof]]


@dataclass(frozen=True)
class Fault:
    """One kind of fault. `places` is how many targets there are; the schedule chooses one, and how long it lasts.

    `vanish` marks a fault that takes a gateway from its users without a word: presence must notice.
    """

    name: str
    strike: Strike
    hold_seconds: tuple[float, float]
    places: int = 1
    vanish: bool = False


def state_of(pid: int) -> str | None:
    """The kernel's letter for a process: T is stopped; None when there is none, or only its remains."""
    try:
        letter = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return None
    return None if letter in "ZX" else letter


def process_faults() -> tuple[Fault, ...]:
    return tuple(
        fault
        for name in SERVICES
        for fault in (
            Fault(f"{name} killed", _killed(name), BRIEF, places=EACH, vanish=name == "gateway"),
            Fault(f"{name} terminated", _terminated(name), BRIEF, places=EACH),
            Fault(f"{name} frozen 5 s", _frozen(name), BLINK, places=EACH),
            Fault(f"{name} frozen 90 s", _frozen(name), COMA, places=EACH, vanish=name == "gateway"),
        )
    )


def store_faults() -> tuple[Fault, ...]:
    return (
        Fault("nats killed", _store_killed(lambda world: world.nats), OUTAGE),
        Fault("nats frozen", _store_frozen(lambda world: world.nats), OUTAGE),
        Fault("nats wiped", _nats_wiped, OUTAGE),
        Fault("valkey killed", _store_killed(lambda world: world.valkey), OUTAGE),
        Fault("valkey frozen", _store_frozen(lambda world: world.valkey), OUTAGE),
        Fault("valkey flushed", _valkey_flushed, BRIEF),
        Fault("postgres killed", _store_killed(lambda world: world.postgres), OUTAGE),
        Fault("postgres frozen", _store_frozen(lambda world: world.postgres), OUTAGE),
    )


def _killed(name: str) -> Strike:
    @asynccontextmanager
    async def strike(world: World, place: int) -> AsyncIterator[Proof]:
        victim = world.running[name][place]
        pid, lived = victim.pid, state_of(victim.pid) is not None
        victim.kill()
        yield Proof(f"pid {pid} is gone" if lived and state_of(pid) is None else None)
        await world.revive(name, place)

    return strike


def _terminated(name: str) -> Strike:
    @asynccontextmanager
    async def strike(world: World, place: int) -> AsyncIterator[Proof]:
        victim = world.running[name][place]
        pid, proof = victim.pid, Proof()
        lived = state_of(pid) is not None
        leaving = asyncio.create_task(victim.stop())
        try:
            yield proof
        finally:
            await leaving
        if lived and state_of(pid) is None:
            proof.seen = f"pid {pid} drained and is gone"
        await world.revive(name, place)

    return strike


def _frozen(name: str) -> Strike:
    @asynccontextmanager
    async def strike(world: World, place: int) -> AsyncIterator[Proof]:
        victim = world.running[name][place]
        with frozen(victim.pid):
            yield await _stopped(victim.pid)

    return strike


Server = Callable[[World], Postgres | Valkey | Nats]


def _store_killed(server: Server) -> Strike:
    @asynccontextmanager
    async def strike(world: World, _: int) -> AsyncIterator[Proof]:
        store = server(world)
        pid = _pid(store)
        lived = state_of(pid) is not None
        store.kill()
        yield Proof(f"pid {pid} is gone" if lived and state_of(pid) is None else None)
        await returned(store)

    return strike


def _store_frozen(server: Server) -> Strike:
    @asynccontextmanager
    async def strike(world: World, _: int) -> AsyncIterator[Proof]:
        pid = _pid(server(world))
        with ExitStack() as ice:
            ice.enter_context(frozen(pid))
            yield await _stopped(pid)

    return strike


@asynccontextmanager
async def _nats_wiped(world: World, _: int) -> AsyncIterator[Proof]:
    """Killed, and its streams are gone when it comes back: a pod without its volume."""
    pid = _pid(world.nats)
    lived = state_of(pid) is not None
    world.nats.kill()
    streams = world.home / "nats"
    existed = streams.exists()
    shutil.rmtree(streams, ignore_errors=True)
    gone = lived and state_of(pid) is None and existed and not streams.exists()
    yield Proof(f"pid {pid} is gone, and its streams" if gone else None)
    await returned(world.nats)


@asynccontextmanager
async def _valkey_flushed(world: World, _: int) -> AsyncIterator[Proof]:
    """Emptied while it runs, now and again until the fault is over."""
    before = await _keys(world.valkey.url)
    stores.flush(world.valkey.url)
    yield Proof(f"{before} keys are gone" if before else None)
    stores.flush(world.valkey.url)


async def returned(store: Postgres | Valkey | Nats) -> None:
    """Start a store again at its address; what the killed one left may be in the way for a moment."""
    for attempt in range(1, RETURN_ATTEMPTS + 1):
        try:
            await store.start()
            return
        except StoreFailed:
            if attempt == RETURN_ATTEMPTS:
                raise
            await asyncio.sleep(RETURN_PAUSE_SECONDS)


def _pid(store: Postgres | Valkey | Nats) -> int:
    assert store.process is not None
    return store.process.pid


async def _stopped(pid: int) -> Proof:
    try:
        await eventually(lambda: state_of(pid) == "T", timeout_seconds=SEEN_SECONDS)
    except AssertionError:
        return Proof()
    return Proof(f"pid {pid} was seen in state T")


async def _keys(url: str) -> int:
    host, _, port = url.rpartition("/")[2].partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(b"DBSIZE\r\n")
        return int((await reader.readline()).strip().removeprefix(b":"))
    finally:
        writer.close()
