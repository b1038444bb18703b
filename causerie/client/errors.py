"""What can go wrong for a client, by what it may conclude.

ClientError
├── Refused        the server said no: nothing was done
└── Unanswered     nobody said anything: whether it was done is unknown
    └── Disconnected   because the connection went, or could not be made
"""

from collections.abc import Mapping
from typing import Any


class ClientError(Exception):
    """Any failure of a request."""

    retry_after_seconds: float | None = None


class Refused(ClientError):
    """The server's answer is an error with a stable `code`.

    `unknown` marks a 5xx: the server failed in the middle, so the outcome is as open as with no answer.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retryable: bool = False,
        unknown: bool = False,
        retry_after_seconds: float | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.retryable = retryable
        self.unknown = unknown
        self.retry_after_seconds = retry_after_seconds
        self.details = details or {}


class Unanswered(ClientError):
    """The deadline passed without an answer."""


class Disconnected(Unanswered):
    """The connection ended or could not be made.

    `code` is the close code, or the HTTP status of a refused upgrade; `reconnect` says whether coming back helps.
    """

    def __init__(
        self,
        message: str,
        *,
        code: int | None = None,
        reconnect: bool = True,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reconnect = reconnect
        self.retry_after_seconds = retry_after_seconds
