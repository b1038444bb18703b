"""The native dialect (CONTRACT §4 and §8)."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest

from causerie.domain.conversation import Position
from causerie.domain.errors import InvalidRequest, NotFound, RateLimited, UnknownOp
from causerie.domain.event import Event, EventKind
from causerie.domain.ids import ConversationId, MessageId, UserId
from causerie.domain.message import MessageType
from causerie.protocol import commands, native
from causerie.protocol.close_codes import CloseCode
from causerie.protocol.native import Refusal, Request, parse_request
from causerie.protocol.queries import HistoryQuery, SyncQuery

TALK = ConversationId(UUID("01893f2e-0000-7000-8000-000000000001"))
MESSAGE = MessageId(UUID("01893f2e-0000-7000-8000-000000000002"))


def asked(**frame: object) -> object:
    read = parse_request(json.dumps({"id": 1, **frame}))
    assert isinstance(read, Request), read
    return read.command


def refused(**frame: object) -> Refusal:
    read = parse_request(json.dumps({"id": 1, **frame}))
    assert isinstance(read, Refusal), read
    return read


@pytest.mark.parametrize(
    "text", ["", "nonsense", "[]", '"x"', "1", "{}", '{"id":1}', '{"op":7}', '{"op":"ping"}x', "\ufeff{}"]
)
def test_an_unreadable_frame_is_answered_without_an_id(text):
    read = parse_request(text)

    assert isinstance(read, Refusal)
    assert (read.id, read.error.code, read.unreadable) == (None, "bad_frame", True)


@pytest.mark.parametrize("wrong", [1.5, True, [], {}, "x" * 65, 2**60, "\ud800"])
def test_a_wrong_id_is_a_bad_frame_without_an_id(wrong):
    read = parse_request(json.dumps({"id": wrong, "op": "ping"}))

    assert isinstance(read, Refusal)
    assert (read.id, read.error.code, read.unreadable) == (None, "bad_frame", False)


@pytest.mark.parametrize("right", [0, -1, "", "x" * 64, "é", None])
def test_an_id_is_text_or_an_integer_or_absent(right):
    assert parse_request(json.dumps({"id": right, "op": "ping"})) == Request(right, commands.Ping())


def test_an_op_without_an_id_is_a_request_too():
    assert parse_request('{"op":"ping"}') == Request(None, commands.Ping())


def test_an_unknown_op_is_refused_under_its_id():
    read = refused(op="dance")

    assert read.id == 1
    assert isinstance(read.error, UnknownOp)


def test_every_op_is_read_into_its_command():
    talk, message = str(TALK), str(MESSAGE)

    assert asked(op="auth", token="t") == commands.Auth("t")
    assert asked(op="refresh", token="t") == commands.Refresh("t")
    assert asked(op="send", conversation_id=talk, content="hi") == commands.Send(
        TALK, "hi", MessageType.TEXT, {}, None, None
    )
    assert asked(
        op="send",
        conversation_id=talk,
        content="hi",
        type="image",
        metadata={"a": 1},
        reply_to_id=message,
        client_id="k",
        attachment_ids=[],
    ) == commands.Send(TALK, "hi", MessageType.IMAGE, {"a": 1}, MESSAGE, "k")
    assert asked(op="edit", message_id=message, content="ho", version=2) == commands.Edit(MESSAGE, "ho", 2)
    assert asked(op="delete", message_id=message) == commands.Delete(MESSAGE)
    assert asked(op="read", conversation_id=talk, seq=7) == commands.Read(TALK, 7, None)
    assert asked(op="read", message_id=message) == commands.Read(None, None, MESSAGE)
    assert asked(op="mark_unread", conversation_id=talk) == commands.MarkUnread(TALK)
    assert asked(op="typing", conversation_id=talk) == commands.Typing(TALK, True)
    assert asked(op="typing", conversation_id=talk, state="stop") == commands.Typing(TALK, False)
    assert asked(op="presence", status="away") == commands.Presence(commands.OwnStatus.AWAY)
    assert asked(op="watch", user_ids=["ann", "bob", "ann"]) == commands.Watch((UserId("ann"), UserId("bob")))
    assert asked(op="unwatch", user_ids=[]) == commands.Unwatch(())
    assert asked(op="subscribe", conversation_id=talk) == commands.Subscribe(TALK)
    assert asked(op="unsubscribe", conversation_id=talk) == commands.Unsubscribe(TALK)
    assert asked(op="history", conversation_id=talk, after_seq=3, limit=10) == commands.History(
        TALK, HistoryQuery(None, 3, None, None, 10)
    )
    assert asked(op="sync", positions=[{"conversation_id": talk, "epoch": "e", "seq": 4}]) == commands.Sync(
        SyncQuery(None, 100), (Position(TALK, "e", 4),)
    )
    assert asked(op="ping") == commands.Ping()


@pytest.mark.parametrize(
    ("frame", "field"),
    [
        ({"op": "ping", "extra": 1}, "extra"),
        ({"op": "send", "conversation_id": str(TALK), "content": " "}, "content"),
        ({"op": "send", "conversation_id": str(TALK)}, "content"),
        ({"op": "send", "content": "x"}, "conversation_id"),
        ({"op": "send", "conversation_id": 7, "content": "x"}, "conversation_id"),
        ({"op": "send", "conversation_id": str(TALK), "content": "x", "client_id": ""}, "client_id"),
        ({"op": "send", "conversation_id": str(TALK), "content": "x", "attachment_ids": ["a"]}, "attachment_ids"),
        ({"op": "read", "conversation_id": str(TALK)}, "seq"),
        ({"op": "read", "conversation_id": str(TALK), "seq": 1, "message_id": str(MESSAGE)}, "seq"),
        ({"op": "typing", "conversation_id": str(TALK), "state": "maybe"}, "state"),
        ({"op": "presence", "status": "offline"}, "status"),
        ({"op": "watch", "user_ids": ["a b"]}, "user_ids[0]"),
        ({"op": "watch", "user_ids": [str(number) for number in range(1001)]}, "user_ids"),
        ({"op": "history", "conversation_id": str(TALK), "limit": 101}, "limit"),
        ({"op": "history", "conversation_id": str(TALK), "before_seq": 1, "after_seq": 1}, "cursor"),
        ({"op": "sync", "positions": [{"conversation_id": str(TALK)}]}, "positions[0].epoch"),
        ({"op": "auth"}, "token"),
    ],
)
def test_a_wrong_argument_is_named(frame, field):
    error = refused(**frame).error

    assert isinstance(error, InvalidRequest)
    assert field in [wrong.field for wrong in error.errors]


def test_an_id_that_cannot_be_one_is_answered_like_an_absent_object():
    assert isinstance(refused(op="send", conversation_id="conversation.12", content="x").error, NotFound)
    assert isinstance(refused(op="delete", message_id="nope").error, NotFound)


def test_users_cannot_send_system_messages():
    assert refused(op="send", conversation_id=str(TALK), content="x", type="system").error.code == "forbidden"


def test_an_event_is_written_as_the_contract_says():
    event = Event(
        TALK, 7, EventKind.MEMBER_ADD, datetime(2026, 11, 21, 8, 0, 0, 123456, UTC), UserId("ann"), {"a": "é"}
    )

    assert json.loads(native.encode_event(event, "epoch-1")) == {
        "event": "member.add",
        "conversation_id": str(TALK),
        "seq": 7,
        "epoch": "epoch-1",
        "ts": "2026-11-21T08:00:00.123Z",
        "data": {"a": "é"},
    }


def test_ephemeral_events_have_neither_seq_nor_epoch():
    assert json.loads(native.encode_ephemeral("typing.start", TALK, {"user_id": "ann"})) == {
        "event": "typing.start",
        "conversation_id": str(TALK),
        "data": {"user_id": "ann"},
    }
    assert json.loads(native.encode_ephemeral("presence.update", None, {})) == {"event": "presence.update", "data": {}}


def test_answers_carry_the_id_they_answer():
    assert json.loads(native.encode_reply("a", {"x": 1})) == {"id": "a", "ok": True, "result": {"x": 1}}
    assert json.loads(native.encode_refusal(3, RateLimited("slow down", retry_after_seconds=0.25))) == {
        "id": 3,
        "ok": False,
        "error": {"code": "rate_limited", "message": "slow down", "retryable": True, "retry_after_ms": 250},
    }
    refusal = json.loads(native.encode_refusal(None, InvalidRequest.of("content", "must not be empty")))
    assert refusal["error"]["errors"] == [{"field": "content", "message": "must not be empty"}]


@pytest.mark.parametrize(
    ("code", "reconnect"),
    [
        (CloseCode.RESTART, True),
        (CloseCode.SLOW, True),
        (CloseCode.SILENT, True),
        (CloseCode.UNAUTHENTICATED, False),
        (CloseCode.TOO_MANY_SESSIONS, False),
    ],
)
def test_a_disconnect_says_whether_coming_back_helps(code, reconnect):
    frame = json.loads(native.encode_disconnect(code, retry_after_seconds=1.5 if reconnect else None))

    assert frame["event"] == "disconnect"
    assert (frame["data"]["code"], frame["data"]["reconnect"]) == (code.value, reconnect)
    assert frame["data"]["retry_after_ms"] == (1500 if reconnect else None)
