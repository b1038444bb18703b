"""The three stores together: whichever has no address of its own is started here."""

import asyncio
import fcntl
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from causerie.embedded.nats import Nats
from causerie.embedded.ports import Ports
from causerie.embedded.postgres import Postgres
from causerie.embedded.valkey import Valkey


class DirectoryInUse(Exception):
    """Another launcher holds this data directory; two servers on one set of files would destroy it."""


@dataclass(frozen=True)
class StoreUrls:
    """Addresses of stores somebody else runs; None where we are to start one."""

    database: str | None = None
    redis: str | None = None
    nats: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "StoreUrls":
        """What the operator has set; an empty text is as good as nothing."""
        return cls(
            database=environment.get("DATABASE_URL") or None,
            redis=environment.get("REDIS_URL") or None,
            nats=environment.get("NATS_URL") or None,
        )


class EmbeddedStores:
    """`async with EmbeddedStores(Path(".data")) as stores:` and the three addresses answer.

    Enter from the main thread; see `process.py`.
    """

    def __init__(self, directory: Path, *, external: StoreUrls | None = None) -> None:
        self._directory = directory.absolute()
        self._external = external or StoreUrls()
        self._lock: IO[str] | None = None
        self.postgres: Postgres | None = None
        self.valkey: Valkey | None = None
        self.nats: Nats | None = None

    @property
    def database_url(self) -> str:
        """Where PostgreSQL is."""
        return self._external.database or _url(self.postgres)

    @property
    def redis_url(self) -> str:
        """Where Redis is."""
        return self._external.redis or _url(self.valkey)

    @property
    def nats_url(self) -> str:
        """Where NATS is."""
        return self._external.nats or _url(self.nats)

    def environment(self) -> dict[str, str]:
        """The addresses as the services read them."""
        return {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url, "NATS_URL": self.nats_url}

    def claim(self) -> None:
        """Make the directory ours before anything is started; safe to repeat.

        Raises:
            DirectoryInUse: another launcher has it.
        """
        self._lock = self._lock or _locked(self._directory)

    async def start(self) -> None:
        """Start what nobody else runs, all at once; if one fails, none is left behind.

        Raises:
            DirectoryInUse: another launcher has the directory.
            StoreFailed: a server did not come up.
        """
        self.claim()
        ports = Ports(self._directory / "ports.json")
        if self._external.database is None:
            self.postgres = Postgres(self._directory, ports)
        if self._external.redis is None:
            self.valkey = Valkey(self._directory, ports)
        if self._external.nats is None:
            self.nats = Nats(self._directory, ports)
        try:
            async with asyncio.TaskGroup() as starting:
                for store in self._started():
                    starting.create_task(store.start())
        except BaseExceptionGroup as failures:
            await self.stop()
            raise failures.exceptions[0] from None
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop what was started here; safe to repeat."""
        await asyncio.gather(*(store.stop() for store in self._started()))
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    async def mend(self) -> list[str]:
        """Start again what has ended by itself, at its address of before; answers what that was.

        Raises:
            StoreFailed: it does not come up any more.
        """
        mended = []
        for store in self._started():
            if store.process is not None and not store.process.running:
                await store.start()
                mended.append(store.process.name)
        return mended

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _started(self) -> list[Postgres | Valkey | Nats]:
        return [store for store in (self.postgres, self.valkey, self.nats) if store is not None]


def _url(store: Postgres | Valkey | Nats | None) -> str:
    if store is None:
        raise RuntimeError("the stores have not been started")
    return store.url


def _locked(directory: Path) -> IO[str]:
    """Hold the directory for the life of this process; the kernel lets go of it even after `kill -9`."""
    directory.mkdir(parents=True, exist_ok=True)
    lock = (directory / "lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        holder = lock.read().strip()
        lock.close()
        raise DirectoryInUse(f"{directory} is in use by another causerie (pid {holder})") from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock
