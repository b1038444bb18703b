"""A request as a handler sees it: who asks, what the path names, and a body that is read when it is wanted."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from causerie.actions.platform import Platform
from causerie.domain import ids
from causerie.domain.caller import Caller
from causerie.domain.errors import InvalidRequest, NotFound
from causerie.domain.ids import ConversationId, MessageId, UserId
from services.api import bodies


class Asked:
    """One request of one caller."""

    def __init__(
        self,
        platform: Platform,
        caller: Caller,
        headers: Mapping[bytes, bytes],
        path: Mapping[str, str],
        query: bytes,
        receive: Any,
    ) -> None:
        self.platform = platform
        self.caller = caller
        self._headers = headers
        self._path = path
        self._query = query
        self._receive = receive

    @property
    def conversation_id(self) -> ConversationId:
        """Raises `NotFound` for what cannot be an id: it names nothing."""
        if (found := ids.uuid_of(self._path["conversation_id"])) is None:
            raise NotFound
        return ConversationId(found)

    @property
    def message_id(self) -> MessageId:
        """Raises `NotFound` for what cannot be an id: it names nothing."""
        if (found := ids.uuid_of(self._path["message_id"])) is None:
            raise NotFound
        return MessageId(found)

    @property
    def user_id(self) -> UserId:
        """Raises `NotFound` for what cannot be an id: it names nobody."""
        try:
            return ids.user_id(self._path["user_id"])
        except InvalidRequest:
            raise NotFound from None

    @cached_property
    def query(self) -> dict[str, str]:
        """The parameters of the query; of a repeated one the last."""
        return dict(parse_qsl(self._query.decode("latin-1"), keep_blank_values=True))

    @property
    def idempotency_key(self) -> str | None:
        """The header `Idempotency-Key` as it came."""
        given = self._headers.get(b"idempotency-key")
        return None if given is None else given.decode("latin-1")

    async def body(self) -> object:
        """The body as strict JSON; see `bodies.read_json` for what it raises."""
        return await bodies.read_json(self._headers, self._receive, required=True)

    async def optional_body(self) -> object | None:
        """The body as strict JSON, or None without one; see `bodies.read_json` for what it raises."""
        return await bodies.read_json(self._headers, self._receive, required=False)
