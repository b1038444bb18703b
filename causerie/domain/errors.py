"""Every refusal the platform can answer, as one tree.

    CauserieError
    ├── InvalidJson            400 invalid_json
    ├── InvalidCursor          400 invalid_cursor
    ├── Unauthenticated        401
    ├── Forbidden              403
    ├── NotFound               404   foreign and absent objects alike
    ├── MethodNotAllowed       405
    ├── Conflict               409 conflict
    │   ├── VersionConflict    409 version_conflict
    │   ├── IdempotencyConflict 409 idempotency_conflict
    │   └── ContextTaken       409 context_taken
    ├── Gone                   410
    ├── PayloadTooLarge        413
    ├── UnsupportedMediaType   415
    ├── InvalidRequest         422 with `errors`
    ├── RateLimited            429
    ├── Unavailable            503
    ├── Overloaded             503
    ├── UnknownOp              sockets only
    └── BadFrame               sockets only

`code` is what clients rely on, `status` what HTTP answers; sockets send the code alone.  What is
not a `CauserieError` is a bug and is answered `internal` by the edge that meets it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field of a request."""

    field: str
    message: str


class CauserieError(Exception):
    """A refusal with a stable code.

    `retryable` says whether the same request may succeed later unchanged.
    """

    code: ClassVar[str]
    status: ClassVar[int]
    retryable: ClassVar[bool] = False
    title: ClassVar[str]

    def __init__(self, message: str | None = None, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message or self.title)
        self.retry_after_seconds = retry_after_seconds

    @property
    def message(self) -> str:
        return str(self.args[0])


class InvalidJson(CauserieError):
    code, status, title = "invalid_json", 400, "The body is not valid UTF-8 JSON."


class InvalidCursor(CauserieError):
    code, status, title = "invalid_cursor", 400, "The cursor is not one this server gave to you."


class Unauthenticated(CauserieError):
    code, status, title = "unauthenticated", 401, "A valid token is needed."


class Forbidden(CauserieError):
    code, status, title = "forbidden", 403, "You may see this but not do that."


class NotFound(CauserieError):
    code, status, title = "not_found", 404, "There is nothing here for you."


class MethodNotAllowed(CauserieError):
    code, status, title = "method_not_allowed", 405, "This path does not take that method."


class Conflict(CauserieError):
    code, status, title = "conflict", 409, "The state of the object does not allow that."


class VersionConflict(Conflict):
    code, title = "version_conflict", "The message was changed since the version you named."


class IdempotencyConflict(Conflict):
    code, title = "idempotency_conflict", "This key was used for another request."


class ContextTaken(Conflict):
    code, title = "context_taken", "A conversation with this context exists already."


class Gone(CauserieError):
    code, status, title = "gone", 410, "The message was deleted."


class PayloadTooLarge(CauserieError):
    code, status, title = "payload_too_large", 413, "The body is too large."


class UnsupportedMediaType(CauserieError):
    code, status, title = "unsupported_media_type", 415, "Send application/json without a Content-Encoding."


class InvalidRequest(CauserieError):
    """The request was read but breaks a rule; `errors` names each field."""

    code, status, title = "invalid_request", 422, "The request breaks a rule."

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors) or None)
        self.errors = tuple(errors)

    @classmethod
    def of(cls, field: str, message: str) -> Self:
        return cls([FieldError(field, message)])


class RateLimited(CauserieError):
    code, status, retryable, title = "rate_limited", 429, True, "Too many requests."


class Unavailable(CauserieError):
    """A store this needs is away; whether a write took effect is unknown, so retry with the same key."""

    code, status, retryable, title = "unavailable", 503, True, "A store this needs is away."

    def __init__(self, message: str | None = None, *, retry_after_seconds: float = 1.0) -> None:
        super().__init__(message, retry_after_seconds=retry_after_seconds)


class Overloaded(CauserieError):
    """The queue is full or its head is too old; nothing was written."""

    code, status, retryable, title = "overloaded", 503, True, "The server is busy."

    def __init__(self, message: str | None = None, *, retry_after_seconds: float = 1.0) -> None:
        super().__init__(message, retry_after_seconds=retry_after_seconds)


class UnknownOp(CauserieError):
    code, status, title = "unknown_op", 422, "There is no such op."


class BadFrame(CauserieError):
    code, status, title = "bad_frame", 400, "The frame is not a request."
