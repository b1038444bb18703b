"""Refusals as RFC 9457 problem+json, with the stable `code` clients rely on."""

import math
from http import HTTPStatus

import orjson

from causerie import telemetry
from causerie.domain.errors import CauserieError, InvalidRequest, Unauthenticated
from services.api.answers import Answer, Header

_PROBLEM = (b"content-type", b"application/problem+json")
_CHALLENGE = (b"www-authenticate", b"Bearer")


def refusal(error: CauserieError, request_id: str, *headers: Header) -> Answer:
    """The answer to a request that cannot be done."""
    telemetry.ERRORS.add(error.code)
    more: list[Header] = [*headers]
    if isinstance(error, Unauthenticated):
        more.append(_CHALLENGE)
    if error.retry_after_seconds is not None:
        more.append((b"retry-after", b"%d" % max(1, math.ceil(error.retry_after_seconds))))
    body = _body(error.status, error.code, error.message, request_id, retryable=error.retryable)
    if isinstance(error, InvalidRequest):
        body["errors"] = [{"field": wrong.field, "message": wrong.message} for wrong in error.errors]
    return Answer(error.status, orjson.dumps(body), (_PROBLEM, *more))


def internal(request_id: str) -> Answer:
    """The answer when we were wrong; what it was stands in the log under the same id."""
    telemetry.ERRORS.add("internal")
    body = _body(500, "internal", "The server made a mistake.", request_id, retryable=True)
    return Answer(500, orjson.dumps(body), (_PROBLEM,))


def _body(status: int, code: str, detail: str, request_id: str, *, retryable: bool) -> dict[str, object]:
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
        "retryable": retryable,
    }
