"""A conversation's cached messages as few bytes: a header, entries, a seal.

    value  = version, flags, epoch, seq | entry … | crc32 of all before
    entry  = length, how far it moves seq, and unless it only does that: a message

A later entry of the same message takes the place of the earlier one. Numbers are varints, written as the
difference to what is known anyway: the seq reached, the time of the entry before (a UUIDv7 begins with its
time), a table of the senders met so far. Text is compressed with a dictionary. The seal covers everything
before it, so two values with the same length and seal are the same.
"""

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from causerie.cache import dictionary
from causerie.cache.varints import Reader, Writer
from causerie.domain.ids import ConversationId, MessageId, UserId
from causerie.domain.message import Message, MessageType

SEAL_BYTES = 4

_IS_WHOLE = 1

_HAS_EXTRAS = 1
_IS_PLAIN = 2
_HAS_UUID_KEY = 4
_IS_EDITED = 8
_IS_DELETED = 16
_IS_PINNED = 32
_IS_REPLY = 64
_IS_ODD = 128
"""Its version is not 1, or its time not that of its id."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_text = dictionary.load()


class Unreadable(ValueError):
    """Damaged, or written by another release."""


class OtherRelease(Unreadable):
    """Whole, and not for us."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a value ends, seal not counted, and what its next entry is written relative to."""

    seq: int
    length: int
    seal: int
    entries: int = 0
    milliseconds: int = 0
    senders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Value:
    """What a value says: its messages, oldest first, as of `mark.seq` of the log `epoch`."""

    epoch: str
    is_whole: bool
    messages: tuple[Message, ...]
    mark: Mark


def pack(epoch: str, seq: int, messages: Iterable[Message], *, is_whole: bool) -> tuple[bytes, Mark]:
    """Write a whole value."""
    header = Writer(bytes([dictionary.VERSION, _IS_WHOLE if is_whole else 0]))
    header.put_sized(epoch.encode())
    header.put(seq)
    entries, mark = extend(Mark(seq, len(header.data), zlib.crc32(header.data)), seq, messages)
    return bytes(header.data) + entries, mark


def extend(mark: Mark, seq: int, changed: Iterable[Message]) -> tuple[bytes, Mark]:
    """Write the entries that take a value from `mark` to `seq`, and the seal that replaces the one before them."""
    out = Writer()
    reached, milliseconds, senders, count = mark.seq, mark.milliseconds, list(mark.senders), mark.entries
    for message in changed:
        step = max(0, min(message.seq, seq) - reached)
        reached += step
        entry = Writer()
        entry.put(step)
        milliseconds = _put_message(entry, message, reached, milliseconds, senders)
        out.put_sized(entry.data)
        count += 1
    if reached < seq:
        entry = Writer()
        entry.put(seq - reached)
        out.put_sized(entry.data)
        count += 1
    seal = zlib.crc32(out.data, mark.seal)
    after = Mark(seq, mark.length + len(out.data), seal, count, milliseconds, tuple(senders))
    return bytes(out.data) + seal.to_bytes(SEAL_BYTES, "big"), after


def unpack(data: bytes, conversation: ConversationId) -> Value:
    """Read a value.

    Raises:
        Unreadable: it is damaged.
        OtherRelease: it is of another release.
    """
    length = len(data) - SEAL_BYTES
    seal = zlib.crc32(data[:length]) if length > 0 else -1
    if seal != int.from_bytes(data[length:], "big"):
        raise Unreadable
    if data[0] != dictionary.VERSION:
        raise OtherRelease
    try:
        reader = Reader(data, at=2)
        epoch = reader.take_sized().decode()
        seq, milliseconds, count = reader.take(), 0, 0
        senders: list[str] = []
        messages: dict[int, Message] = {}
        while reader.at < length:
            end = reader.take() + reader.at
            seq += reader.take()
            if reader.at < end:
                message, milliseconds = _take_message(reader, end, conversation, seq, milliseconds, senders)
                messages[message.seq] = message
            count += 1
    except (IndexError, ValueError, TypeError, OverflowError) as error:
        raise Unreadable from error
    ordered = tuple(messages[place] for place in sorted(messages))
    return Value(
        epoch, bool(data[1] & _IS_WHOLE), ordered, Mark(seq, length, seal, count, milliseconds, tuple(senders))
    )


def _put_message(entry: Writer, message: Message, reached: int, before: int, senders: list[str]) -> int:
    key = _uuid_key(message.client_id)
    milliseconds = int.from_bytes(message.id.bytes[:6], "big")
    own_time, created_at = milliseconds * 1000, _microseconds(message.created_at)
    content, metadata = ("", {}) if message.is_deleted else (message.content, message.metadata)
    text = content.encode("utf-8", "surrogatepass")
    has_extras = (
        bool(metadata) or message.type is not MessageType.TEXT or (key is None and message.client_id is not None)
    )
    if has_extras:
        extras = [message.type.value, None if key else message.client_id, metadata]
        text = (
            json.dumps(extras, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
            + b"\0"
            + text
        )
    packed = _text.compress(text)
    is_plain = len(packed) >= len(text)
    is_odd = message.version != 1 or created_at != own_time

    entry.data.append(
        _HAS_EXTRAS * has_extras
        | _IS_PLAIN * is_plain
        | _HAS_UUID_KEY * (key is not None)
        | _IS_EDITED * (message.edited_at is not None)
        | _IS_DELETED * (message.deleted_at is not None)
        | _IS_PINNED * message.is_pinned
        | _IS_REPLY * (message.reply_to_id is not None)
        | _IS_ODD * is_odd
    )
    entry.put_signed(reached - message.seq)
    entry.put_signed(message.seq - message.number)
    entry.put_signed(milliseconds - before)
    entry.data += message.id.bytes[6:]
    if message.sender_id in senders:
        entry.put(senders.index(message.sender_id))
    else:
        entry.put(len(senders))
        entry.put_sized(message.sender_id.encode())
        senders.append(message.sender_id)
    if key is not None:
        entry.data += key.bytes
    if message.reply_to_id is not None:
        entry.data += message.reply_to_id.bytes
    if is_odd:
        entry.put(message.version)
        entry.put_signed(created_at - own_time)
    for moment in (message.edited_at, message.deleted_at):
        if moment is not None:
            entry.put_signed(_microseconds(moment) - own_time)
    entry.data += text if is_plain else packed
    return milliseconds


def _take_message(
    reader: Reader, end: int, conversation: ConversationId, reached: int, before: int, senders: list[str]
) -> tuple[Message, int]:
    flags = reader.take_bytes(1)[0]
    seq = reached - reader.take_signed()
    number = seq - reader.take_signed()
    milliseconds = before + reader.take_signed()
    own_time = milliseconds * 1000
    message_id = UUID(bytes=milliseconds.to_bytes(6, "big") + reader.take_bytes(10))
    place = reader.take()
    if place == len(senders):
        senders.append(reader.take_sized().decode())
    key = str(UUID(bytes=reader.take_bytes(16))) if flags & _HAS_UUID_KEY else None
    reply = MessageId(UUID(bytes=reader.take_bytes(16))) if flags & _IS_REPLY else None
    version, created_at = (reader.take(), own_time + reader.take_signed()) if flags & _IS_ODD else (1, own_time)
    edited_at = _moment(own_time + reader.take_signed()) if flags & _IS_EDITED else None
    deleted_at = _moment(own_time + reader.take_signed()) if flags & _IS_DELETED else None
    text = reader.take_bytes(end - reader.at)
    if not flags & _IS_PLAIN:
        text = _text.decompress(text)
    kind, metadata = MessageType.TEXT, {}
    if flags & _HAS_EXTRAS:
        extras, _, text = text.partition(b"\0")
        named, plain_key, metadata = json.loads(extras.decode("utf-8", "surrogatepass"))
        kind, key = MessageType(named), key or plain_key
    message = Message(
        id=MessageId(message_id),
        conversation_id=conversation,
        seq=seq,
        number=number,
        sender_id=UserId(senders[place]),
        type=kind,
        content=text.decode("utf-8", "surrogatepass"),
        metadata=metadata,
        reply_to_id=reply,
        client_id=key,
        version=version,
        created_at=_moment(created_at),
        edited_at=edited_at,
        deleted_at=deleted_at,
        is_pinned=bool(flags & _IS_PINNED),
    )
    return message, milliseconds


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _uuid_key(client_id: str | None) -> UUID | None:
    """Most clients make their keys as UUIDs: 16 bytes instead of 36, when the same text comes back."""
    if client_id is None or len(client_id) != 36:
        return None
    try:
        key = UUID(client_id)
    except ValueError:
        return None
    return key if str(key) == client_id else None
