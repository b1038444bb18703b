"""Everybody who is connected here, and what that means to others: a seat, a presence, an interest.

The one place where a session's coming and going reaches the registry, the node and the desk together, so that none
of them is forgotten.
"""

from typing import Protocol

from causerie.cache.presence import Status
from causerie.domain.caller import Caller
from causerie.domain.ids import ConversationId, UserId
from causerie.protocol.close_codes import CloseCode
from causerie.seats import Node
from services.gateway.presence import Desk
from services.gateway.registry import Registry
from services.gateway.session import End, Session


class Guest(Protocol):
    """A connection as seen from here."""

    seat: int

    @property
    def session(self) -> Session: ...
    @property
    def is_over(self) -> bool: ...
    @property
    def is_resumable(self) -> bool: ...
    def deliver(self, frame: bytes) -> None: ...
    def deliver_ephemeral(self, frame: bytes) -> None: ...
    def lose_channel(self, channel: ConversationId) -> None: ...
    def tell(self, frame: bytes) -> None: ...
    def hold(self) -> None: ...
    def let_go(self) -> None: ...
    def end(self, end: End) -> None: ...


class Lobby:
    """Who is in, by user; `registry` answers who wants what."""

    def __init__(self, registry: Registry[Guest], node: Node, desk: Desk) -> None:
        self.registry = registry
        self._node = node
        self._desk = desk

    def admit(self, guest: Guest, caller: Caller) -> End | None:
        """Give a session its place among those of its user; the newest is turned away when there are too many."""
        if not self.registry.add(caller.user, guest):
            return End(CloseCode.TOO_MANY_SESSIONS)
        guest.seat = self._node.sit(caller.user)
        self._arrive(caller.user)
        return None

    def doubt_presence(self) -> None:
        """Somebody was told of others without Redis, so he is to be told again."""
        self._desk.is_in_doubt = True

    def leave(self, guest: Guest, user: UserId, *, now: float) -> None:
        """Take back all that `admit`, `follow` and `watch` gave."""
        for channel in guest.session.followed:
            self.unfollow(channel, guest)
        for watched in guest.session.watched:
            self.registry.unwatch(watched, guest)
        self.registry.remove(user, guest)
        self._node.rise(user)
        if self.registry.of_user(user):
            self._arrive(user)
        else:
            self._desk.depart(user, now=now)

    def set_status(self, guest: Guest, user: UserId, *, is_away: bool) -> None:
        guest.session.is_away = is_away
        self._arrive(user)

    def follow(self, channel: ConversationId, guest: Guest) -> None:
        self.registry.follow(channel, guest)
        guest.seat = self._node.follow(channel)

    def unfollow(self, channel: ConversationId, guest: Guest) -> None:
        self.registry.unfollow(channel, guest)
        self._node.unfollow(channel)

    def _arrive(self, user: UserId) -> None:
        """A user is away when all his sessions say so."""
        away = all(guest.session.is_away for guest in self.registry.of_user(user))
        self._desk.arrive(user, Status.AWAY if away else Status.ONLINE)
