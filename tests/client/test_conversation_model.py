"""The local model: whatever order, repetition or loss the events suffer, it ends where the log ends."""

from copy import deepcopy
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from causerie.client.conversation import Conversation, Step
from causerie.client.model import Fill, Load, Model

CONVERSATION = "018f0000-0000-7000-8000-000000000001"
EPOCH = "e1"
NOW = "2026-11-21T09:00:00.000Z"


def a_member(user: str) -> dict[str, Any]:
    return {
        "user_id": user,
        "role": "member",
        "nickname": None,
        "is_muted": False,
        "muted_until": None,
        "joined_at": NOW,
        "left_at": None,
    }


def a_message(seq: int, sender: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": str(UUID(int=seq)),
        "conversation_id": CONVERSATION,
        "seq": seq,
        "sender_id": sender,
        "type": "text",
        "content": f"message {seq}",
        "metadata": {},
        "attachments": [],
        "client_id": None,
        "version": 1,
        "is_edited": False,
        "is_deleted": False,
    } | changes


def an_event(seq: int, kind: str, data: dict[str, Any], epoch: str = EPOCH) -> dict[str, Any]:
    return {"event": kind, "conversation_id": CONVERSATION, "seq": seq, "epoch": epoch, "ts": NOW, "data": data}


def the_opening() -> dict[str, Any]:
    facts = {"id": CONVERSATION, "type": "group", "name": "tea", "created_by": "ann"}
    return an_event(1, "member.add", {"members": [a_member("ann"), a_member("ben")], "conversation": facts})


def new(seq: int, sender: str = "ben", **changes: Any) -> dict[str, Any]:
    return an_event(seq, "message.new", a_message(seq, sender, **changes))


class Server:
    """The log as a server keeps it, answering what a model asks: events of the past carry messages as they are now."""

    def __init__(self) -> None:
        self.log = [the_opening()]
        self.messages: dict[str, dict[str, Any]] = {}
        self.members = {user: a_member(user) for user in ("ann", "ben")}
        self.name = "tea"
        self.mark = 1

    @property
    def head(self) -> int:
        return len(self.log)

    def act(self, action: str, choice: int) -> None:
        seq = self.head + 1
        ids = [m["id"] for m in self.messages.values() if not m["is_deleted"]]
        match action:
            case "ann posts" | "ben posts" | "the system posts":
                sender = "ann" if action == "ann posts" else "ben"
                message = a_message(seq, sender, type="system" if "system" in action else "text")
                self.messages[message["id"]] = message
                self.log.append(an_event(seq, "message.new", message))
                if sender == "ann":
                    self.mark = seq
            case "edit" if ids:
                old = self.messages[ids[choice % len(ids)]]
                changes = {"content": f"edited at {seq}", "version": old["version"] + 1, "is_edited": True}
                self.messages[old["id"]] = old | changes
                self.log.append(an_event(seq, "message.edit", self.messages[old["id"]]))
            case "delete" if ids:
                old = self.messages[ids[choice % len(ids)]]
                gone = {"content": "", "metadata": {}, "version": old["version"] + 1, "is_deleted": True}
                self.messages[old["id"]] = old | gone
                self.log.append(an_event(seq, "message.delete", {"message_id": old["id"], "deleted_by": "ben"}))
            case "rename":
                self.name = f"tea {seq}"
                self.log.append(an_event(seq, "conversation.update", {"name": self.name}))
            case "nickname":
                self.members["ben"] = self.members["ben"] | {"nickname": f"b{seq}"}
                self.log.append(an_event(seq, "member.update", self.members["ben"]))
            case "read":
                self.mark = max(self.mark, 1 + choice % self.head)

    def unread(self) -> int:
        return sum(m["type"] != "system" and m["seq"] > self.mark for m in self.messages.values())

    def view(self) -> dict[str, Any]:
        facts = self.log[0]["data"]["conversation"] | {"name": self.name}
        return facts | {"last_seq": self.head, "unread_count": self.unread()}

    def history(self) -> list[dict[str, Any]]:
        return sorted(deepcopy(list(self.messages.values())), key=lambda m: -m["seq"])[:100]

    def events(self, after_seq: int) -> dict[str, Any]:
        events = []
        for event in self.log[after_seq : after_seq + 3]:
            now = self.messages.get(event["data"].get("id", ""))
            events.append(event | {"data": now} if now else event)
        last = after_seq + len(events)
        return {
            "events": events,
            "epoch": EPOCH,
            "last_seq": self.head,
            "has_more": last < self.head,
            "recovered": True,
        }

    def answer(self, model: Model, asks: list[Load | Fill]) -> None:
        while asks:
            ask = asks.pop(0)
            if isinstance(ask, Load):
                asks += model.loaded(self.view(), list(self.members.values()), self.history())
            else:
                asks += model.filled(CONVERSATION, self.events(ask.after_seq))


def a_fresh_fetch(server: Server) -> Conversation:
    fetched = Conversation(CONVERSATION, "ann", epoch=EPOCH)
    fetched.load(server.view(), list(server.members.values()), server.history())
    return fetched


actions = st.sampled_from(
    ["ann posts", "ben posts", "ben posts", "the system posts", "edit", "delete", "rename", "nickname", "read"]
)
fates = st.sampled_from(["arrives", "arrives", "arrives", "is lost", "arrives twice", "is late"])


@given(st.lists(st.tuples(actions, fates, st.integers(0, 50), st.booleans()), max_size=40))
def test_a_model_kept_up_by_lossy_events_equals_a_fresh_fetch(story: list[tuple[str, str, int, bool]]) -> None:
    server, model, late = Server(), Model("ann"), []
    asks: list[Load | Fill] = list(model.receive(server.log[0]))

    for action, fate, choice, answers_now in story:
        before, mark = server.head, server.mark
        server.act(action, choice)
        if server.mark != mark and action == "read":
            asks += model.receive(
                {
                    "event": "read.update",
                    "conversation_id": CONVERSATION,
                    "data": {"user_id": "ann", "seq": server.mark, "unread_count": server.unread()},
                }
            )
        for event in map(deepcopy, server.log[before:]):
            match fate:
                case "arrives":
                    asks += model.receive(event)
                case "arrives twice":
                    asks += model.receive(event) + model.receive(event)
                case "is late":
                    late.append(event)
        if answers_now:
            server.answer(model, asks)
    for event in late:
        asks += model.receive(event)
    server.answer(model, asks)
    model.sync_began()
    page = {"reads": [], "resets": [], "next_cursor": "c", "has_more": False}
    server.answer(model, model.sync_page(page | {"events": server.events(max(0, server.head - 2))["events"]}))

    assert model.is_settled
    assert model.conversations[CONVERSATION].snapshot() == a_fresh_fetch(server).snapshot()


@given(st.lists(st.tuples(actions, st.integers(0, 50)), max_size=30), st.integers(0, 30))
def test_a_model_loaded_in_the_middle_goes_on_to_the_same_end(story: list[tuple[str, int]], middle: int) -> None:
    server = Server()
    for action, choice in story[:middle]:
        server.act(action, choice)
    model = Model("ann")
    page = {"events": [], "reads": [], "next_cursor": "c", "has_more": False, "recovered": True}
    reset = {"conversation_id": CONVERSATION, "epoch": EPOCH, "seq": server.head, "reason": "start"}
    asks = list(model.sync_page(page | {"resets": [reset]}))
    view, members = server.view(), deepcopy(list(server.members.values()))

    for action, choice in story[middle:]:
        before = server.head
        server.act(action, choice)
        for event in map(deepcopy, server.log[before:]):
            assert model.receive(event) == []
    late_history = server.history()
    assert asks == [Load(CONVERSATION)]
    server.answer(model, model.loaded(view, members, late_history))
    model.read(CONVERSATION, "ann", server.mark)

    assert model.conversations[CONVERSATION].snapshot() == a_fresh_fetch(server).snapshot()


def test_an_event_takes_effect_once_and_only_in_its_turn():
    applied: list[int] = []
    conversation = Conversation(CONVERSATION, "ann", on_applied=lambda event: applied.append(event["seq"]))

    steps = [conversation.receive(event) for event in (the_opening(), new(3), new(3), new(2), new(2), new(3))]

    assert steps == [Step.APPLIED, Step.HELD, Step.HELD, Step.APPLIED, Step.REPEATED, Step.REPEATED]
    assert applied == [1, 2, 3]


def test_a_gap_is_asked_for_once_until_it_is_answered():
    model = Model("ann")
    model.receive(the_opening())

    assert model.receive(new(3)) == [Fill(CONVERSATION, 1, EPOCH)]
    assert model.receive(new(4)) == []
    assert not model.is_settled


def test_no_gap_is_asked_for_while_the_pages_of_a_sync_come_in():
    model = Model("ann")
    model.receive(the_opening())
    model.sync_began()

    assert model.receive(new(3)) == []
    page = {"events": [new(2)], "reads": [], "resets": [], "next_cursor": "c", "has_more": False, "recovered": True}
    assert model.sync_page(page) == []
    assert model.conversations[CONVERSATION].last == 3


def test_another_epoch_is_loaded_anew_and_never_mixed():
    model = Model("ann")
    model.receive(the_opening())

    asks = model.receive(an_event(2, "message.new", a_message(2, "ben"), epoch="e2"))

    assert asks == [Load(CONVERSATION)]
    assert model.conversations[CONVERSATION].messages == {}


def test_an_unknown_conversation_is_loaded_and_its_event_waits():
    model = Model("ann")

    assert model.receive(new(7)) == [Load(CONVERSATION)]
    view = {"id": CONVERSATION, "last_seq": 6, "unread_count": 0}
    model.loaded(view, [a_member("ann")], [])

    assert model.conversations[CONVERSATION].last == 7
    assert model.unread == 1


def test_the_end_of_my_membership_removes_the_conversation():
    model = Model("ann")
    model.receive(the_opening())

    model.receive(an_event(2, "member.remove", a_member("ann") | {"left_at": NOW}))

    assert CONVERSATION not in model.conversations


def test_an_answer_that_did_not_recover_leads_to_a_load():
    model = Model("ann")
    model.receive(the_opening())
    model.receive(new(3))

    asks = model.filled(
        CONVERSATION, {"events": [], "epoch": "e2", "last_seq": 9, "has_more": False, "recovered": False}
    )

    assert asks == [Load(CONVERSATION)]


def test_coming_back_to_a_conversation_left_is_a_load_and_no_endless_question():
    model = Model("ann")
    model.receive(the_opening())
    asks = model.receive(an_event(9, "member.add", a_member("ann")))
    assert asks == [Fill(CONVERSATION, 1, EPOCH)]

    answer = {"events": [an_event(9, "member.add", a_member("ann"))], "epoch": EPOCH, "last_seq": 9}
    asks = model.filled(CONVERSATION, answer | {"has_more": False, "recovered": True})

    assert asks == [Load(CONVERSATION)]


def test_an_answer_that_pushed_events_overtook_is_asked_for_again_from_there():
    model = Model("ann", bodies=False)
    model.receive(the_opening())
    assert model.receive(new(9)) == [Fill(CONVERSATION, 1, EPOCH)]
    for seq in (2, 3, 4):
        model.receive(new(seq))

    answer = {"events": [new(2), new(3)], "epoch": EPOCH, "last_seq": 9, "has_more": True, "recovered": True}
    asks = model.filled(CONVERSATION, answer)

    assert asks == [Fill(CONVERSATION, 4, EPOCH)]
    assert model.conversations[CONVERSATION].last == 4


def test_without_bodies_nothing_is_loaded_and_nothing_kept():
    applied: list[int] = []
    model = Model("ann", bodies=False, on_applied=lambda event: applied.append(event["seq"]))
    page = {"events": [], "reads": [], "next_cursor": "c", "has_more": False, "recovered": True}
    reset = {"conversation_id": CONVERSATION, "epoch": EPOCH, "seq": 5, "reason": "start"}

    assert model.sync_page(page | {"resets": [reset]}) == []
    model.receive(new(5))
    model.receive(new(6))

    assert applied == [6]
    assert model.conversations[CONVERSATION].messages == {}


def test_my_own_post_reads_everything_before_it():
    model = Model("ann")
    for event in (the_opening(), new(2), new(3)):
        model.receive(event)
    assert model.unread == 2

    model.receive(new(4, "ann"))

    assert model.unread == 0


def test_unread_counts_past_the_window_of_kept_messages():
    model = Model("ann")
    model.receive(the_opening())
    for seq in range(2, 152):
        model.receive(new(seq))

    assert len(model.conversations[CONVERSATION].messages) == 100
    assert model.unread == 150

    model.read(CONVERSATION, "ann", 20, unread_count=131)
    assert model.unread == 131
    model.read(CONVERSATION, "ann", 150)
    assert model.unread == 1


def test_what_has_moved_since_the_last_sync_is_known_by_its_position():
    model = Model("ann", bodies=False)
    nothing = {"events": [], "reads": [], "resets": [], "next_cursor": "c", "has_more": False, "recovered": True}
    model.receive(the_opening())
    model.sync_page(nothing)

    assert model.positions == []
    for event in (new(2), new(3), new(5)):
        model.receive(event)
    assert model.positions == [{"conversation_id": CONVERSATION, "epoch": EPOCH, "seq": 3}]
    model.sync_page(nothing | {"events": [new(4)]})
    assert model.positions == []
