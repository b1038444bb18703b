"""One conversation as a client knows it: a snapshot, carried on by its events.

An event takes effect only when its `seq` is the one after the last; an earlier one is a repeat, a
later one waits for what lies between.  Since a snapshot may already contain what a following event
says, every event writes whole values: applying it again, or late but in order, ends in the same state.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum, auto
from typing import Any

Json = dict[str, Any]

WINDOW = 100
"""Messages kept: one page of history, so that a model kept up for long equals a fresh fetch."""
MAX_HELD = 1_000
"""Events held over a gap; beyond it the gap is cheaper to read again in one piece."""

_FACTS = ("id", "type", "name", "description", "avatar_url", "context", "metadata", "created_by", "created_at")


class Step(Enum):
    """What became of an event."""

    APPLIED = auto()
    REPEATED = auto()
    HELD = auto()
    STRANGE = auto()
    """Of another epoch: the log was cut, so only a new snapshot helps."""
    ENDED = auto()
    """It ended my membership: nothing of this conversation is mine any more."""


class Conversation:
    """The model of one conversation for one user.

    `last` is the seq applied last, and `synced` where it was when a sync ended last.  While `is_loading`, events are
    held: the snapshot that is on its way stands at an unknown seq.  `on_applied` is told of every event that takes
    effect, in order.
    """

    __slots__ = (
        "_beyond",
        "_held",
        "_mark",
        "_on_applied",
        "_window",
        "epoch",
        "facts",
        "id",
        "is_loading",
        "is_marked_unread",
        "last",
        "members",
        "messages",
        "reads",
        "synced",
        "user",
    )

    def __init__(
        self,
        conversation_id: str,
        user: str,
        *,
        epoch: str | None = None,
        last: int = 0,
        window: int = WINDOW,
        on_applied: Callable[[Json], None] | None = None,
    ) -> None:
        self.id = conversation_id
        self.user = user
        self.epoch = epoch
        self.last = self.synced = last
        self.is_loading = False
        self.is_marked_unread = False
        self.facts: Json = {}
        self.members: dict[str, Json] = {}
        self.messages: dict[str, Json] = {}
        self.reads: dict[str, int] = {}
        self._held: dict[int, Json] = {}
        self._mark = last
        self._beyond = 0
        self._window = window
        self._on_applied = on_applied

    @property
    def has_gap(self) -> bool:
        return bool(self._held) and not self.is_loading

    @property
    def unread(self) -> int:
        return self._beyond + self._counted_after(self._mark)

    def load(self, view: Json, members: Iterable[Json], newest_first: list[Json], *, epoch: str | None = None) -> Step:
        """Take a snapshot of which `view` was fetched first, then go on with what was held meanwhile."""
        if epoch is not None:
            self.epoch = epoch
        self.last = view["last_seq"]
        self.facts = {name: view.get(name) for name in _FACTS}
        self.is_marked_unread = bool(view.get("is_marked_unread"))
        self.members = {member["user_id"]: member for member in members}
        self.messages = {message["id"]: _without_reader(message) for message in reversed(newest_first)}
        self._place_mark(view.get("unread_count", 0), (view.get("membership") or {}).get("read_seq"))
        self.is_loading = False
        return self._release()

    def receive(self, event: Json) -> Step:
        """Apply an event of the log if it is the next one, with those held behind it."""
        seq: int = event["seq"]
        if self.is_loading:
            self._hold(seq, event)
            return Step.HELD
        if event["epoch"] != self.epoch:
            if self.epoch is not None:
                return Step.STRANGE
            self.epoch = event["epoch"]
        if seq <= self.last:
            return Step.REPEATED
        if seq > self.last + 1:
            self._hold(seq, event)
            return Step.HELD
        return self._apply(event) or self._release()

    def read(self, user: str, seq: int, unread_count: int | None = None) -> None:
        """Move a member's read mark; it never goes back.

        For my own mark the count is taken from the messages here wherever they reach so far back: the
        server's count belongs to another moment than the events around it.
        """
        self.reads[user] = max(seq, self.reads.get(user, 0))
        if user != self.user:
            return
        self.is_marked_unread = False
        self._mark = max(self._mark, seq)
        oldest = next(iter(self.messages.values()), None)
        if oldest is None or self._mark >= oldest["seq"]:
            self._beyond = 0
        elif unread_count is not None:
            self._beyond = max(0, unread_count - self._counted_after(self._mark))

    def snapshot(self) -> Json:
        """Everything a fresh fetch would show as well."""
        return {
            "last": self.last,
            "facts": self.facts,
            "members": sorted(self.members.values(), key=lambda member: str(member["user_id"])),
            "messages": sorted(self.messages.values(), key=lambda message: int(message["seq"])),
            "unread": self.unread,
        }

    def _hold(self, seq: int, event: Json) -> None:
        if seq <= self.last and not self.is_loading:
            return
        if len(self._held) >= MAX_HELD:
            # The newest alone keeps the gap in sight; the rest will be read again.
            self._held.clear()
        self._held[seq] = event

    def _release(self) -> Step:
        """Apply what was held as far as it joins on."""
        for seq in [seq for seq in self._held if seq <= self.last]:
            del self._held[seq]
        while (event := self._held.pop(self.last + 1, None)) is not None:
            if event["epoch"] != self.epoch and self.epoch is not None:
                return Step.STRANGE
            self.epoch = event["epoch"]
            if ended := self._apply(event):
                return ended
        return Step.APPLIED

    def _apply(self, event: Json) -> Step | None:
        self.last = event["seq"]
        if self._on_applied is not None:
            self._on_applied(event)
        data: Json = event["data"]
        match event["event"]:
            case "message.new":
                self._place(data, event["seq"])
            case "message.edit":
                self._replace(data)
            case "message.delete":
                self._redact(data["message_id"])
            case "member.add":
                self._admit(data, event["seq"])
            case "member.update":
                self._seat(data)
            case "member.remove":
                self._seat(data)
                if data["user_id"] == self.user:
                    return Step.ENDED
            case "conversation.update":
                self.facts.update({name: value for name, value in data.items() if name in _FACTS})
            case _:
                # A kind of event from a newer server: its place in the log is all we can take.
                pass
        return None

    def _place(self, message: Json, seq: int) -> None:
        known = self.messages.get(message["id"])
        if known is None or known["version"] <= message["version"]:
            self.messages[message["id"]] = _without_reader(message)
        if message["sender_id"] == self.user:
            self._mark = max(self._mark, seq)
            self._beyond = 0
        while len(self.messages) > self._window:
            oldest = self.messages.pop(next(iter(self.messages)))
            self._beyond += _counts(oldest) and oldest["seq"] > self._mark

    def _replace(self, message: Json) -> None:
        """An edit of a message that is not here is of one above the window, or from before my time."""
        known = self.messages.get(message["id"])
        if known is not None and known["version"] < message["version"]:
            self.messages[message["id"]] = _without_reader(message)

    def _redact(self, message_id: str) -> None:
        known = self.messages.get(message_id)
        if known is not None and not known["is_deleted"]:
            redacted = {"content": "", "metadata": {}, "attachments": [], "is_deleted": True}
            self.messages[message_id] = known | redacted | {"version": known["version"] + 1}

    def _admit(self, data: Json, seq: int) -> None:
        if "members" in data:
            for member in data["members"]:
                self._seat(member)
            self.facts = {name: data["conversation"].get(name) for name in _FACTS}
            self._mark = max(self._mark, seq)
        else:
            self._seat(data)
            if data["user_id"] == self.user:
                self._mark = max(self._mark, seq)

    def _seat(self, member: Json) -> None:
        seated = {name: value for name, value in member.items() if name != "conversation"}
        known = self.members.get(member["user_id"])
        if known is not None and member["user_id"] == self.user:
            # Muting is my own affair, so events show it to nobody, not even to me.
            seated |= {name: known[name] for name in ("is_muted", "muted_until") if name in known}
        self.members[member["user_id"]] = seated

    def _counted_after(self, seq: int) -> int:
        return sum(_counts(message) and message["seq"] > seq for message in self.messages.values())

    def _place_mark(self, unread: int, read_seq: int | None) -> None:
        """Take over my read mark and the count of what is unread above the window.

        Only messages up to `last` were counted; what came while the snapshot was fetched is an event yet to apply.
        Without a mark it is found from the count: just before the `unread`-th newest message.
        """
        counted = [m["seq"] for m in self.messages.values() if _counts(m) and m["seq"] <= self.last]
        if read_seq is None:
            read_seq = self.last if unread == 0 else counted[-unread] - 1 if unread <= len(counted) else 0
        self._mark = read_seq
        self._beyond = max(0, unread - sum(seq > read_seq for seq in counted))


def _counts(message: Mapping[str, Any]) -> bool:
    return bool(message["type"] != "system")


def _without_reader(message: Json) -> Json:
    """What is the same for every reader: events do not carry the rest."""
    return {name: value for name, value in message.items() if name not in ("reactions", "is_read")}
