"""The native dialect: JSON text frames of one request, one reply or one event (CONTRACT §4 and §8).

Events are encoded once per event and travel opaque from here to every socket, so nothing in a frame
may depend on who reads it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import orjson

from causerie.domain import event as events
from causerie.domain.errors import BadFrame, CauserieError, InvalidJson, InvalidRequest
from causerie.domain.event import Event
from causerie.domain.ids import ConversationId
from causerie.protocol.close_codes import CloseCode
from causerie.protocol.commands import Command
from causerie.protocol.native_ops import parse_command
from causerie.protocol.strict_json import loads

SUBPROTOCOL = "causerie.v1"
BEARER_PREFIX = "bearer."
MAX_ID_CHARACTERS = 64
_MAX_INTEGER = 2**53 - 1

RequestId = str | int | None


@dataclass(frozen=True, slots=True)
class Request:
    """One thing asked. Without an `id` it is answered only when it fails."""

    id: RequestId
    command: Command


@dataclass(frozen=True, slots=True)
class Refusal:
    """A frame that asks nothing we can do. `unreadable`: it was no request at all, which is counted."""

    id: RequestId
    error: CauserieError
    unreadable: bool = False


def parse_request(text: str | bytes) -> Request | Refusal:
    """Read one text frame; what is wrong with it comes back as a value, for it has an address: the `id`."""
    try:
        frame = loads(text)
    except InvalidJson:
        return Refusal(None, BadFrame("The frame is not JSON."), unreadable=True)
    if not isinstance(frame, dict):
        return Refusal(None, BadFrame("The frame is not an object."), unreadable=True)
    op = frame.pop("op", None)
    if not isinstance(op, str):
        return Refusal(None, BadFrame("The frame has no text `op`."), unreadable=True)
    request_id = frame.pop("id", None)
    if not _is_request_id(request_id):
        return Refusal(None, BadFrame("`id` must be text of at most 64 characters or an integer."))
    try:
        return Request(request_id, parse_command(op, frame))
    except CauserieError as error:
        return Refusal(request_id, error)


def _is_request_id(value: object) -> bool:
    match value:
        case bool():
            return False
        case int():
            return -_MAX_INTEGER <= value <= _MAX_INTEGER
        case str():
            # A lone surrogate could be read but not echoed.
            return len(value) <= MAX_ID_CHARACTERS and (
                value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)
            )
        case _:
            return value is None


def encode_event(event: Event, epoch: str) -> bytes:
    """A durable event as every reader sees it."""
    return orjson.dumps(event.as_json(epoch))


def message_seq(payload: bytes) -> int:
    """The seq of the message that an encoded edit is about."""
    return events.message_seq(orjson.loads(payload)["data"])


def withhold(payload: bytes) -> bytes:
    """An encoded edit for those who may not see the message it is about."""
    told = orjson.loads(payload)
    return orjson.dumps({**told, "data": events.withheld(told["data"])})


def encode_ephemeral(event: str, conversation_id: UUID | None, data: Mapping[str, object]) -> bytes:
    """An event that is not in the log: no seq, no epoch."""
    if conversation_id is None:
        return orjson.dumps({"event": event, "data": data})
    return orjson.dumps({"event": event, "conversation_id": str(conversation_id), "data": data})


def encode_reply(request_id: RequestId, result: object) -> bytes:
    return orjson.dumps({"id": request_id, "ok": True, "result": result})


def encode_refusal(request_id: RequestId, error: CauserieError) -> bytes:
    shown: dict[str, object] = {"code": error.code, "message": error.message, "retryable": error.retryable}
    if error.retry_after_seconds is not None:
        shown["retry_after_ms"] = round(error.retry_after_seconds * 1000)
    if isinstance(error, InvalidRequest):
        shown["errors"] = [{"field": wrong.field, "message": wrong.message} for wrong in error.errors]
    return orjson.dumps({"id": request_id, "ok": False, "error": shown})


def encode_bug(request_id: RequestId) -> bytes:
    """The answer when we failed rather than refused; what happened is in our log, not on the wire."""
    error = {"code": "internal", "message": "The server failed to do this.", "retryable": True}
    return orjson.dumps({"id": request_id, "ok": False, "error": error})


def encode_welcome(*, session_id: str, user_id: str, heartbeat_seconds: float, unread_total: int | None) -> bytes:
    """The first frame after authentication. `unread_total` is null while PostgreSQL is away."""
    return encode_ephemeral(
        "welcome",
        None,
        {
            "session_id": session_id,
            "user_id": user_id,
            "heartbeat_seconds": heartbeat_seconds,
            "unread_total": unread_total,
        },
    )


def encode_resync(conversation_id: ConversationId, *, epoch: str, seq: int) -> bytes:
    """Say that events up to `seq` were missed and could not be filled in: the client reloads by history."""
    data = {"conversation_id": str(conversation_id), "epoch": epoch, "seq": seq}
    return encode_ephemeral("resync", conversation_id, data)


def encode_disconnect(code: CloseCode, *, reason: str | None = None, retry_after_seconds: float | None = None) -> bytes:
    """The last frame before a close: the browser shows a script little of the close itself."""
    return encode_ephemeral(
        "disconnect",
        None,
        {
            "code": code.value,
            "reason": reason or code.reason,
            "reconnect": code.reconnect,
            "retry_after_ms": None if retry_after_seconds is None else round(retry_after_seconds * 1000),
        },
    )
