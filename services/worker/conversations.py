"""The conversations of one shard as its owner knows them: how far each is dispatched, and who hears what comes next.

Pure: hints go in, what can be dispatched in order comes out.  What is missing is named, and read from the log
elsewhere.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import ClassVar

import orjson
from msgspec.structs import replace

from causerie.bus.envelopes import Hint
from causerie.domain.conversation import ConversationType
from causerie.domain.event import EventKind
from causerie.store.log import Audience

MAX_HELD_HINTS = 256
"""Kept of one conversation while an earlier event is missing; the log has the rest."""
MAX_WEIGHT = 20_000
"""Conversations and members kept per shard."""


class Skipped(Hint, frozen=True):
    """In the place of the events `first` to `seq`, which cannot be told: a `resync` to whoever would have heard them.

    It travels as they would have, numbered and in order, so it is as hard to lose.
    """

    first: int = 0
    joined: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()

    KIND: ClassVar[str] = "resync"

    def moving(self, joined: frozenset[str], left: frozenset[str]) -> "Skipped":
        """The same, with who came and who left by the event."""
        return replace(self, joined=joined, left=left)


class Conversation:
    """`last` is the seq dispatched last; `members` are those who hear the event after it."""

    __slots__ = ("_held", "_late", "is_channel", "last", "member_count", "members", "weight")

    def __init__(
        self,
        kind: ConversationType,
        members: Iterable[str],
        *,
        last: int,
        joined: Mapping[str, int] | None = None,
        member_count: int | None = None,
    ) -> None:
        """`joined` says with which seq members joined; who is not named was there from the beginning.

        Of a channel the members are only counted, for there the followers hear.
        """
        self.is_channel = kind is ConversationType.CHANNEL
        everybody = set(members)
        self.member_count = len(everybody) if member_count is None else member_count
        self.members = set() if self.is_channel else everybody
        self.last = last
        groups_only = joined or {} if kind is ConversationType.GROUP else {}
        self._late = {user: seq for user, seq in groups_only.items() if seq > 1}
        self.weight = 1 + len(self.members) + len(self._late)
        self._held: dict[int, Hint] = {}

    @classmethod
    def begun_by(cls, hint: Hint) -> "Conversation | None":
        """The conversation before its first event, which says everything about it; None for any other event."""
        if hint.seq != 1 or hint.kind != EventKind.MEMBER_ADD:
            return None
        described = orjson.loads(hint.payload)["data"].get("conversation")
        return cls(ConversationType(described["type"]), (), last=0) if described else None

    @classmethod
    def before(cls, audience: Audience, pending: Sequence[Hint]) -> "Conversation":
        """The conversation as it was before `pending`, given its audience after it.

        Who left and came back meanwhile counts as late from the start: rather told too little than too much.
        """
        members: set[str] = set(audience.members)
        count = audience.member_count
        for hint in reversed(pending):
            joined, left = movement(hint)
            members -= joined
            members |= left
            count += len(left) - len(joined)
        last = _first_of(pending[0]) - 1 if pending else audience.last_seq
        return cls(audience.type, members, last=last, joined=audience.joined, member_count=count)

    @property
    def has_gap(self) -> bool:
        """Whether hints wait for an event nobody has told us of."""
        return bool(self._held)

    def offer(self, hint: Hint) -> Sequence[Hint]:
        """Take a hint; returns what is next in order, perhaps with what was waiting for it."""
        if hint.seq != self.last + 1 and not (isinstance(hint, Skipped) and hint.first <= self.last + 1 <= hint.seq):
            if hint.seq > self.last and len(self._held) < MAX_HELD_HINTS:
                self._held[hint.seq] = hint
            return ()
        self.last = hint.seq
        if not self._held:
            return (hint,)
        ready = [hint]
        while following := self._held.pop(self.last + 1, None):
            self.last = following.seq
            ready.append(following)
        for seq in [seq for seq in self._held if seq <= self.last]:
            del self._held[seq]
        return ready

    def hears(self, hint: Hint) -> Collection[str]:
        """Who hears this event, the next one in order. A removed member hears of it as his last."""
        if not hint.kind.startswith(("member.", Skipped.KIND)):
            return self.members
        joined, left = movement(hint)
        self.member_count += len(joined) - len(left)
        if self.is_channel:
            return self.members
        audience = self.members | joined
        self.members = audience - left
        self._late.update(dict.fromkeys(joined, hint.seq) if hint.seq > 1 else ())
        for user in left:
            self._late.pop(user, None)
        return audience

    def blind_to(self, seq: int) -> set[str]:
        """Members who joined the group after the message with this seq and may not learn what it says."""
        return {user for user, joined in self._late.items() if joined > seq}


class Conversations:
    """Those of one shard that were heard of lately; whoever was forgotten is loaded again."""

    def __init__(self, *, max_weight: int = MAX_WEIGHT) -> None:
        self._known: OrderedDict[bytes, Conversation] = OrderedDict()
        self._weight = 0
        self._max_weight = max_weight

    def get(self, conversation_id: bytes) -> Conversation | None:
        conversation = self._known.get(conversation_id)
        if conversation is not None:
            self._known.move_to_end(conversation_id)
        return conversation

    def put(self, conversation_id: bytes, conversation: Conversation) -> None:
        earlier = self._known.get(conversation_id)
        self._known[conversation_id] = conversation
        self._weight += conversation.weight - (earlier.weight if earlier else 0)
        while self._weight > self._max_weight and len(self._known) > 1:
            _, forgotten = self._known.popitem(last=False)
            self._weight -= forgotten.weight

    def forget(self, conversation_id: bytes) -> None:
        """Let it be loaded again."""
        forgotten = self._known.pop(conversation_id, None)
        if forgotten is not None:
            self._weight -= forgotten.weight

    def __contains__(self, conversation_id: bytes) -> bool:
        return conversation_id in self._known

    def __len__(self) -> int:
        return len(self._known)


def _first_of(hint: Hint) -> int:
    return hint.first if isinstance(hint, Skipped) else hint.seq


def movement(hint: Hint) -> tuple[set[str], set[str]]:
    """Who joins and who leaves by an event."""
    match hint.kind:
        case Skipped.KIND:
            assert isinstance(hint, Skipped)
            return set(hint.joined), set(hint.left)
        case EventKind.MEMBER_ADD:
            data = orjson.loads(hint.payload)["data"]
            added = data.get("members", [data])
            return {member["user_id"] for member in added}, set()
        case EventKind.MEMBER_REMOVE:
            return set(), {orjson.loads(hint.payload)["data"]["user_id"]}
        case _:
            return set(), set()
