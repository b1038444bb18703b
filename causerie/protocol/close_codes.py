"""Why a socket is closed, in numbers a client may rely on (CONTRACT §4).

A code says whether coming back helps: the server knows, a client could only guess.
"""

from enum import IntEnum


class CloseCode(IntEnum):
    """Those below 4000 are RFC 6455's, the others ours."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    NO_STATUS = 1005
    INVALID_TEXT = 1007
    POLICY = 1008
    TOO_BIG = 1009
    RESTART = 1012
    OVERLOAD = 1013
    UNAUTHENTICATED = 4001
    FORBIDDEN = 4003
    SLOW = 4008
    SILENT = 4009
    TOO_MANY_SESSIONS = 4010

    @property
    def reconnect(self) -> bool:
        """Whether the same client with the same token may come back and be let in."""
        return self in _COME_BACK

    @property
    def reason(self) -> str:
        return _REASONS[self]


_COME_BACK = frozenset(
    {
        CloseCode.NORMAL,
        CloseCode.GOING_AWAY,
        CloseCode.RESTART,
        CloseCode.OVERLOAD,
        CloseCode.SLOW,
        CloseCode.SILENT,
    }
)

_REASONS = {
    CloseCode.NORMAL: "bye",
    CloseCode.GOING_AWAY: "the server stops",
    CloseCode.PROTOCOL_ERROR: "protocol error",
    CloseCode.UNSUPPORTED_DATA: "text frames only",
    CloseCode.NO_STATUS: "",
    CloseCode.INVALID_TEXT: "text must be UTF-8",
    CloseCode.POLICY: "flood",
    CloseCode.TOO_BIG: "message too big",
    CloseCode.RESTART: "restart",
    CloseCode.OVERLOAD: "overload",
    CloseCode.UNAUTHENTICATED: "unauthenticated",
    CloseCode.FORBIDDEN: "forbidden",
    CloseCode.SLOW: "slow consumer",
    CloseCode.SILENT: "heartbeat missed",
    CloseCode.TOO_MANY_SESSIONS: "too many sessions",
}
