"""Who may do what: every operation of the API and every op of the socket, for everybody who might try.

In the conversation of these tables `ada` is an admin and `ben` a plain member who has written the message in it;
whoever tries is neither of them.  `former` was a member until before the message.  `scope` has the scope `admin` and
is no member: he administrates, and reads nothing of others.  A channel may be read by anybody who has a token.
"""

from dataclasses import dataclass

WHO = ("nobody", "forger", "stranger", "former", "member", "admin", "owner", "scope")


@dataclass(frozen=True)
class Row:
    """What comes of one operation for each of `WHO`, in a group and in a channel."""

    what: str
    group: tuple[str, ...]
    channel: tuple[str, ...]

    def __str__(self) -> str:
        return self.what


def row(what: str, group: str, channel: str | None = None) -> Row:
    cells = tuple(group.split())
    others = cells if channel is None else tuple(channel.split())
    assert len(cells) == len(others) == len(WHO), what
    return Row(what, cells, others)


MINE = "401 401 200 200 200 200 200 200"
"""What concerns only myself: anybody with a token."""

_C = "/v1/conversations"
_ONE = _C + "/{conversation_id}"
_MSG = "/v1/messages/{message_id}"
# fmt: off
REST = (
    #                                                    nobody forger stranger former member admin owner scope
    row(f"GET {_C}",                        MINE),
    row(f"POST {_C}",                       "401 401 201 201 201 201 201 201"),
    row("GET /v1/sync",                     MINE),
    row("GET /v1/unread",                   MINE),
    row("GET /v1/messages/since",           MINE),
    row("POST /v1/users/online",            MINE),
    row("POST /v1/users/check-online",      MINE),
    row("POST /v1/tickets",                 "401 401 201 201 201 201 201 201"),
    row(f"GET {_ONE}",                      "401 401 404 404 200 200 200 404", "401 401 200 200 200 200 200 200"),
    row(f"PATCH {_ONE}",                    "401 401 404 404 403 200 200 200", "401 401 403 403 403 200 200 200"),
    row(f"GET {_ONE}/events",               "401 401 404 404 200 200 200 404", "401 401 200 200 200 200 200 200"),
    row(f"GET {_ONE}/members",              "401 401 404 404 200 200 200 404", "401 401 200 200 200 200 200 200"),
    row(f"POST {_ONE}/members",             "401 401 404 404 403 201 201 201", "401 401 403 403 403 201 201 201"),
    row(f"PATCH {_ONE}/members/{{user_id}}", "401 401 404 404 403 403 200 200", "401 401 403 403 403 403 200 200"),
    row(f"DELETE {_ONE}/members/{{user_id}}", "401 401 404 404 403 204 204 204", "401 401 403 403 403 204 204 204"),
    row(f"POST {_ONE}/join",                "401 401 404 404 200 200 200 404", "401 401 200 200 200 200 200 200"),
    row(f"POST {_ONE}/leave",               "401 401 404 404 200 200 200 404", "401 401 404 404 200 200 200 404"),
    row(f"GET {_ONE}/messages",             "401 401 404 404 200 200 200 404", "401 401 200 200 200 200 200 200"),
    row(f"POST {_ONE}/messages",            "401 401 404 404 201 201 201 404", "401 401 403 403 201 201 201 403"),
    row(f"POST {_ONE}/read",                "401 401 404 404 200 200 200 404", "401 401 403 403 200 200 200 403"),
    row(f"DELETE {_ONE}/read",              "401 401 404 404 204 204 204 404", "401 401 403 403 204 204 204 403"),
    row(f"GET {_ONE}/receipts",             "401 401 404 404 200 200 200 404", "401 401 200 200 200 200 200 200"),
    row(f"POST {_ONE}/typing",              "401 401 404 404 200 200 200 404", "401 401 403 403 200 200 200 403"),
    row(f"GET {_ONE}/typing",               "401 401 404 404 200 200 200 404", "401 401 200 200 200 200 200 200"),
    row(f"PUT {_MSG}",                      "401 401 404 404 403 403 403 403", "401 401 403 403 403 403 403 403"),
    row(f"DELETE {_MSG}",                   "401 401 404 404 403 204 204 204", "401 401 403 403 403 204 204 204"),
    row(f"POST {_MSG}/read",                "401 401 404 404 200 200 200 404", "401 401 403 403 200 200 200 403"),
)

_FREE = "unauthenticated 4001 ok ok ok ok ok ok"
_READ = "unauthenticated 4001 not_found not_found ok ok ok not_found"
_JOINED = "unauthenticated 4001 forbidden forbidden ok ok ok forbidden"
_AUTHOR = "unauthenticated 4001 not_found not_found forbidden forbidden forbidden forbidden"
_NO_AUTHOR = "unauthenticated 4001 forbidden forbidden forbidden forbidden forbidden forbidden"
OPS = (
    row("auth",        "ok 4001 conflict conflict conflict conflict conflict conflict"),
    row("refresh",     _FREE),
    row("ping",        _FREE),
    row("presence",    _FREE),
    row("watch",       _FREE),
    row("unwatch",     _FREE),
    row("sync",        _FREE),
    row("unsubscribe", _FREE),
    row("send",        _READ, _JOINED),
    row("read",        _READ, _JOINED),
    row("mark_unread", _READ, _JOINED),
    row("typing",      _READ, _JOINED),
    row("subscribe",   _READ, _JOINED),
    row("history",     _READ, _FREE),
    row("edit",        _AUTHOR, _NO_AUTHOR),
    row("delete",      "unauthenticated 4001 not_found not_found forbidden ok ok ok",
                       "unauthenticated 4001 forbidden forbidden forbidden ok ok ok"),
)
# fmt: on

BODIES: dict[str, dict[str, object]] = {
    f"POST {_C}": {"type": "group", "member_ids": ["ben"]},
    "POST /v1/users/check-online": {"user_ids": ["ben"]},
    f"PATCH {_ONE}": {"name": "New"},
    f"POST {_ONE}/members": {"user_id": "new"},
    f"PATCH {_ONE}/members/{{user_id}}": {"role": "admin"},
    f"POST {_ONE}/messages": {"content": "hi"},
    f"POST {_ONE}/read": {"seq": 1},
    f"PUT {_MSG}": {"content": "changed"},
}
NEEDS_REDIS = {"POST /v1/users/online", "POST /v1/tickets"}
"""What cannot be done without it, and is answered 503 when it takes more than a quarter of a second."""
QUERIES = {"GET /v1/messages/since": "timestamp=2026-01-01T00:00:00Z"}

# `{…}` is filled in from the stage and from whoever tries.
ARGUMENTS: dict[str, dict[str, object]] = {
    "auth": {"token": "{token}"},
    "refresh": {"token": "{token}"},
    "presence": {"status": "away"},
    "watch": {"user_ids": ["ben"]},
    "unwatch": {"user_ids": ["ben"]},
    "unsubscribe": {"conversation_id": "{conversation_id}"},
    "send": {"conversation_id": "{conversation_id}", "content": "hi"},
    "read": {"conversation_id": "{conversation_id}", "seq": 1},
    "mark_unread": {"conversation_id": "{conversation_id}"},
    "typing": {"conversation_id": "{conversation_id}", "state": "start"},
    "subscribe": {"conversation_id": "{conversation_id}"},
    "history": {"conversation_id": "{conversation_id}"},
    "edit": {"message_id": "{message_id}", "content": "changed"},
    "delete": {"message_id": "{message_id}"},
}
