"""What the load test reads out of the frames that the platform writes."""

from datetime import UTC, datetime
from uuid import UUID

from causerie.domain.errors import RateLimited
from causerie.domain.event import Event as DomainEvent
from causerie.domain.event import EventKind
from causerie.domain.ids import ConversationId, UserId
from causerie.protocol import native as platform
from causerie.protocol.close_codes import CloseCode
from causerie.protocol.native import Request, parse_request
from loadtest.dialects import Event, Farewell, Reply, Resync, Seen, Welcome
from loadtest.dialects.native import Native

ROOM = ConversationId(UUID("0190c1d2-0000-7000-8000-000000000001"))
NAME = str(ROOM).encode()


def an_event(content: str) -> bytes:
    data: dict[str, object] = {"id": "1", "seq": 7, "content": content}
    event = DomainEvent(ROOM, 7, EventKind.MESSAGE_NEW, datetime(2026, 11, 21, tzinfo=UTC), UserId("ann"), data)
    return platform.encode_event(event, "epoch")


def test_a_message_says_when_it_was_sent():
    assert Native().hear(an_event("#1700000000123456789 the kettle is on")) == Event(NAME, 7, 1700000000123456789)


def test_a_message_of_somebody_else_is_an_event_all_the_same():
    assert Native().hear(an_event("# a heading")) == Event(NAME, 7, None)


def test_the_frames_of_the_platform_are_told_apart():
    native = Native()
    welcome = platform.encode_welcome(session_id="s", user_id="ann", heartbeat_seconds=25.0, unread_total=0)
    away = platform.encode_ephemeral("presence.update", None, {"user_id": "ann", "status": "away", "last_seen": None})

    assert native.hear(welcome) == Welcome()
    assert native.hear(platform.encode_resync(ROOM, epoch="e", seq=9)) == Resync(NAME, 9)
    assert native.hear(away) == Seen("ann", "away")
    assert native.hear(platform.encode_disconnect(CloseCode.RESTART, retry_after_seconds=1.5)) == Farewell(
        f"{CloseCode.RESTART.value} {CloseCode.RESTART.reason}", 1.5
    )


def test_a_refusal_is_read_with_its_code():
    reply = platform.encode_refusal(12, RateLimited(retry_after_seconds=1.0))

    assert Native().hear(reply) == Reply(12, "rate_limited", reply)


def test_an_ack_tells_the_number_of_the_message():
    reply = platform.encode_reply(12, {"id": "1", "conversation_id": str(ROOM), "seq": 31, "sender_id": "ann"})

    assert Native().hear(reply) == Reply(12, None, reply)
    assert Native().seq(reply) == 31


def test_the_platform_understands_all_we_say():
    native = Native()
    said = [
        native.send(1, str(ROOM), "key-1", "#17 the kettle is on"),
        native.sync(2, None),
        native.follow(4, str(ROOM)),
        native.watch(5, ["ann", "ben"]),
        native.presence(6, "away"),
    ]

    assert all(isinstance(parse_request(text), Request) for text in said if text is not None)
