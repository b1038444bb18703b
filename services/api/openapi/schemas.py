"""The shapes of bodies and answers as JSON Schema, each with an example.

Bodies are read by `causerie.protocol.requests`; these describe the same rules to people and generators, and
a test holds the two together.
"""

from causerie.domain import limits
from causerie.domain.conversation import ConversationType
from causerie.domain.event import EventKind
from causerie.domain.membership import Role
from causerie.domain.message import MessageType
from causerie.protocol.requests import MAX_CHECKED_USERS

Schema = dict[str, object]

CONVERSATION_ID = "01936f3e-7c1a-7b52-9f0e-3a5d1c2b4e60"
MESSAGE_ID = "01936f3e-8d2b-7c63-8a1f-4b6e2d3c5f71"
TIME = "2026-11-21T09:00:00.000Z"

_USER_ID: Schema = {"type": "string", "pattern": "^[A-Za-z0-9._:@-]{1,64}$", "examples": ["ann"]}
_UUID: Schema = {"type": "string", "format": "uuid"}
_TIME: Schema = {"type": "string", "format": "date-time"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_SEQ: Schema = {"type": "integer", "minimum": 0, "maximum": limits.MAX_SEQ}
_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": limits.MAX_NAME_CHARACTERS}
_DESCRIPTION: Schema = {"type": "string", "minLength": 1, "maxLength": limits.MAX_DESCRIPTION_CHARACTERS}
_URL: Schema = {"type": "string", "format": "uri", "maxLength": limits.MAX_URL_CHARACTERS}
_METADATA: Schema = {
    "type": "object",
    "description": f"At most {limits.MAX_METADATA_BYTES} bytes as compact JSON and {limits.MAX_METADATA_DEPTH} levels.",
}
_CONTENT: Schema = {
    "type": "string",
    "minLength": 1,
    "description": f"At most {limits.MAX_CONTENT_BYTES} bytes of UTF-8, kept byte for byte; blanks alone are empty.",
}
_CLIENT_ID: Schema = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[\\x20-\\x7e]+$"}
_MESSAGE_TYPE: Schema = {"type": "string", "enum": [*MessageType]}
_ROLE: Schema = {"type": "string", "enum": [*Role]}
_CONTEXT: Schema = {
    "type": "object",
    "description": "What the conversation is about in the host application; unique per type and id.",
    "properties": {
        "type": {"type": "string", "minLength": 1, "maxLength": limits.MAX_CONTEXT_CHARACTERS},
        "id": {"type": "string", "minLength": 1, "maxLength": limits.MAX_CONTEXT_CHARACTERS},
    },
    "required": ["type", "id"],
    "additionalProperties": False,
}


def or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _array(items: Schema, **more: object) -> Schema:
    return {"type": "array", "items": items, **more}


def _answer(properties: dict[str, Schema], example: object, description: str = "") -> Schema:
    """An answer always has all its properties; new ones may come with a release."""
    schema: Schema = {"type": "object", "properties": properties, "required": list(properties), "examples": [example]}
    return schema | ({"description": description} if description else {})


def _body(properties: dict[str, Schema], example: object, required: tuple[str, ...] = ()) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
        "examples": [example],
    }


_MESSAGE_EXAMPLE = {
    "id": MESSAGE_ID,
    "conversation_id": CONVERSATION_ID,
    "seq": 7,
    "sender_id": "ann",
    "type": "text",
    "content": "Shall we meet at noon?",
    "metadata": {},
    "reply_to_id": None,
    "attachments": [],
    "reactions": [],
    "client_id": "c0ffee-1",
    "version": 1,
    "is_edited": False,
    "is_deleted": False,
    "is_pinned": False,
    "created_at": TIME,
    "edited_at": None,
}
_MEMBER_EXAMPLE = {
    "user_id": "ann",
    "role": "owner",
    "nickname": None,
    "is_muted": False,
    "muted_until": None,
    "joined_at": TIME,
    "left_at": None,
}
_EVENT_EXAMPLE = {
    "event": "message.new",
    "conversation_id": CONVERSATION_ID,
    "seq": 7,
    "epoch": "6a1b-1",
    "ts": TIME,
    "data": {name: value for name, value in _MESSAGE_EXAMPLE.items() if name != "reactions"},
}
_MEMBER: dict[str, Schema] = {
    "user_id": _USER_ID,
    "role": _ROLE,
    "nickname": or_null(_NAME),
    "is_muted": _FLAG,
    "muted_until": or_null(_TIME),
    "joined_at": _TIME,
    "left_at": or_null(_TIME),
}

SCHEMAS: dict[str, Schema] = {
    "Message": _answer(
        {
            "id": _UUID,
            "conversation_id": _UUID,
            "seq": _SEQ,
            "sender_id": _USER_ID,
            "type": _MESSAGE_TYPE,
            "content": _TEXT,
            "metadata": _METADATA,
            "reply_to_id": or_null(_UUID),
            "attachments": _array({"type": "object"}),
            "reactions": _array(
                {"type": "object", "properties": {"emoji": _TEXT, "count": _COUNT, "me": _FLAG}},
            ),
            "client_id": or_null(_CLIENT_ID),
            "version": {"type": "integer", "minimum": 1},
            "is_edited": _FLAG,
            "is_deleted": _FLAG,
            "is_pinned": _FLAG,
            "created_at": _TIME,
            "edited_at": or_null(_TIME),
        },
        _MESSAGE_EXAMPLE,
        "`seq` is its place in the conversation. A deleted message keeps its place, without content.",
    ),
    "NewMessage": _body(
        {
            "content": _CONTENT,
            "type": {"type": "string", "enum": [*MessageType], "default": MessageType.TEXT},
            "metadata": or_null(_METADATA),
            "reply_to_id": or_null(_UUID),
            "attachment_ids": or_null(_array(_UUID)),
            "client_id": or_null(_CLIENT_ID),
        },
        {"content": "Shall we meet at noon?", "client_id": "c0ffee-1"},
        required=("content",),
    ),
    "MessageEdit": _body(
        {"content": _CONTENT, "version": or_null({"type": "integer", "minimum": 1})},
        {"content": "Shall we meet at one?", "version": 1},
        required=("content",),
    ),
    "Conversation": _answer(
        {
            "id": _UUID,
            "type": {"type": "string", "enum": [*ConversationType]},
            "name": or_null(_NAME),
            "description": or_null(_DESCRIPTION),
            "avatar_url": or_null(_URL),
            "context": or_null(_CONTEXT),
            "metadata": _METADATA,
            "created_by": _USER_ID,
            "created_at": _TIME,
            "updated_at": _TIME,
            "is_archived": _FLAG,
            "last_seq": _SEQ,
            "unread_count": _COUNT,
            "is_marked_unread": _FLAG,
            "last_message": or_null(ref("Message")),
            "membership": or_null(ref("Membership")),
        },
        {
            "id": CONVERSATION_ID,
            "type": "group",
            "name": "Crew",
            "description": None,
            "avatar_url": None,
            "context": {"type": "order", "id": "4711"},
            "metadata": {},
            "created_by": "ann",
            "created_at": TIME,
            "updated_at": TIME,
            "is_archived": False,
            "last_seq": 7,
            "unread_count": 0,
            "is_marked_unread": False,
            "last_message": _MESSAGE_EXAMPLE,
            "membership": {**_MEMBER_EXAMPLE, "read_seq": 7},
        },
        "As its reader sees it: unread count, flags and membership are the reader's own.",
    ),
    "NewConversation": _body(
        {
            "type": {"type": "string", "enum": [*ConversationType]},
            "member_ids": _array(
                _USER_ID,
                maxItems=limits.MAX_GROUP_MEMBERS,
                description="Besides myself; exactly one other for `direct`, may be left out for `channel`.",
            ),
            "name": or_null(_NAME),
            "description": or_null(_DESCRIPTION),
            "avatar_url": or_null(_URL),
            "context": or_null(_CONTEXT),
            "metadata": or_null(_METADATA),
        },
        {"type": "group", "member_ids": ["ben", "cas"], "name": "Crew"},
        required=("type",),
    ),
    "ConversationChanges": _body(
        {
            "name": or_null(_NAME),
            "description": or_null(_DESCRIPTION),
            "avatar_url": or_null(_URL),
            "is_archived": _FLAG,
        },
        {"name": "Night crew", "is_archived": False},
    ),
    "Member": _answer(_MEMBER, _MEMBER_EXAMPLE, "A former member has `left_at`."),
    "Membership": _answer({**_MEMBER, "read_seq": _SEQ}, {**_MEMBER_EXAMPLE, "read_seq": 7}, "My own membership."),
    "NewMember": _body(
        {"user_id": _USER_ID, "role": {"type": "string", "enum": [*Role], "default": Role.MEMBER}},
        {"user_id": "dee"},
        required=("user_id",),
    ),
    "MemberChanges": _body(
        {"role": _ROLE, "nickname": or_null(_NAME), "is_muted": _FLAG, "muted_until": or_null(_TIME)},
        {"nickname": "the boss"},
    ),
    "Left": _answer(
        {"conversation_id": _UUID, "user_id": _USER_ID}, {"conversation_id": CONVERSATION_ID, "user_id": "ann"}
    ),
    "ReadMark": _body({"seq": or_null({"type": "integer", "minimum": 0}), "message_id": or_null(_UUID)}, {"seq": 7}),
    "ReadState": _answer(
        {"conversation_id": _UUID, "seq": _SEQ, "unread_count": _COUNT},
        {"conversation_id": CONVERSATION_ID, "seq": 7, "unread_count": 0},
    ),
    "Receipt": _answer(
        {"user_id": _USER_ID, "seq": _SEQ, "read_at": or_null(_TIME), "delivered_seq": _SEQ},
        {"user_id": "ben", "seq": 6, "read_at": TIME, "delivered_seq": 7},
    ),
    "Unread": _answer(
        {
            "total": _COUNT,
            "conversations": _array(
                {
                    "type": "object",
                    "properties": {"conversation_id": _UUID, "unread_count": _COUNT},
                    "required": ["conversation_id", "unread_count"],
                }
            ),
        },
        {"total": 3, "conversations": [{"conversation_id": CONVERSATION_ID, "unread_count": 3}]},
    ),
    "TypingState": _body(
        {"state": {"type": "string", "enum": ["start", "stop"], "default": "start"}}, {"state": "start"}
    ),
    "Typing": _answer({"user_ids": _array(_USER_ID)}, {"user_ids": ["ben"]}),
    "Presence": _answer(
        {
            "user_id": _USER_ID,
            "status": {"type": "string", "enum": ["online", "away", "offline"]},
            "last_seen": or_null(_TIME),
        },
        {"user_id": "ben", "status": "offline", "last_seen": TIME},
    ),
    "CheckOnline": _body(
        {"user_ids": _array(_USER_ID, maxItems=MAX_CHECKED_USERS)}, {"user_ids": ["ben", "cas"]}, required=("user_ids",)
    ),
    "Event": _answer(
        {
            "event": {"type": "string", "enum": [*EventKind]},
            "conversation_id": _UUID,
            "seq": _SEQ,
            "epoch": _TEXT,
            "ts": _TIME,
            "data": {"type": "object"},
        },
        _EVENT_EXAMPLE,
        "One entry of a conversation's log. Apply it only when `seq` is the last one applied plus one.",
    ),
    "Sync": _answer(
        {
            "events": _array(ref("Event")),
            "reads": _array(
                {
                    "type": "object",
                    "properties": {"conversation_id": _UUID, "user_id": _USER_ID, "seq": _SEQ},
                    "required": ["conversation_id", "user_id", "seq"],
                }
            ),
            "next_cursor": _TEXT,
            "has_more": _FLAG,
            "resets": _array(
                {
                    "type": "object",
                    "properties": {"conversation_id": _UUID, "epoch": _TEXT, "seq": _SEQ, "reason": _TEXT},
                    "required": ["conversation_id", "epoch", "seq", "reason"],
                }
            ),
            "recovered": _FLAG,
        },
        {
            "events": [_EVENT_EXAMPLE],
            "reads": [{"conversation_id": CONVERSATION_ID, "user_id": "ann", "seq": 7}],
            "next_cursor": "c3luYw",
            "has_more": False,
            "resets": [],
            "recovered": True,
        },
    ),
    "ConversationEvents": _answer(
        {
            "events": _array(ref("Event")),
            "epoch": _TEXT,
            "last_seq": _SEQ,
            "has_more": _FLAG,
            "recovered": _FLAG,
        },
        {"events": [_EVENT_EXAMPLE], "epoch": "6a1b-1", "last_seq": 7, "has_more": False, "recovered": True},
    ),
    "Ticket": _answer({"ticket": _TEXT, "expires_at": _TIME}, {"ticket": "kP3vX0bq8cYl5t9Zr2Wm7A", "expires_at": TIME}),
    "Problem": {
        "type": "object",
        "description": "A refusal (RFC 9457) with a stable `code`. `retryable`: the same request may succeed later.",
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _TEXT,
            "code": _TEXT,
            "request_id": _TEXT,
            "retryable": _FLAG,
            "errors": _array(
                {
                    "type": "object",
                    "properties": {"field": _TEXT, "message": _TEXT},
                    "required": ["field", "message"],
                }
            ),
        },
        "required": ["type", "title", "status", "detail", "code", "request_id", "retryable"],
    },
}
