"""`causerie doctor`: what this installation needs, and what is wrong with it, in one line each.

Redis and NATS are asked in their own plain-text protocols, because a client library that retries and hides
what it meets would hide exactly what a doctor is asked for.
"""

import asyncio
import json
import platform
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from causerie.bus.tls import context_of
from causerie.cli import instance
from causerie.cli.outcome import Failed
from causerie.embedded.service import is_ready
from causerie.settings import AuthSettings, SettingsError, StoreSettings, refuse_unknown
from causerie.store import ddl, home, migrate, partitions

ANSWER_SECONDS = 5.0
MIN_POSTGRES = 18
SLOTS = 16_384
DEFAULT_PORTS = {"postgresql": 5432, "postgres": 5432, "redis": 6379, "rediss": 6379, "nats": 4222, "tls": 4222}


class Ill(Exception):
    """A check that failed; the message says what and, where it is known, what helps."""


def examine(directory: Path) -> int:
    """Check everything and say it; the status is 1 when anything is wrong."""
    return 0 if asyncio.run(_examine(directory)) else 1


async def _examine(directory: Path) -> bool:
    healthy = _say("Python", True, platform.python_version())
    healthy &= _say("settings", *_judged(lambda: _settings(directory)))
    try:
        stores = instance.stores(directory)
    except Failed as failure:
        return _say("stores", False, str(failure))
    checks: list[tuple[str, Callable[[str], Awaitable[str]], str]] = [
        ("PostgreSQL", _postgres, stores.database_url),
        ("schema", _schema, stores.database_url),
        ("partitions", _partitions, stores.database_url),
        *(("Redis", _redis, url) for url in stores.redis_urls),
        *(("NATS", _nats, url) for url in stores.nats_urls),
    ]
    for name, check, url in checks:
        healthy &= _say(name, *await _answered(check(url)))
    for name, port in _running_services(directory):
        ready = await is_ready(port)
        healthy &= _say(name, ready, "ready" if ready else f"does not answer /ready on port {port} with 200")
    return healthy


def _say(name: str, well: bool, words: str) -> bool:
    print(f"{'ok' if well else 'FAIL':<5}{name:<12}{words}")
    return well


def _judged(check: Callable[[], str]) -> tuple[bool, str]:
    try:
        return True, check()
    except (Ill, SettingsError) as found:
        return False, str(found)


async def _answered(check: Awaitable[str]) -> tuple[bool, str]:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return True, await check
    except TimeoutError:
        return False, f"no answer within {ANSWER_SECONDS:g} s"
    except (Ill, ddl.SchemaError, OSError, ValueError) as found:
        return False, str(found).splitlines()[0] if str(found) else type(found).__name__


def _settings(directory: Path) -> str:
    environment = instance.environment(directory)
    refuse_unknown(environment)
    StoreSettings.read(environment)
    auth = AuthSettings.read(environment)
    if auth.jwks_url:
        return f"tokens are checked with the keys of {auth.jwks_url}"
    if auth.jwt_secrets:
        return "tokens are checked with CAUSERIE_JWT_SECRET"
    if (directory / "jwt-secret").exists():
        return f"tokens are checked with {directory / 'jwt-secret'}"
    raise Ill("neither CAUSERIE_JWT_SECRET nor CAUSERIE_JWKS_URL is set: nobody could sign in")


async def _postgres(url: str) -> str:
    async with ddl.connected(url) as connection:
        version = connection.get_server_version()
    if version.major < MIN_POSTGRES:
        raise Ill(f"{version.major}.{version.minor} is too old; {MIN_POSTGRES} or newer is needed for uuidv7()")
    return f"{version.major}.{version.minor} at {_place(urlsplit(url))}"


async def _schema(url: str) -> str:
    steps = await migrate.status(url)
    wrong = [f"{step.name} is {step.state}" for step in steps if step.state != "applied"]
    if await migrate.pending(url) == [home.SETTLING]:
        wrong.append("the database came from another PostgreSQL")
    if wrong:
        raise Ill(f"{', '.join(wrong)}; `causerie migrate up` applies what is pending")
    return f"up to date, last step {steps[-1].name}"


async def _partitions(url: str) -> str:
    report = await partitions.check(url)
    if report.short:
        problems = [f"{table.table}: {'; '.join(table.problems)}" for table in report.tables if table.problems]
        raise Ill(f"{', '.join(problems)}; `causerie partitions ensure` makes what is missing")
    return f"{report.months_ahead} months ahead"


async def _redis(url: str) -> str:
    address = urlsplit(url)
    async with _connection(address, context_of(url)) as (reader, writer):

        async def ask(*words: str) -> str:
            writer.write(f"*{len(words)}\r\n".encode())
            writer.writelines(f"${len(word.encode())}\r\n{word}\r\n".encode() for word in words)
            head = (await reader.readline()).decode().strip()
            if head.startswith("-"):
                raise Ill(f"at {_place(address)}: {head[1:]}")
            return (await reader.readexactly(int(head[1:]) + 2)).decode() if head.startswith("$") else head[1:]

        if address.password:
            user = [unquote(address.username)] if address.username else []
            await ask("AUTH", *user, unquote(address.password))
        server = dict(re.findall(r"^(\w+):(.*?)\r?$", await ask("INFO", "server"), re.MULTILINE))
        cluster = dict(re.findall(r"^(\w+):(.*?)\r?$", await ask("CLUSTER", "INFO"), re.MULTILINE))
    if cluster.get("cluster_state") != "ok":
        raise Ill(f"at {_place(address)}: the cluster is in state {cluster.get('cluster_state', 'unknown')}")
    if int(cluster.get("cluster_slots_ok", 0)) != SLOTS:
        raise Ill(f"at {_place(address)}: only {cluster.get('cluster_slots_ok')} of {SLOTS} slots are served")
    version = server.get("valkey_version") or server.get("redis_version", "")
    kind = "Valkey" if "valkey_version" in server else "Redis"
    return f"{kind} {version} at {_place(address)}, all slots served by {cluster.get('cluster_size')} node(s)"


async def _nats(url: str) -> str:
    address = urlsplit(url)
    async with _connection(address, None) as (reader, writer):
        greeting = (await reader.readline()).decode()
        if not greeting.startswith("INFO "):
            raise Ill(f"at {_place(address)}: this is not NATS")
        if secured := context_of(url):
            await writer.start_tls(secured, server_hostname=address.hostname)
    info = json.loads(greeting[5:])
    jetstream = "with JetStream" if info.get("jetstream") else "without JetStream"
    return f"{info.get('version')} at {_place(address)}, {jetstream}"


@asynccontextmanager
async def _connection(
    address: SplitResult, secured: ssl.SSLContext | None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    port = address.port or DEFAULT_PORTS[address.scheme]
    try:
        reader, writer = await asyncio.open_connection(address.hostname, port, ssl=secured)
    except OSError as error:
        raise Ill(f"at {_place(address)}: {error.strerror or error}") from None
    try:
        yield reader, writer
    except ssl.SSLError as error:
        raise Ill(f"at {_place(address)}: {error}") from None
    finally:
        writer.close()


def _place(address: SplitResult) -> str:
    """Host and port; never the password that stands before them."""
    return f"{address.hostname}:{address.port or DEFAULT_PORTS[address.scheme]}"


def _running_services(directory: Path) -> list[tuple[str, int]]:
    facts = instance.running(directory) or {}
    services = facts.get("services")
    if not isinstance(services, dict):
        return []
    return [(name, int(service["health_port"])) for name, service in services.items()]
