"""What an operator can set, read from the environment once, when a process starts.

Each group is a small frozen dataclass whose fields say the name of their variable; a service hands its parts
the group they need.  Nothing else in the platform reads the environment.

    settings = Settings.read_or_exit("gateway")
    settings.stores.database_url, settings.listen.port, settings.limits.sends_per_second

A mistake stops the start with one readable line: a setting that is missing, does not parse, is unsafe, or begins
with `CAUSERIE_` and means nothing, for a misspelt limit that is silently ignored is worse than a refusal.
"""

import dataclasses
import difflib
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Final, Literal, Self, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")

ServiceName = Literal["api", "gateway", "worker"]

DEFAULT_PORTS: Final[Mapping[str, int]] = {"api": 8080, "gateway": 8081, "worker": 0}
DEFAULT_HEALTH_PORTS: Final[Mapping[str, int]] = {"api": 9080, "gateway": 9081, "worker": 9082}
MIN_SECRET_BYTES = 32
SERVICE_ACCOUNT: Final = "/var/run/secrets/kubernetes.io/serviceaccount"

# Kubernetes describes every Service of a namespace in the environment of its pods; one named `causerie-api` gives
# CAUSERIE_API_SERVICE_HOST and the like, which nobody has set.
_SERVICE_LINK = re.compile(r"_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_\d+_(TCP|UDP|SCTP)(_[A-Z]+)?)?)$")


class SettingsError(Exception):
    """The environment cannot be used; the message is one line for the operator."""


def _setting(name: str, parse: Callable[[str], T], default: T | None = None, *, required: bool = False) -> T:
    metadata = {"name": name, "parse": parse, "required": required}
    if required:
        missing: T = dataclasses.field(metadata=metadata)
        return missing
    return dataclasses.field(default=default, metadata=metadata)  # type: ignore[return-value]


def _optional(name: str, parse: Callable[[str], T]) -> T | None:
    return _setting(name, parse, None)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError("must be a number of seconds, 0 or more")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError("must be 1 or more")
    return value


def _rate(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError("must be 0 or more")
    return value


def _above_mean(text: str) -> float:
    value = float(text)
    if not 1.1 <= value < float("inf"):
        raise ValueError("must be a share of the mean, 1.1 or more")
    return value


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65_535:
        raise ValueError("must be a port, 0 to 65535")
    return value


def _switch(text: str) -> bool:
    known = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    try:
        return known[text.lower()]
    except KeyError:
        raise ValueError("must be 1 or 0") from None


def _secrets(text: str) -> tuple[str, ...]:
    secrets = _words(text)
    if any(len(secret.encode()) < MIN_SECRET_BYTES for secret in secrets):
        raise ValueError(f"must be at least {MIN_SECRET_BYTES} bytes; `openssl rand -base64 33` makes one")
    if any(secret.startswith("-----BEGIN ") for secret in secrets):
        raise ValueError("must be a secret, not a key or a certificate; public keys come from CAUSERIE_JWKS_URL")
    return secrets


def _log_level(text: str) -> str:
    level = text.upper()
    if level not in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}:
        raise ValueError("must be DEBUG, INFO, WARNING, ERROR or CRITICAL")
    return level


def _url(*schemes: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        parts = urlsplit(text)
        if parts.scheme not in schemes or not parts.netloc:
            raise ValueError(f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return text

    return parse


def _urls(*schemes: str) -> Callable[[str], tuple[str, ...]]:
    one = _url(*schemes)
    return lambda text: tuple(one(part.strip()) for part in text.split(",") if part.strip())


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(word) for word in _words(text))
    except ValueError:
        raise ValueError("must be addresses or networks such as 10.0.0.0/8, separated by commas") from None


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


@dataclass(frozen=True, kw_only=True)
class _Group:
    """Reads the fields of a group from their variables; an empty variable counts as not set."""

    @classmethod
    def read(cls, environment: Mapping[str, str], **defaults: Any) -> Self:
        values = dict(defaults)
        for field in dataclasses.fields(cls):
            if "name" not in field.metadata:
                continue
            name, parse = field.metadata["name"], field.metadata["parse"]
            text = environment.get(name, "")
            if text:
                values[field.name] = _parsed(name, parse, text)
            elif field.metadata["required"] and field.name not in values:
                raise SettingsError(f"{name} is not set")
        return cls(**values)


def _parsed(name: str, parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except ValueError as error:
        # What `int` and `float` say repeats the value; ours never do, for it may be a secret.
        reason = str(error) if str(error).startswith("must") else "must be a number"
        raise SettingsError(f"{name} {reason}") from None


@dataclass(frozen=True, kw_only=True)
class StoreSettings(_Group):
    """Where the three stores are."""

    database_url: str = _setting("DATABASE_URL", _url("postgresql", "postgres"), required=True)
    redis_urls: tuple[str, ...] = _setting("REDIS_URL", _urls("redis", "rediss"), required=True)
    nats_urls: tuple[str, ...] = _setting("NATS_URL", _urls("nats", "tls"), required=True)
    database_connections: int = _setting("CAUSERIE_DATABASE_CONNECTIONS", _count, 10)
    database_pooled: bool = _setting("CAUSERIE_DATABASE_POOLED", _switch, False)
    """`DATABASE_URL` is a pooler that gives a connection for one transaction at a time."""


@dataclass(frozen=True, kw_only=True)
class ListenSettings(_Group):
    """Where a service listens; health and metrics have a port of their own. A worker has no other."""

    host: str = _setting("CAUSERIE_HOST", str, "0.0.0.0")
    port: int = _setting("PORT", _port, 0)
    health_port: int = _setting("CAUSERIE_HEALTH_PORT", _port, 0)


@dataclass(frozen=True, kw_only=True)
class AuthSettings(_Group):
    """Whose tokens are believed, and which pages may open connections."""

    jwt_secrets: tuple[str, ...] = _setting("CAUSERIE_JWT_SECRET", _secrets, ())
    """Several, with commas between, let a new one come before the old one goes."""

    jwks_url: str | None = _optional("CAUSERIE_JWKS_URL", _url("https", "http"))
    audience: str | None = _optional("CAUSERIE_JWT_AUDIENCE", str)
    issuer: str | None = _optional("CAUSERIE_JWT_ISSUER", str)
    cookie: str | None = _optional("CAUSERIE_COOKIE", str)
    leeway_seconds: float = _setting("CAUSERIE_JWT_LEEWAY_SECONDS", _seconds, 30.0)
    allowed_origins: tuple[str, ...] = _setting("CAUSERIE_ALLOWED_ORIGINS", _words, ())


@dataclass(frozen=True, kw_only=True)
class LimitSettings(_Group):
    """What one user may do (CONTRACT, "Numbers")."""

    sends_per_second: int = _setting("CAUSERIE_SENDS_PER_SECOND", _count, 20)
    sends_burst: int = _setting("CAUSERIE_SENDS_BURST", _count, 100)
    requests_per_second: int = _setting("CAUSERIE_REQUESTS_PER_SECOND", _count, 100)
    sessions_per_user: int = _setting("CAUSERIE_SESSIONS_PER_USER", _count, 20)
    watches_per_session: int = _setting("CAUSERIE_WATCHES_PER_SESSION", _count, 1_000)
    subscriptions_per_session: int = _setting("CAUSERIE_SUBSCRIPTIONS_PER_SESSION", _count, 1_000)
    frames_per_second: int = _setting("CAUSERIE_FRAMES_PER_SECOND", _count, 200)


@dataclass(frozen=True, kw_only=True)
class GatewaySettings(_Group):
    """How one gateway treats its sockets."""

    max_connections: int = _setting("CAUSERIE_MAX_CONNECTIONS", _count, 20_000)
    drain_seconds: float = _setting("CAUSERIE_DRAIN_SECONDS", _seconds, 30.0)
    rebalance_per_second: int = _setting("CAUSERIE_REBALANCE_PER_SECOND", _rate, 20)
    """So many are sent elsewhere by a gateway that holds far more than the others; 0 is nobody."""

    rebalance_above: float = _setting("CAUSERIE_REBALANCE_ABOVE", _above_mean, 1.2)
    """Times the fleet's mean: from there on."""

    max_age_seconds: float = _setting("CAUSERIE_MAX_CONNECTION_AGE_SECONDS", _seconds, 0.0)
    """After so long, a fifth more or less, a client is asked to come back; 0 is never."""

    heartbeat_seconds: float = _setting("CAUSERIE_HEARTBEAT_SECONDS", _seconds, 25.0)
    handshake_seconds: float = _setting("CAUSERIE_HANDSHAKE_SECONDS", _seconds, 10.0)
    slow_queue_bytes: int = _setting("CAUSERIE_SLOW_QUEUE_BYTES", _count, 1024 * 1024)
    slow_seconds: float = _setting("CAUSERIE_SLOW_SECONDS", _seconds, 10.0)
    offline_grace_seconds: float = _setting("CAUSERIE_OFFLINE_GRACE_SECONDS", _seconds, 10.0)
    handshakes_per_second: int = _setting("CAUSERIE_HANDSHAKES_PER_SECOND", _count, 500)
    """More come back a little later: those who are in already must not feel those who come."""

    pending_per_address: int = _setting("CAUSERIE_PENDING_PER_ADDRESS", _count, 1_000)
    """Connections of one address that have not authenticated yet."""

    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = _setting("CAUSERIE_TRUSTED_PROXIES", _networks, ())
    """Whose `X-Forwarded-For` is believed: behind a proxy all clients have one address without it."""


@dataclass(frozen=True, kw_only=True)
class ApiSettings(_Group):
    """What only the API needs."""

    demo: bool = _setting("CAUSERIE_DEMO", _switch, False)
    """Serve the demo page and give a token to whoever asks: for `causerie run` on one's own machine, nowhere else."""

    gateway_url: str | None = _optional("CAUSERIE_GATEWAY_URL", _url("ws", "wss"))
    """Where the demo page finds a gateway."""


@dataclass(frozen=True, kw_only=True)
class ClusterSettings(_Group):
    """What a process knows of the Kubernetes it runs in."""

    pod_name: str = _setting("POD_NAME", str, "")
    """A gateway says it to the workers."""

    service_account: Path = _setting("CAUSERIE_SERVICE_ACCOUNT", Path, Path(SERVICE_ACCOUNT))
    """The folder with `token`, `ca.crt` and `namespace`. A worker that finds a token there keeps the deletion cost of
    the gateways' pods near their connections, and needs leave to patch pods."""


@dataclass(frozen=True, kw_only=True)
class CanarySettings(_Group):
    """Which doors `causerie canary` goes through, and how often; no service reads it."""

    gateways: tuple[str, ...] = _setting("CAUSERIE_CANARY_GATEWAYS", _urls("ws", "wss"), required=True)
    apis: tuple[str, ...] = _setting("CAUSERIE_CANARY_APIS", _urls("http", "https"), required=True)
    every_seconds: float = _setting("CAUSERIE_CANARY_EVERY_SECONDS", _seconds, 2.0)
    lost_after_seconds: float = _setting("CAUSERIE_CANARY_LOST_AFTER_SECONDS", _seconds, 60.0)
    """What was acknowledged and has not arrived by then is lost."""


@dataclass(frozen=True, kw_only=True)
class LogSettings(_Group):
    """How much a service says."""

    level: str = _setting("LOG_LEVEL", _log_level, "INFO")


GROUPS: Final = (
    StoreSettings,
    ListenSettings,
    AuthSettings,
    LimitSettings,
    GatewaySettings,
    ApiSettings,
    ClusterSettings,
    CanarySettings,
    LogSettings,
)
KNOWN: Final = frozenset(
    str(field.metadata["name"]) for group in GROUPS for field in dataclasses.fields(group) if "name" in field.metadata
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything a service reads at its start."""

    service: ServiceName
    stores: StoreSettings
    listen: ListenSettings
    auth: AuthSettings
    limits: LimitSettings
    gateway: GatewaySettings
    api: ApiSettings
    cluster: ClusterSettings
    log: LogSettings

    @classmethod
    def read(cls, service: ServiceName, environment: Mapping[str, str]) -> "Settings":
        """The settings of a service.

        Raises:
            SettingsError: what stands in the environment cannot be used.
        """
        refuse_unknown(environment)
        ports = {"port": DEFAULT_PORTS[service], "health_port": DEFAULT_HEALTH_PORTS[service]}
        settings = cls(
            service=service,
            stores=StoreSettings.read(environment),
            listen=ListenSettings.read(environment, **ports),
            auth=AuthSettings.read(environment),
            limits=LimitSettings.read(environment),
            gateway=GatewaySettings.read(environment),
            api=ApiSettings.read(environment),
            cluster=ClusterSettings.read(environment),
            log=LogSettings.read(environment),
        )
        if service != "worker" and not settings.auth.jwt_secrets and not settings.auth.jwks_url:
            raise SettingsError("CAUSERIE_JWT_SECRET or CAUSERIE_JWKS_URL must be set: nobody could sign in")
        return settings

    @classmethod
    def read_or_exit(cls, service: ServiceName) -> "Settings":
        """The settings from this process's environment; a mistake ends the process with one line and status 2."""
        try:
            return cls.read(service, os.environ)
        except SettingsError as error:
            sys.stderr.write(f"causerie {service}: {error}\n")
            sys.exit(2)


def refuse_unknown(environment: Mapping[str, str]) -> None:
    """Stop at a `CAUSERIE_*` variable that means nothing.

    Raises:
        SettingsError: it names the variable and, where one is close, the one that was meant.
    """
    for name in sorted(environment):
        if name.startswith("CAUSERIE_") and name not in KNOWN and not _SERVICE_LINK.search(name):
            ours = [known for known in KNOWN if known.startswith("CAUSERIE_")]
            close = difflib.get_close_matches(name, ours, n=1, cutoff=0.85)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise SettingsError(f"unknown setting {name}{hint}")
