"""The one door to Redis: a cluster client that is never worth waiting for.

Redis only makes things faster, so a call may cost at most `CALL_SECONDS`, and nothing at all once it is
known that nobody answers: a breaker opens, and one background task asks until every primary answers again.
Starting without Redis is therefore no special case; the door just starts closed.

Works with one node that owns all slots and with many. Keys carry hash tags (`{…}`) so that each script and
each multi-key command stays in one slot.
"""

import asyncio
import hashlib
import logging
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Self

from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ClusterError, NoScriptError, RedisClusterException, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from causerie import telemetry
from causerie.cache.breaker import Breaker
from causerie.domain.errors import Unavailable

log = logging.getLogger(__name__)

CALL_SECONDS = 0.25
SOCKET_SHARE = 0.8
"""Of a call's time, for one answer of one node: who is silent is given up while there is time left to say so."""
PROBE_SECONDS = 2.0
PROBE_EVERY_SECONDS = 0.5
MAX_IN_FLIGHT = 32

Argument = bytes | str | int | float


class CacheAway(Unavailable):
    """Redis did not answer in time, or is known to be away. Asking again within the second will not help."""


class Script:
    """A Lua script, sent whole only to a node that has not seen it. All its keys share one hash tag."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


_NOBODY_THERE = (
    RedisConnectionError,
    RedisTimeoutError,
    ClusterError,
    RedisClusterException,
    OSError,
    TimeoutError,
)

Call = tuple[Sequence[str], Sequence[Argument]]
"""The keys and arguments of one run of a script."""


class Cache:
    """Commands and scripts for a Redis Cluster, each bounded in time and number.

    Every method raises `CacheAway` when Redis is away or answers with an error: a cache may be slow to
    help, never a reason to fail. Replies are bytes and integers, or what redis-py makes of them.
    """

    def __init__(self, urls: str, *, call_seconds: float = CALL_SECONDS) -> None:
        self._call_seconds = call_seconds
        self._client = _cluster(urls, socket_seconds=SOCKET_SHARE * call_seconds)
        self._breaker = Breaker(is_open=True)
        self._turns = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._calls = 0
        """Those that run, and those that wait for a turn."""
        self._running = 0
        self._doubted = asyncio.Event()
        self._doubted.set()
        self._answered = asyncio.Event()
        self._prober: asyncio.Task[None] | None = None

    @classmethod
    async def connect(cls, urls: str, *, call_seconds: float = CALL_SECONDS) -> Self:
        """Open the door to the cluster behind `urls` (comma list of ``redis://`` or ``rediss://``).

        Never fails for an absent Redis: then the cache starts away and heals by itself.

        Raises:
            ValueError: a URL cannot be read.
        """
        cache = cls(urls, call_seconds=call_seconds)
        cache._show()
        cache._prober = asyncio.create_task(cache._probe_while_doubted(), name="cache-prober")
        await cache.reached(timeout_seconds=PROBE_SECONDS)
        return cache

    @property
    def state(self) -> str:
        """``up`` or ``away``, as `/ready` names it."""
        return "away" if self._breaker.is_open else "up"

    async def reached(self, *, timeout_seconds: float) -> bool:
        """Wait until Redis answers, at most so long; True when it does."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._answered.wait()
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        if self._prober is not None:
            self._prober.cancel()
            await asyncio.gather(self._prober, return_exceptions=True)
        await self._client.aclose()

    async def command(self, *command: Argument) -> Any:
        """Run one command whose keys share a slot."""
        async with self._bounded(str(command[0]), [str(key) for key in command[1:2]]):
            return await self._client.execute_command(*command)

    async def commands(self, commands: Sequence[Sequence[Argument]]) -> list[Any]:
        """Run independent commands as one pipelined write per node; all succeed or `CacheAway`."""
        async with self._bounded("PIPELINE"):
            return _sound(await self._pipeline(commands), [[str(key) for key in command[1:2]] for command in commands])

    async def run(self, script: Script, keys: Sequence[str], arguments: Sequence[Argument] = ()) -> Any:
        """Run a script on keys of one slot."""
        async with self._bounded("EVALSHA", keys):
            try:
                return await self._client.execute_command("EVALSHA", script.sha, len(keys), *keys, *arguments)
            except NoScriptError:
                return await self._client.execute_command("EVAL", script.source, len(keys), *keys, *arguments)

    async def run_each(self, script: Script, calls: Sequence[Call]) -> list[Any]:
        """Run a script once per call, as one pipelined write per node; the calls may be of different slots."""
        async with self._bounded("PIPELINE"):
            replies = await self._pipeline(
                [("EVALSHA", script.sha, len(keys), *keys, *arguments) for keys, arguments in calls]
            )
            unknown = [place for place, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
            if unknown:
                again = [calls[place] for place in unknown]
                late = await self._pipeline(
                    [("EVAL", script.source, len(keys), *keys, *arguments) for keys, arguments in again]
                )
                for place, reply in zip(unknown, late, strict=True):
                    replies[place] = reply
            return _sound(replies, [keys for keys, _ in calls])

    async def _pipeline(self, commands: Iterable[Sequence[Argument]]) -> list[Any]:
        pipeline = self._client.pipeline()
        for command in commands:
            pipeline.execute_command(*command)
        # Raising is left to `_sound`: redis-py would write all arguments into the error, and so into the log.
        replies: list[Any] = await pipeline.execute(raise_on_error=False)
        return replies

    @asynccontextmanager
    async def _bounded(self, operation: str, keys: Sequence[str] = ()) -> AsyncIterator[None]:
        """Leave of the breaker, a turn, a deadline, and one exception for whatever goes wrong."""
        if self._breaker.is_open:
            raise CacheAway("The cache is away.")
        started = time.perf_counter()
        has_turn = False
        self._calls += 1
        try:
            async with asyncio.timeout(self._call_seconds), self._turns:
                if self._breaker.is_open:
                    raise CacheAway("The cache is away.")
                has_turn = True
                self._running += 1
                yield
        except _NOBODY_THERE as error:
            telemetry.STORE_FAILURES.add("redis")
            # Without a turn, or with the loop stalled for longer than any call may take, the fault is ours.
            if has_turn and time.perf_counter() - started < 2 * self._call_seconds:
                self._failed(error)
            raise CacheAway("The cache did not answer.") from error
        except RedisError as error:
            log.error("cache refused a command", extra={"operation": operation, "cause": str(error)})
            if _is_corrupt(error):
                await self._drop(error.keys if isinstance(error, _Corrupt) else keys)
            raise CacheAway("The cache refused.") from error
        finally:
            self._calls -= 1
            self._running -= has_turn
            telemetry.db_operation("redis", operation, time.perf_counter() - started)

    def _show(self) -> None:
        telemetry.STORE_UP.reads["redis"] = lambda: not self._breaker.is_open
        telemetry.CACHE_SLOTS.read = lambda: len(self._client.nodes_manager.slots_cache)
        telemetry.CACHE_CALLS.reads.update(running=lambda: self._running, waiting=lambda: self._calls - self._running)

    async def _drop(self, keys: Sequence[str]) -> None:
        """Take away what nobody can use; everything here can be rebuilt, and would else be in the way for ever."""
        telemetry.DEAD_LETTERS.add("cache")
        with suppress(RedisError, *_NOBODY_THERE):
            async with asyncio.timeout(self._call_seconds):
                for key in keys:
                    await self._client.execute_command("UNLINK", key)

    def _failed(self, error: Exception) -> None:
        # One who asks seldom never opens the breaker, and redis-py does not look where a dead primary's slots went.
        self._doubted.set()
        if self._breaker.failed(now=time.monotonic()):
            telemetry.CACHE_BREAKER_OPENED.value += 1
            log.warning("cache away", extra={"cause": str(error) or type(error).__name__})
            self._answered.clear()

    async def _probe_while_doubted(self) -> None:
        level = logging.WARNING
        while True:
            await self._doubted.wait()
            try:
                async with asyncio.timeout(PROBE_SECONDS):
                    await self._client.initialize()
                    await self._client.execute_command("PING", target_nodes=RedisCluster.PRIMARIES)
            except (RedisError, *_NOBODY_THERE) as error:
                log.log(level, "cache does not answer", extra={"cause": str(error) or type(error).__name__})
                level = logging.DEBUG
                await asyncio.sleep(PROBE_EVERY_SECONDS)
            except Exception:  # the loop's edge
                log.exception("probing the cache failed")
                await asyncio.sleep(PROBE_EVERY_SECONDS)
            else:
                level = logging.WARNING
                self._doubted.clear()
                self._breaker.close()
                if not self._answered.is_set():
                    self._answered.set()
                    log.info("cache answers")


class _Corrupt(RedisError):
    """What Redis keeps under these keys is not what we wrote."""

    def __init__(self, error: Exception, keys: Sequence[str]) -> None:
        super().__init__(str(error))
        self.keys = keys


def _is_corrupt(error: Exception) -> bool:
    """A value of another type, or one that a script stumbles over."""
    return isinstance(error, _Corrupt) or "WRONGTYPE" in str(error) or "user_script" in str(error)


def _sound(replies: list[Any], keys: Sequence[Sequence[str]]) -> list[Any]:
    errors = [(reply, some) for reply, some in zip(replies, keys, strict=True) if isinstance(reply, Exception)]
    if corrupt := [(reply, some) for reply, some in errors if _is_corrupt(reply)]:
        raise _Corrupt(corrupt[0][0], [key for _, some in corrupt for key in some])
    for reply, _ in errors:
        raise reply
    return replies


class _Wire(AbstractConnection):
    """A connection that breaks in redis-py's own words, on uvloop too."""

    async def send_packed_command(self, command: bytes | str | Iterable[bytes], check_health: bool = True) -> None:
        try:
            await super().send_packed_command(command, check_health)
        except RuntimeError as error:
            # So uvloop names a connection that was reset while nobody listened; redis-py knows it by OSError alone.
            raise RedisConnectionError(str(error)) from error


class _PlainWire(_Wire, Connection):
    pass


class _SecureWire(_Wire, SSLConnection):
    pass


def _cluster(urls: str, *, socket_seconds: float) -> RedisCluster:
    nodes = [parse_url(url.strip()) for url in urls.split(",") if url.strip()]
    if not nodes or not all("host" in node for node in nodes):
        raise ValueError("REDIS_URL must be redis://host:port, or a comma list of them")
    security: dict[str, Any] = {name: value for name, value in nodes[0].items() if name.startswith("ssl_")}
    is_secure = nodes[0].get("connection_class") is SSLConnection
    cluster = RedisCluster(
        startup_nodes=[ClusterNode(node["host"], node.get("port", 6379)) for node in nodes],
        username=nodes[0].get("username"),
        password=nodes[0].get("password"),
        ssl=is_secure,
        **security,
        # Names, not the addresses behind them: all pods of a cluster may come back with new ones.
        dynamic_startup_nodes=False,
        # Once more after a refresh of the slots, which is what a failover needs.
        retry=Retry(NoBackoff(), 1),
        socket_timeout=socket_seconds,
        socket_connect_timeout=socket_seconds,
        # Twice the turns: a connection marked for reconnecting is not free yet when its turn ends.
        max_connections=2 * MAX_IN_FLIGHT,
        protocol=2,
        driver_info=None,
    )
    # A cluster of redis-py chooses the class of its connections itself and lets nobody say another.
    cluster.get_connection_kwargs()["connection_class"] = wire = _SecureWire if is_secure else _PlainWire
    for node in cluster.startup_nodes:
        node.connection_class = wire
    return cluster
