"""The OpenAPI 3.1 document: every operation with its parameters, body, answers, refusals and security."""

import re
from collections.abc import Iterable, Sequence
from http import HTTPStatus

from causerie.domain import limits
from causerie.domain.conversation import ConversationType
from causerie.protocol.queries import MAX_OFFSET
from services.api.openapi.schemas import CONVERSATION_ID, MESSAGE_ID, SCHEMAS, TIME, Schema, ref
from services.api.operation import Documented, Operation

VERSION = "1"

_ALWAYS_REFUSED = (401, 405, 429, 503)
_CODES = {
    400: ("invalid_json", "The body is not valid UTF-8 JSON, or a cursor is not one of ours: `invalid_cursor`."),
    401: ("unauthenticated", "A valid token is needed."),
    403: ("forbidden", "You may see this but not do that."),
    404: ("not_found", "There is nothing here for you: foreign and absent objects answer alike."),
    405: ("method_not_allowed", "The path does not take that method; `Allow` names those it takes."),
    409: ("conflict", "`conflict`, `version_conflict`, `idempotency_conflict` or `context_taken`."),
    410: ("gone", "The message was deleted."),
    413: ("payload_too_large", f"The body is larger than {limits.MAX_BODY_BYTES} bytes."),
    415: ("unsupported_media_type", "Only application/json without a Content-Encoding is read."),
    422: ("invalid_request", "The request breaks a rule; `errors` names each field."),
    429: ("rate_limited", "Too many requests; `Retry-After` says when one more is let in."),
    503: ("unavailable", "`unavailable` or `overloaded`: repeat it after `Retry-After`, with the same key."),
}
_RETRYABLE = (429, 503)

_SEQ: Schema = {"type": "integer", "minimum": 0, "maximum": limits.MAX_SEQ}
_PATH: dict[str, tuple[str, Schema, object]] = {
    "conversation_id": ("The conversation.", {"type": "string", "format": "uuid"}, CONVERSATION_ID),
    "message_id": ("The message.", {"type": "string", "format": "uuid"}, MESSAGE_ID),
    "user_id": ("The user.", {"type": "string", "pattern": "^[A-Za-z0-9._:@-]{1,64}$"}, "ben"),
}
_QUERY: dict[str, tuple[str, Schema, object]] = {
    "limit": ("At most so many.", {"type": "integer", "minimum": 1, "maximum": limits.MAX_PAGE}, 50),
    "cursor": ("Where to go on: `next_cursor` of the page before.", {"type": "string"}, "c3luYw"),
    "offset": ("How many to pass over.", {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET}, 0),
    "type": ("Only conversations of this type.", {"type": "string", "enum": [*ConversationType]}, "group"),
    "archived": ("Only archived ones, or only others.", {"type": "boolean"}, False),
    "context_type": ("Only those about such a thing.", {"type": "string"}, "order"),
    "context_id": ("Only those about this thing.", {"type": "string"}, "4711"),
    "member": ("With `false` and `type=channel`: those I could join.", {"type": "boolean", "default": True}, True),
    "before_seq": ("Only older than this.", _SEQ, 100),
    "after_seq": ("Only newer than this, oldest first.", _SEQ, 7),
    "around_seq": ("Half before and half after this.", _SEQ, 50),
    "epoch": ("The epoch `after_seq` belongs to.", {"type": "string"}, "6a1b-1"),
    "timestamp": ("From this time on.", {"type": "string", "format": "date-time"}, TIME),
}
_REQUIRED_QUERY = frozenset({"timestamp"})
_HEADERS: dict[str, tuple[str, Schema]] = {
    "X-Request-ID": ("Names this request in the logs; a safe one of the client's is kept.", {"type": "string"}),
    "X-RateLimit-Limit": ("What fits into my bucket.", {"type": "integer"}),
    "X-RateLimit-Remaining": ("What is left in it.", {"type": "integer"}),
    "X-RateLimit-Reset": ("Seconds until it is full.", {"type": "integer"}),
    "Retry-After": ("Seconds to wait before asking again.", {"type": "integer"}),
    "Allow": ("The methods of the path.", {"type": "string"}),
    "WWW-Authenticate": ("`Bearer`.", {"type": "string"}),
    "X-Cache": ("Whether Redis alone gave the page.", {"type": "string", "enum": ["hit", "miss"]}),
    "Idempotent-Replayed": ("The answer of an earlier request with this key.", {"type": "string", "enum": ["true"]}),
}
_EVERY_ANSWER = ("X-Request-ID", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
_OF_STATUS = {401: ("WWW-Authenticate",), 405: ("Allow",), 429: ("Retry-After",), 503: ("Retry-After",)}


def openapi(operations: Iterable[Operation]) -> dict[str, object]:
    """Describe the operations."""
    paths: dict[str, dict[str, object]] = {}
    tags: dict[str, None] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
        tags[operation.tag] = None
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Causerie",
            "version": VERSION,
            "description": "Durable, ordered conversations. Sockets are described in AsyncAPI.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in tags],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "headers": {name: {"description": text, "schema": schema} for name, (text, schema) in _HEADERS.items()},
            "responses": {f"Refused{status}": _refusal(status) for status in _CODES},
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "HS256, or RS256, ES256, EdDSA by JWKS; `sub` is the user id, `exp` is required.",
                }
            },
        },
    }


def _operation(operation: Operation) -> dict[str, object]:
    responses: dict[str, object] = {str(answer.status): _response(answer) for answer in operation.answers}
    for status in sorted({*operation.refuses, *_ALWAYS_REFUSED}):
        responses[str(status)] = {"$ref": f"#/components/responses/Refused{status}"}
    described: dict[str, object] = {
        "operationId": f"{operation.tag}_{operation.handler.__name__}",
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description or f"{operation.summary}.",
        "parameters": _parameters(operation),
        "responses": responses,
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": not operation.body_is_optional,
            "content": {"application/json": _content(operation.body, ref(operation.body))},
        }
    return described


def _parameters(operation: Operation) -> list[dict[str, object]]:
    found = []
    for name in re.findall(r"{(\w+)}", operation.path):
        text, schema, example = _PATH[name]
        found.append(_parameter("path", name, text, schema, example, required=True))
    for name in operation.query:
        text, schema, example = _QUERY[name]
        found.append(_parameter("query", name, text, schema, example, required=name in _REQUIRED_QUERY))
    if operation.has_key:
        text = "1 to 64 printable ASCII characters; the request may be repeated under it."
        found.append(_parameter("header", "Idempotency-Key", text, {"type": "string"}, "c0ffee-1", required=False))
    return found


def _parameter(place: str, name: str, text: str, schema: Schema, example: object, *, required: bool) -> Schema:
    return {
        "name": name,
        "in": place,
        "required": required,
        "description": text,
        "schema": schema,
        "example": example,
    }


def _response(answer: Documented) -> dict[str, object]:
    response: dict[str, object] = {
        "description": answer.description or HTTPStatus(answer.status).phrase,
        "headers": _headers((*_EVERY_ANSWER, *answer.headers)),
    }
    if answer.schema is not None:
        schema = _page_of(answer.schema) if answer.is_page else ref(answer.schema)
        response["content"] = {"application/json": _content(answer.schema, schema, is_page=answer.is_page)}
    return response


def _page_of(name: str) -> Schema:
    return {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": ref(name)},
            "next_cursor": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "required": ["items", "next_cursor"],
    }


def _content(name: str, schema: Schema, *, is_page: bool = False) -> dict[str, object]:
    examples = SCHEMAS[name]["examples"]
    assert isinstance(examples, list)
    return {"schema": schema, "example": {"items": examples, "next_cursor": None} if is_page else examples[0]}


def _refusal(status: int) -> dict[str, object]:
    code, text = _CODES[status]
    example: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": text.partition(";")[0].rstrip("."),
        "code": code,
        "request_id": "5f0c7a1e2b",
        "retryable": status in _RETRYABLE,
    }
    if status == 422:
        example["errors"] = [{"field": "content", "message": "must not be empty"}]
    return {
        "description": text,
        "headers": _headers((*_EVERY_ANSWER, *_OF_STATUS.get(status, ()))),
        "content": {"application/problem+json": {"schema": ref("Problem"), "example": example}},
    }


def _headers(names: Sequence[str]) -> dict[str, object]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
