"""The worker's picture of who sits where, kept from what the nodes say of themselves.

Nodes are the truth.  Their changes are numbered, so a missed one is noticed, and then the node's whole list is asked
for.  Time comes in as an argument; what to ask and whom to answer goes out as values.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from causerie.bus.envelopes import Heartbeat, RosterPage, SeatChange, SeatChanges

K = TypeVar("K")

NODE_SILENCE_SECONDS = 10.0
"""A node that has missed as many heartbeats is forgotten; if it lives, it is met again as it was."""
ASK_AGAIN_SECONDS = 1.0
LATE_SECONDS = 0.5
"""A heartbeat may overtake the changes it counts by this much."""
MAX_KEPT_CHANGES = 1_000
"""Batches that arrived while a roster was on its way."""


@dataclass(slots=True)
class _Node:
    heard_at: float
    born_at: float
    counter: int = -1
    """The latest change applied; -1 until the first roster."""
    told: int = -1
    """The node has heard from us that we know so many, so an older list was on its way before a doubt."""
    users: set[str] = field(default_factory=set)
    channels: set[bytes] = field(default_factory=set)
    asked_at: float | None = None
    behind_since: float | None = None
    kept: list[SeatChanges] = field(default_factory=list)
    pages: dict[int, RosterPage] = field(default_factory=dict)


class Directory:
    """user → nodes, channel → nodes."""

    def __init__(self) -> None:
        self.users: dict[str, tuple[str, ...]] = {}
        self.channels: dict[bytes, tuple[str, ...]] = {}
        self._nodes: dict[str, _Node] = {}

    @property
    def nodes(self) -> list[str]:
        """Every living node."""
        return list(self._nodes)

    def is_known(self, node: str) -> bool:
        """Whether we have had its whole list."""
        return node in self._nodes and self._nodes[node].counter >= 0

    def counter_of(self, node: str) -> int:
        """The latest of its changes that we know without a hole."""
        return self._nodes[node].counter if node in self._nodes else -1

    def born_at(self, node: str) -> float:
        """When the node began, by our clock."""
        return self._nodes[node].born_at

    def heartbeat(self, heartbeat: Heartbeat, *, now: float) -> bool:
        """Note a sign of life; returns whether to ask for the node's roster."""
        node = self._nodes.get(heartbeat.node)
        if node is None:
            node = self._nodes[heartbeat.node] = _Node(now, now - heartbeat.uptime_seconds)
        node.heard_at = now
        node.born_at = min(node.born_at, now - heartbeat.uptime_seconds)
        if heartbeat.seats_counter <= node.counter:
            node.behind_since = None
        elif node.behind_since is None:
            node.behind_since = now
        is_late = node.behind_since is not None and now - node.behind_since > LATE_SECONDS
        return (node.counter < 0 or is_late) and self._may_ask(node, now)

    def change(self, changes: SeatChanges, *, now: float) -> bool:
        """Apply a batch; returns whether to ask for the node's roster, because batches before it are missing."""
        node = self._nodes.get(changes.node)
        if node is None:
            node = self._nodes[changes.node] = _Node(now, now)
        node.heard_at = now
        if node.counter >= 0 and changes.first <= node.counter + 1:
            self._apply(changes, node)
            return False
        if len(node.kept) < MAX_KEPT_CHANGES:
            node.kept.append(changes)
        return self._may_ask(node, now)

    def roster(self, page: RosterPage) -> bool:
        """Take a page; returns True when with it the whole list is known."""
        node = self._nodes.get(page.node)
        if node is None or page.counter < max(node.counter, node.told):
            return False
        if any(other.counter != page.counter for other in node.pages.values()):
            node.pages.clear()
        node.pages[page.page] = page
        if len(node.pages) < page.pages:
            return False
        users = {user for part in node.pages.values() for user in part.users}
        channels = {channel for part in node.pages.values() for channel in part.channels}
        self._replace(page.node, node, users, channels)
        node.counter = page.counter
        node.pages.clear()
        node.asked_at = node.behind_since = None
        kept, node.kept = node.kept, []
        for changes in sorted(kept, key=lambda changes: changes.first):
            if changes.first <= node.counter + 1:
                self._apply(changes, node)
        return True

    def doubt(self, name: str) -> None:
        """We may have missed changes: keep the seats, and take none for known until the next roster."""
        node = self._nodes[name]
        node.told = max(node.told, node.counter)
        node.counter = -1
        node.asked_at = None

    def forget(self, name: str) -> None:
        """The node is gone, with all seats."""
        node = self._nodes.pop(name, None)
        if node is not None:
            self._replace(name, node, set(), set())

    def expire(self, *, now: float, listening_since: float) -> list[str]:
        """Forget nodes that were silent too long; only silence since we listen without a break counts."""
        silent = [
            name
            for name, node in self._nodes.items()
            if now - max(node.heard_at, listening_since) > NODE_SILENCE_SECONDS
        ]
        for name in silent:
            self.forget(name)
        return silent

    def by_node(self, users: Iterable[str]) -> dict[str, list[str]]:
        """Where these users sit."""
        seated: defaultdict[str, list[str]] = defaultdict(list)
        for user in users:
            for node in self.users.get(user, ()):
                seated[node].append(user)
        return seated

    def _may_ask(self, node: _Node, now: float) -> bool:
        if node.asked_at is not None and now - node.asked_at < ASK_AGAIN_SECONDS:
            return False
        node.asked_at = now
        node.pages.clear()
        return True

    def _apply(self, changes: SeatChanges, node: _Node) -> None:
        """Apply what is new in a batch that leaves no hole."""
        for change in changes.changes[max(0, node.counter + 1 - changes.first) :]:
            self._change(changes.node, node, change)
        node.counter = max(node.counter, changes.first + len(changes.changes) - 1)

    def _change(self, name: str, node: _Node, change: SeatChange) -> None:
        if change.user is not None:
            if change.taken:
                node.users.add(change.user)
                _enter(self.users, change.user, name)
            else:
                node.users.discard(change.user)
                _leave(self.users, change.user, name)
        elif change.channel is not None:
            if change.taken:
                node.channels.add(change.channel)
                _enter(self.channels, change.channel, name)
            else:
                node.channels.discard(change.channel)
                _leave(self.channels, change.channel, name)

    def _replace(self, name: str, node: _Node, users: set[str], channels: set[bytes]) -> None:
        for user in node.users - users:
            _leave(self.users, user, name)
        for user in users - node.users:
            _enter(self.users, user, name)
        for channel in node.channels - channels:
            _leave(self.channels, channel, name)
        for channel in channels - node.channels:
            _enter(self.channels, channel, name)
        node.users, node.channels = users, channels


def _enter(seats: dict[K, tuple[str, ...]], key: K, node: str) -> None:
    at = seats.get(key, ())
    if node not in at:
        seats[key] = (*at, node)


def _leave(seats: dict[K, tuple[str, ...]], key: K, node: str) -> None:
    left = tuple(other for other in seats.get(key, ()) if other != node)
    if left:
        seats[key] = left
    else:
        seats.pop(key, None)
