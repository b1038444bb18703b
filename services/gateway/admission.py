"""Who may open a socket, before anybody knows who it is: room, drain, origin; and where his token stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from causerie.protocol.native import BEARER_PREFIX, SUBPROTOCOL
from causerie.protocol.websocket_handshake import BadHandshake, Handshake, read_handshake
from services.gateway.pace import come_back_seconds

_DEFAULT_PORTS = {"http": "80", "https": "443"}


@dataclass(frozen=True, slots=True)
class Token:
    """A signed token, to be verified. An empty one is none that could be valid."""

    text: str


@dataclass(frozen=True, slots=True)
class TicketText:
    """A ticket, to be redeemed."""

    text: str


Credential = Token | TicketText | None


@dataclass(frozen=True, slots=True)
class Opening:
    """Answer 101 with `head`; without a credential the first frame must bring the token."""

    head: bytes
    credential: Credential


@dataclass(frozen=True, slots=True)
class Denial:
    """Answer with an HTTP status; `result` is what the metric says of it."""

    status: int
    code: str
    message: str
    headers: Mapping[str, str]
    result: str


@dataclass(frozen=True, slots=True)
class Room:
    """How full this gateway is, and whether it is leaving."""

    connections: int
    max_connections: int
    draining: bool


class Admission:
    """The rules of one gateway."""

    def __init__(self, *, allowed_origins: tuple[str, ...], cookie: str | None) -> None:
        self._any_origin = "*" in allowed_origins
        self._named = frozenset(filter(None, map(_normal_origin, allowed_origins)))
        self._cookie = cookie

    def judge(
        self, method: str, http_version: str, query: str, headers: Mapping[str, str], room: Room
    ) -> Opening | Denial:
        """`headers` have lower-case names, repeated ones joined by commas."""
        handshake = read_handshake(method, http_version, headers)
        if isinstance(handshake, BadHandshake):
            code = "method_not_allowed" if handshake.status == 405 else "bad_handshake"
            return Denial(handshake.status, code, handshake.message, handshake.headers, "malformed")
        if room.draining or room.connections >= room.max_connections:
            why = "draining" if room.draining else "full"
            code = "unavailable" if room.draining else "overloaded"
            retry = {"Retry-After": str(come_back_seconds())}
            return Denial(503, code, f"This gateway is {why}; another may have room.", retry, why)
        origin = headers.get("origin")
        if origin is not None and not self._may_come(origin, headers.get("host", "")):
            return Denial(403, "forbidden", "This origin may not connect.", {}, "forbidden")
        offered = handshake.subprotocols
        head = handshake.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
        return Opening(head, self._credential(handshake, query, headers))

    def _may_come(self, origin: str, host: str) -> bool:
        return self._any_origin or self._is_trusted(origin, host)

    def _is_trusted(self, origin: str, host: str) -> bool:
        """Whether it was named one by one or is our own host: `*` gives no page the rights of a visitor's cookie."""
        normal = _normal_origin(origin)
        if normal is None:
            return False
        scheme = normal.partition("://")[0]
        return normal in self._named or normal == _normal_origin(f"{scheme}://{host}")

    def _credential(self, handshake: Handshake, query: str, headers: Mapping[str, str]) -> Credential:
        """The four ways of the contract, then the cookie; what was tried first counts, even if it is wrong."""
        authorization = headers.get("authorization")
        if authorization is not None:
            scheme, _, token = authorization.partition(" ")
            return Token(token.strip() if scheme.lower() == "bearer" else "")
        for protocol in handshake.subprotocols:
            if protocol.startswith(BEARER_PREFIX):
                return Token(protocol.removeprefix(BEARER_PREFIX))
        if (ticket := _ticket(query)) is not None:
            return TicketText(ticket)
        # A browser sends cookies by itself, whatever page asks for it: only a page we know may use one.
        origin = headers.get("origin")
        if self._cookie is not None and origin is not None and self._is_trusted(origin, headers.get("host", "")):
            cookie = _cookie(headers.get("cookie", ""), self._cookie)
            return None if cookie is None else Token(cookie)
        return None


def _normal_origin(origin: str) -> str | None:
    """`scheme://host:port` in lower case with the port always there, so that two spellings of one origin are equal."""
    try:
        parts = urlsplit(origin.strip().lower())
        port = parts.port
    except ValueError:
        return None
    if not parts.scheme or not parts.hostname or parts.path not in ("", "/") or parts.query or parts.username:
        return None
    return f"{parts.scheme}://{parts.hostname}:{port or _DEFAULT_PORTS.get(parts.scheme, '')}"


def _ticket(query: str) -> str | None:
    if "ticket" not in query:
        return None
    try:
        return parse_qs(query, keep_blank_values=True, max_num_fields=32).get("ticket", [None])[0]
    except ValueError:
        return ""


def _cookie(header: str, name: str) -> str | None:
    for part in header.split(";"):
        found, equals, value = part.strip().partition("=")
        if equals and found == name:
            return value.strip('"')
    return None
