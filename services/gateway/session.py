"""One client's session as a state machine: commands in, effects out.

Nothing here awaits, reads a clock or knows of sockets or a dialect. `connection.py` feeds it and carries out
what it asks, so a test can live through an idle hour at once.  Times are seconds of one steady clock.
"""

from dataclasses import dataclass

from causerie.domain.caller import Caller
from causerie.domain.errors import CauserieError, Conflict, InvalidRequest, Unauthenticated
from causerie.domain.ids import ConversationId, UserId
from causerie.protocol.close_codes import CloseCode
from causerie.protocol.commands import Auth, Command, Refresh

MAX_SILENT_PINGS = 2
MAX_UNREADABLE_PER_MINUTE = 10
_FOREVER = float("inf")
_NOBODY: frozenset[UserId] = frozenset()
_NOTHING: frozenset[ConversationId] = frozenset()


@dataclass(frozen=True, slots=True)
class Rules:
    """What a session may do and how long it may take (CONTRACT, "Numbers"); one for all."""

    heartbeat_seconds: float = 25.0
    entry_seconds: float = 10.0
    leeway_seconds: float = 30.0
    patience_seconds: float = 10.0
    """How long a socket may take nothing of what waits for it."""
    frames_per_second: int = 200
    max_watched: int = 1_000
    max_followed: int = 1_000
    max_age_seconds: float = 0.0
    """After about so long a client is asked to come back, perhaps elsewhere; 0 is never."""


@dataclass(frozen=True, slots=True)
class Enter:
    """Find out who has this token, then `admit` him."""

    token: str


@dataclass(frozen=True, slots=True)
class Renew:
    """Find out who has this token, then `renew` the session."""

    token: str


@dataclass(frozen=True, slots=True)
class Perform:
    """Do what the caller asks."""

    command: Command


@dataclass(frozen=True, slots=True)
class Refuse:
    error: CauserieError


@dataclass(frozen=True, slots=True)
class Ping:
    """Ask whether anybody is there."""


@dataclass(frozen=True, slots=True)
class End:
    code: CloseCode
    reason: str | None = None
    retry_after_seconds: float | None = None

    @property
    def counted_as(self) -> str:
        """Who must come back for our sake is told apart by the reason: operators want to see each."""
        return self.code.name.lower() if self.code is not CloseCode.RESTART else self.reason or self.code.reason


Effect = Enter | Renew | Perform | Refuse | Ping | End


class Session:
    """From the first byte to the last. `caller` is None until somebody is admitted."""

    __slots__ = (
        "_beat_at",
        "_beat_seconds",
        "_expires",
        "_followed",
        "_frames",
        "_moves_at",
        "_rules",
        "_second",
        "_silent_pings",
        "_unreadable",
        "_watched",
        "caller",
        "is_away",
        "is_syncing",
        "number",
    )

    def __init__(self, rules: Rules, *, number: int, now: float, spread: float = 1.0) -> None:
        """`spread` (0.9 to 1.1) keeps the pings of sessions that began together apart, and twice as far their ends."""
        self._rules = rules
        self.number = number
        self.caller: Caller | None = None
        self.is_away = False
        self.is_syncing = False
        """Between two pages of a sync that began on this connection."""
        self._beat_seconds = rules.heartbeat_seconds * spread
        self._beat_at = _FOREVER
        self._expires = now + rules.entry_seconds
        self._moves_at = now + rules.max_age_seconds * (2 * spread - 1) if rules.max_age_seconds else _FOREVER
        self._silent_pings = 0
        self._second = 0
        self._frames = 0
        self._unreadable: list[float] | None = None
        self._followed: set[ConversationId] | None = None
        self._watched: set[UserId] | None = None

    def hear(self, *, now: float) -> End | None:
        """Something came from the client, whatever it says."""
        self._silent_pings = 0
        second = int(now)
        if second != self._second:
            self._second = second
            self._frames = 0
        self._frames += 1
        return End(CloseCode.POLICY) if self._frames > self._rules.frames_per_second else None

    def hear_nonsense(self, *, now: float) -> End | None:
        """A frame came that asks nothing; a client that keeps on is not one of ours."""
        recent = [moment for moment in self._unreadable or () if moment > now - 60.0]
        self._unreadable = [*recent, now]
        return End(CloseCode.POLICY, "unreadable frames") if len(recent) + 1 >= MAX_UNREADABLE_PER_MINUTE else None

    def ask(self, command: Command) -> Effect:
        match command:
            case Auth(token) if self.caller is None:
                return Enter(token)
            case Auth():
                return Refuse(Conflict("This session is authenticated already; use `refresh` for a newer token."))
            case _ if self.caller is None:
                return Refuse(Unauthenticated("Authenticate first."))
            case Refresh(token):
                return Renew(token)
            case _:
                return Perform(command)

    def admit(self, caller: Caller, *, now: float, unix_now: float) -> None:
        self.caller = caller
        self._beat_at = now + self._beat_seconds
        self._expires = self._end_of(caller, now=now, unix_now=unix_now)

    def renew(self, caller: Caller, *, now: float, unix_now: float) -> End | None:
        """Take over a newer token; one of somebody else ends the session."""
        if self.caller is None or caller.user != self.caller.user:
            return End(CloseCode.FORBIDDEN, "the token belongs to somebody else")
        self.caller = caller
        self._expires = self._end_of(caller, now=now, unix_now=unix_now)
        return None

    def tick(self, *, now: float) -> Ping | End | None:
        if now >= self._expires:
            reason = "authentication timed out" if self.caller is None else "the token has expired"
            return End(CloseCode.UNAUTHENTICATED, reason)
        if now >= self._moves_at:
            # At once: ages are apart already.
            return End(CloseCode.RESTART, "age", retry_after_seconds=0.0)
        if now < self._beat_at:
            return None
        if self._silent_pings >= MAX_SILENT_PINGS:
            return End(CloseCode.SILENT)
        self._silent_pings += 1
        self._beat_at = now + self._beat_seconds
        return Ping()

    @property
    def due(self) -> float:
        """When to tick next."""
        return min(self._beat_at, self._expires, self._moves_at)

    @property
    def followed(self) -> set[ConversationId] | frozenset[ConversationId]:
        """Channels whose events this session wants."""
        return _NOTHING if self._followed is None else self._followed

    @property
    def watched(self) -> set[UserId] | frozenset[UserId]:
        """Users whose presence this session wants."""
        return _NOBODY if self._watched is None else self._watched

    def follow(self, channel: ConversationId) -> bool:
        """False when it does already.

        Raises:
            InvalidRequest: that would be one too many.
        """
        if channel in self.followed:
            return False
        if len(self.followed) >= self._rules.max_followed:
            raise InvalidRequest.of("conversation_id", f"at most {self._rules.max_followed} subscriptions a session")
        if self._followed is None:
            self._followed = set()
        self._followed.add(channel)
        return True

    def unfollow(self, channel: ConversationId) -> bool:
        """False when it did not follow."""
        if self._followed is None or channel not in self._followed:
            return False
        self._followed.remove(channel)
        self._followed = self._followed or None
        return True

    def watch(self, users: tuple[UserId, ...]) -> set[UserId]:
        """Answers those not watched before.

        Raises:
            InvalidRequest: that would be too many; none was added.
        """
        new = set(users) - self.watched
        if len(self.watched) + len(new) > self._rules.max_watched:
            raise InvalidRequest.of("user_ids", f"at most {self._rules.max_watched} watched users a session")
        if new:
            self._watched = new | self.watched
        return new

    def unwatch(self, users: tuple[UserId, ...]) -> set[UserId]:
        """Answers those that were watched."""
        gone = set(users) & self.watched
        self._watched = set(self.watched - gone) or None
        return gone

    def _end_of(self, caller: Caller, *, now: float, unix_now: float) -> float:
        return now + caller.expires_at + self._rules.leeway_seconds - unix_now
