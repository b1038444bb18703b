"""Tickets: for 30 seconds, once, in place of a token that a client cannot send in a header.

Redis keeps only a digest of a ticket, so reading Redis lets nobody in; `GETDEL` makes it single-use.
"""

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass
from typing import Any

from causerie import telemetry
from causerie.cache.connection import Cache
from causerie.domain.caller import Caller

TICKET_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a client gets: the text for `?ticket=`, and until when (Unix seconds) it may be used."""

    text: str
    expires_at: float


async def issue(cache: Cache, caller: Caller, *, now: float, seconds: float = TICKET_SECONDS) -> Ticket:
    """Make a ticket that stands for `caller`, whose session still ends when his own token would.

    `now` is the Unix time by which a client reckons; Redis counts the seconds by itself.

    Raises:
        CacheAway: there are no tickets just now; answered 503.
    """
    text = secrets.token_urlsafe(24)
    await cache.command("SET", key(text), json.dumps(asdict(caller)), "PX", int(seconds * 1000))
    return Ticket(text, now + seconds)


async def redeem(cache: Cache, text: str) -> Caller | None:
    """Take a ticket back for the caller it stands for; None when it was used, ran out or never was.

    Raises:
        CacheAway: nobody can say; the client is not let in, and may come again.
    """
    kept = await cache.command("GETDEL", key(text))
    if not kept:
        return None
    try:
        return _caller(json.loads(kept))
    except (ValueError, TypeError, KeyError):
        # Taken away by reading it; whoever holds it is nobody, whatever it may have said.
        telemetry.DEAD_LETTERS.add("cache")
        return None


def _caller(kept: dict[str, Any]) -> Caller:
    if not isinstance(kept["user"], str) or not isinstance(kept["expires_at"], float | int):
        raise TypeError("not a caller")
    return Caller(**kept)


def key(text: str) -> str:
    """Where Redis keeps it."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"causerie:{{ticket:{digest}}}"
