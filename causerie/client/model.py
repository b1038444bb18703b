"""What one user sees, all conversations together: frames in, questions out.

Nothing here awaits or knows of sockets.  `client.py` feeds it frames and pages, and carries out what
it asks: to load a conversation, or to fill a gap in its log.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from heapq import nlargest

from causerie.client.conversation import WINDOW, Conversation, Json, Step

MAX_POSITIONS = 200
"""In one question; a conversation not named is told from the cursor on, which repeats and skips nothing."""


@dataclass(frozen=True, slots=True)
class Load:
    """Fetch the conversation anew: its view first, then members and messages. Answered by `loaded` or `gone`."""

    conversation_id: str


@dataclass(frozen=True, slots=True)
class Fill:
    """Fetch its log after a seq. Answered by `filled` or `gone`."""

    conversation_id: str
    after_seq: int
    epoch: str | None


Ask = Load | Fill


class Model:
    """The conversations of one user, kept up by events.

    With `bodies=False` nothing is loaded and no message kept: every event takes effect once and in
    order, and that is all.  It is what a load generator wants.
    """

    __slots__ = (
        "_asked",
        "_bodies",
        "_on_applied",
        "_syncing",
        "conversations",
        "cursor",
        "presence",
        "typing",
        "user",
    )

    def __init__(self, user: str, *, bodies: bool = True, on_applied: Callable[[Json], None] | None = None) -> None:
        self.user = user
        self.cursor: str | None = None
        self.conversations: dict[str, Conversation] = {}
        self.presence: dict[str, Json] = {}
        self.typing: dict[str, set[str]] = {}
        self._bodies = bodies
        self._on_applied = on_applied
        self._asked: set[str] = set()
        self._syncing = False

    @property
    def is_settled(self) -> bool:
        """Nothing is asked and no event waits for another."""
        return not self._asked and not self._syncing and not any(c.has_gap for c in self.conversations.values())

    @property
    def unread(self) -> int:
        return sum(conversation.unread for conversation in self.conversations.values())

    @property
    def positions(self) -> list[Json]:
        """Where I stand in what has moved since the last sync, so that the next one tells none of it again."""
        moved = [one for one in self.conversations.values() if one.last > one.synced and not one.is_loading]
        furthest = nlargest(MAX_POSITIONS, moved, key=lambda one: one.last - one.synced)
        return [{"conversation_id": one.id, "epoch": one.epoch, "seq": one.last} for one in furthest]

    def receive(self, frame: Json) -> list[Ask]:
        """Take one frame the server sent unasked."""
        conversation_id = frame.get("conversation_id")
        if "seq" in frame and conversation_id is not None:
            return self._event(frame)
        data: Json = frame["data"]
        match frame["event"]:
            case "read.update":
                self.read(conversation_id or "", data["user_id"], data["seq"], data.get("unread_count"))
                if data["user_id"] == self.user and conversation_id in self.conversations:
                    self.conversations[conversation_id].is_marked_unread = data.get("is_marked_unread", False)
            case "presence.update":
                self.presence[data["user_id"]] = data
            case "typing.start":
                self.typing.setdefault(conversation_id or "", set()).add(data["user_id"])
            case "typing.stop":
                self.typing.get(conversation_id or "", set()).discard(data["user_id"])
            case "resync":
                return self.heads([data])
        return []

    def sync_began(self) -> None:
        """From here gaps are not asked for: the pages will most likely fill them."""
        self._syncing = True

    def sync_page(self, page: Json) -> list[Ask]:
        """Take one page of what was missed; with the last one ask for what the pages did not fill."""
        asks: list[Ask] = []
        for event in page["events"]:
            asks += self._event(event)
        for read in page["reads"]:
            self.read(read["conversation_id"], read["user_id"], read["seq"])
        asks += self._resets(page["resets"])
        self.cursor = page["next_cursor"]
        if not page["has_more"]:
            asks += self.sync_ended()
        return asks

    def sync_ended(self) -> list[Ask]:
        self._syncing = False
        asks: list[Ask] = []
        for conversation in self.conversations.values():
            conversation.synced = conversation.last
            if conversation.is_loading and conversation.id not in self._asked:
                self._asked.add(conversation.id)
                asks.append(Load(conversation.id))
            asks += self._fill(conversation)
        return asks

    def heads(self, heads: Iterable[Json]) -> list[Ask]:
        """Compare with where the log stands, as `subscribe`, `resync` and the heads of channels say it."""
        asks: list[Ask] = []
        for head in heads:
            known = self.conversations.get(head["conversation_id"])
            if known is None or known.epoch not in (None, head["epoch"]):
                asks += self._load(head["conversation_id"], head["epoch"], head["seq"])
            elif known.last < head["seq"]:
                asks += self._fill(known, gap=True)
        return asks

    def read(self, conversation_id: str, user: str, seq: int, unread_count: int | None = None) -> None:
        """Take a read mark, from a frame, a page or the answer to my own `read`."""
        conversation = self.conversations.get(conversation_id)
        if conversation is not None:
            conversation.read(user, seq, unread_count)

    def loaded(
        self, view: Json, members: Iterable[Json], newest_first: list[Json], *, epoch: str | None = None
    ) -> list[Ask]:
        """Take the answer to a `Load`."""
        if view.get("membership", True) is None:
            # A channel anyone may look at, but no events of it come to who is no member.
            self.gone(view["id"])
            return []
        conversation = self.conversations.get(view["id"]) or self._begin(view["id"], epoch, view["last_seq"])
        self._asked.discard(conversation.id)
        return self._after(conversation, conversation.load(view, members, newest_first, epoch=epoch))

    def filled(self, conversation_id: str, answer: Json) -> list[Ask]:
        """Take one page of the answer to a `Fill`; what is still missing is asked for again."""
        conversation = self.conversations.get(conversation_id)
        if conversation is None or conversation.is_loading:
            return []
        if not answer["recovered"]:
            return self._load(conversation_id, answer["epoch"], answer["last_seq"])
        # Still counted as asked while its events go in, so that they ask for nothing themselves.
        before = conversation.last
        asks = [ask for event in answer["events"] for ask in self._event(event)]
        now = self.conversations.get(conversation_id)
        if now is not conversation or now.is_loading:
            return asks
        self._asked.discard(conversation_id)
        is_overtaken = any(event["seq"] <= before for event in answer["events"])
        if conversation.last == before and conversation.has_gap and not is_overtaken:
            # What lies between is not mine to see: I was away from the conversation and came back.
            return asks + self._load(conversation_id, conversation.epoch, answer["last_seq"])
        return asks + self._fill(conversation, gap=answer["has_more"])

    def gone(self, conversation_id: str) -> None:
        """It is not ours to see, or no more."""
        self._asked.discard(conversation_id)
        self.conversations.pop(conversation_id, None)
        self.typing.pop(conversation_id, None)

    def failed(self, ask: Ask) -> None:
        """It could not be fetched now; the next sync or event asks again."""
        self._asked.discard(ask.conversation_id)

    def _event(self, event: Json) -> list[Ask]:
        conversation = self.conversations.get(event["conversation_id"])
        if conversation is not None:
            return self._after(conversation, conversation.receive(event))
        if event["event"] == "member.remove" and event["data"]["user_id"] == self.user:
            return []
        if event["seq"] == 1 and "members" in event["data"]:
            self._begin(event["conversation_id"], event["epoch"], 0).receive(event)
            return []
        asks = self._load(event["conversation_id"], event["epoch"], event["seq"] - 1)
        self.conversations[event["conversation_id"]].receive(event)
        return asks

    def _after(self, conversation: Conversation, step: Step) -> list[Ask]:
        match step:
            case Step.STRANGE:
                return self._load(conversation.id, None, conversation.last)
            case Step.ENDED:
                self.gone(conversation.id)
                return []
            case _:
                return self._fill(conversation)

    def _load(self, conversation_id: str, epoch: str | None, seq: int) -> list[Ask]:
        """Begin anew; without bodies simply from `seq`."""
        conversation = self.conversations.get(conversation_id)
        if conversation is None or not self._bodies:
            conversation = self._begin(conversation_id, epoch, seq)
        if not self._bodies:
            return []
        conversation.epoch = epoch
        conversation.is_loading = True
        self._asked.add(conversation_id)
        return [Load(conversation_id)]

    def _begin(self, conversation_id: str, epoch: str | None, seq: int) -> Conversation:
        conversation = Conversation(
            conversation_id,
            self.user,
            epoch=epoch,
            last=seq,
            window=WINDOW if self._bodies else 0,
            on_applied=self._on_applied,
        )
        self.conversations[conversation_id] = conversation
        return conversation

    def _fill(self, conversation: Conversation, *, gap: bool = False) -> list[Ask]:
        if self._syncing or conversation.is_loading or conversation.id in self._asked:
            return []
        if not (gap or conversation.has_gap):
            return []
        self._asked.add(conversation.id)
        return [Fill(conversation.id, conversation.last, conversation.epoch)]

    def _resets(self, resets: Iterable[Json]) -> list[Ask]:
        return [
            ask
            for reset in resets
            if not self._stands_at(reset)
            for ask in self._load(reset["conversation_id"], reset["epoch"], reset["seq"])
        ]

    def _stands_at(self, reset: Json) -> bool:
        known = self.conversations.get(reset["conversation_id"])
        if known is None:
            return False
        return known.is_loading or (known.epoch == reset["epoch"] and known.last >= reset["seq"])
