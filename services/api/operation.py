"""One method of one path: the handler, and beside it what OpenAPI says of it.

messages = Operations("messages")

@messages.post(
    "/v1/conversations/{conversation_id}/messages",
    "Send a message",
    body="NewMessage",
    answers=(Documented(201, "Message"),),
    refuses=(404, 409, 413, 415, 422),
    is_send=True,
)
async def post(asked: Asked) -> Answer: ...
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from services.api.answers import Answer
from services.api.asked import Asked

Handler = Callable[[Asked], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Documented:
    """One answer an operation gives: its status, the schema of its body and the headers worth knowing."""

    status: int
    schema: str | None = None
    description: str = ""
    headers: tuple[str, ...] = ()
    is_page: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """`is_send` takes from the caller's sends instead of his requests."""

    method: str
    path: str
    handler: Handler
    tag: str
    summary: str
    description: str
    body: str | None
    body_is_optional: bool
    query: tuple[str, ...]
    has_key: bool
    answers: tuple[Documented, ...]
    refuses: tuple[int, ...]
    is_send: bool


class Operations:
    """The operations of one noun."""

    def __init__(self, tag: str) -> None:
        self._tag = tag
        self._all: list[Operation] = []

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._all)

    def get(
        self,
        path: str,
        summary: str,
        *,
        answers: Sequence[Documented],
        query: Sequence[str] = (),
        refuses: Sequence[int] = (),
    ) -> Callable[[Handler], Handler]:
        return self._add("GET", path, summary, answers=answers, query=query, refuses=refuses)

    def post(
        self,
        path: str,
        summary: str,
        *,
        answers: Sequence[Documented],
        body: str | None = None,
        body_is_optional: bool = False,
        has_key: bool = True,
        refuses: Sequence[int] = (),
        is_send: bool = False,
    ) -> Callable[[Handler], Handler]:
        return self._add(
            "POST",
            path,
            summary,
            answers=answers,
            body=body,
            body_is_optional=body_is_optional,
            has_key=has_key,
            refuses=refuses,
            is_send=is_send,
        )

    def put(
        self, path: str, summary: str, *, body: str, answers: Sequence[Documented], refuses: Sequence[int] = ()
    ) -> Callable[[Handler], Handler]:
        return self._add("PUT", path, summary, body=body, answers=answers, refuses=refuses)

    def patch(
        self, path: str, summary: str, *, body: str, answers: Sequence[Documented], refuses: Sequence[int] = ()
    ) -> Callable[[Handler], Handler]:
        return self._add("PATCH", path, summary, body=body, answers=answers, refuses=refuses)

    def delete(self, path: str, summary: str, *, refuses: Sequence[int] = ()) -> Callable[[Handler], Handler]:
        return self._add("DELETE", path, summary, answers=(Documented(204),), refuses=refuses)

    def _add(
        self,
        method: str,
        path: str,
        summary: str,
        *,
        answers: Sequence[Documented],
        body: str | None = None,
        body_is_optional: bool = False,
        query: Sequence[str] = (),
        has_key: bool = False,
        refuses: Sequence[int] = (),
        is_send: bool = False,
    ) -> Callable[[Handler], Handler]:
        def add(handler: Handler) -> Handler:
            self._all.append(
                Operation(
                    method=method,
                    path=path,
                    handler=handler,
                    tag=self._tag,
                    summary=summary,
                    description=_paragraph(handler.__doc__),
                    body=body,
                    body_is_optional=body_is_optional,
                    query=tuple(query),
                    has_key=has_key,
                    answers=tuple(answers),
                    refuses=tuple(refuses),
                    is_send=is_send,
                )
            )
            return handler

        return add


def _paragraph(docstring: str | None) -> str:
    return " ".join((docstring or "").split())
