"""Who is connected here: from a user, a channel or a watched user to the connections that want to know.

A user with one device is the common case: nothing is cheaper to keep than his connection alone, and a tuple of several.
"""

from collections.abc import Callable, Collection, Iterator
from typing import Generic, TypeVar

from causerie.domain.ids import ConversationId, UserId

C = TypeVar("C")

MANY = 256
"""Followers of one channel whom it is worth setting in order, and to keep so until somebody comes or goes."""


class Registry(Generic[C]):
    """Connections by what they want. It decides nothing about them, so a test may put in anything but tuples."""

    def __init__(self, *, max_sessions_per_user: int, came: Callable[[C], int]) -> None:
        """`came` numbers connections as they came."""
        self._max_sessions = max_sessions_per_user
        self._users: dict[str, C | tuple[C, ...]] = {}
        self._followers: dict[bytes, dict[C, None]] = {}
        self._in_order: dict[bytes, tuple[C, ...]] = {}
        self._came = came
        self._watchers: dict[UserId, dict[C, None]] = {}
        self.connections = 0

    def add(self, user: UserId, connection: C) -> bool:
        """False when the user has as many sessions as he may."""
        present = self.of_user(user)
        if len(present) >= self._max_sessions:
            return False
        self._users[user] = (*present, connection) if present else connection
        self.connections += 1
        return True

    def remove(self, user: UserId, connection: C) -> None:
        left = tuple(other for other in self.of_user(user) if other is not connection)
        if left:
            self._users[user] = left if len(left) > 1 else left[0]
        else:
            self._users.pop(user, None)
        self.connections -= 1

    def of_user(self, user: str) -> tuple[C, ...]:
        present = self._users.get(user, ())
        return present if isinstance(present, tuple) else (present,)

    @property
    def users(self) -> Collection[str]:
        return self._users.keys()

    def __iter__(self) -> Iterator[C]:
        for user in list(self._users):
            yield from self.of_user(user)

    def follow(self, channel: ConversationId, connection: C) -> None:
        self._followers.setdefault(channel.bytes, {})[connection] = None
        self._in_order.pop(channel.bytes, None)

    def unfollow(self, channel: ConversationId, connection: C) -> None:
        _leave(self._followers, channel.bytes, connection)
        self._in_order.pop(channel.bytes, None)

    def followers(self, conversation: bytes) -> tuple[C, ...]:
        """Those of now; a great many as they came, for so the kernel has their sockets side by side."""
        if (found := self._in_order.get(conversation)) is not None:
            return found
        followers = self._followers.get(conversation, {})
        if len(followers) < MANY:
            return tuple(followers)
        return self._in_order.setdefault(conversation, tuple(sorted(followers, key=self._came)))

    def watch(self, user: UserId, connection: C) -> None:
        self._watchers.setdefault(user, {})[connection] = None

    def unwatch(self, user: UserId, connection: C) -> None:
        _leave(self._watchers, user, connection)

    def watchers(self, user: str) -> Collection[C]:
        return self._watchers.get(UserId(user), ())

    def watched(self) -> Collection[UserId]:
        """Whom anybody here watches."""
        return self._watchers.keys()


K = TypeVar("K")


def _leave(places: dict[K, dict[C, None]], place: K, connection: C) -> None:
    present = places.get(place)
    if present is not None:
        present.pop(connection, None)
        if not present:
            del places[place]
