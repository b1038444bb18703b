"""The native dialect: JSON in text frames (CONTRACT §4).

A delivery is read by its beginning alone: a generator shares the machine with what it measures.  The server writes the
fields of an event in one order, which its own tests hold.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from loadtest.dialects import Event, Farewell, Heard, Missed, Noise, Reply, Resync, Seen, Welcome

MARK = b'"content":"#'
"""How a message of ours begins; nanoseconds follow."""
_CONVERSATION = b'","conversation_id":"'
_SEQ = b'","seq":'
_ID_BYTES = 36
_NOISE = Noise()


class Native:
    """One for all connections of a swarm: it keeps nothing but the frame it read last."""

    def __init__(self) -> None:
        self._last = b""
        self._read: Heard = _NOISE

    def path(self) -> str:
        return "/ws"

    def hear(self, payload: bytes) -> Heard:
        # One event comes to many connections one after another, byte for byte the same.
        if payload == self._last:
            return self._read
        if payload.startswith(b'{"id":'):
            return _reply(payload)
        self._last, self._read = payload, _event(payload)
        return self._read

    def missed(self, payload: bytes) -> Missed:
        result: dict[str, Any] = orjson.loads(payload)["result"]
        return Missed(
            [Event(one["conversation_id"].encode(), one["seq"], None) for one in result["events"]],
            [Resync(one["conversation_id"].encode(), one["seq"]) for one in result["resets"]],
            str(result["next_cursor"]),
            bool(result["has_more"]),
        )

    def seq(self, payload: bytes) -> int:
        digits = payload.index(b'"seq":') + 6
        return int(payload[digits : payload.index(b",", digits)])

    def send(self, request: int, conversation: str, key: str, text: str) -> bytes:
        return (
            f'{{"id":{request},"op":"send","conversation_id":"{conversation}","client_id":"{key}","content":"{text}"}}'
        ).encode()

    def sync(self, request: int, cursor: str | None) -> bytes | None:
        at = "" if cursor is None else f',"cursor":"{cursor}"'
        return f'{{"id":{request},"op":"sync"{at}}}'.encode()

    def follow(self, request: int, channel: str) -> bytes | None:
        return f'{{"id":{request},"op":"subscribe","conversation_id":"{channel}"}}'.encode()

    def watch(self, request: int, users: Sequence[str]) -> bytes | None:
        return orjson.dumps({"id": request, "op": "watch", "user_ids": users})

    def presence(self, request: int, status: str) -> bytes | None:
        return f'{{"id":{request},"op":"presence","status":"{status}"}}'.encode()


def _reply(payload: bytes) -> Heard:
    end = payload.find(b",", 6)
    number = payload[6:end]
    if not number.isdigit():
        return _NOISE
    if payload.startswith(b'"ok":true', end + 1):
        return Reply(int(number), None, payload)
    return Reply(int(number), str(orjson.loads(payload)["error"]["code"]), payload)


def _event(payload: bytes) -> Heard:
    name_end = payload.find(b'"', 10)
    if payload.startswith(_CONVERSATION, name_end):
        start = name_end + len(_CONVERSATION)
        after = start + _ID_BYTES
        if payload.startswith(_SEQ, after):
            digits = after + len(_SEQ)
            seq = int(payload[digits : payload.index(b",", digits)])
            return Event(payload[start:after], seq, _sent(payload))
    return _told(orjson.loads(payload))


def _sent(payload: bytes) -> int | None:
    place = payload.find(MARK)
    if place < 0:
        return None
    place += len(MARK)
    digits = payload[place : payload.find(b" ", place)]
    return int(digits) if digits.isdigit() else None


def _told(frame: dict[str, Any]) -> Heard:
    data = frame.get("data", {})
    match frame.get("event"):
        case "welcome":
            return Welcome()
        case "presence.update":
            return Seen(data["user_id"], data["status"])
        case "resync":
            return Resync(data["conversation_id"].encode(), data["seq"])
        case "disconnect":
            pause = (data.get("retry_after_ms") or 0) / 1000
            return Farewell(f"{data['code']} {data['reason']}", pause if data["reconnect"] else None)
        case _:
            return _NOISE
