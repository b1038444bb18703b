"""The API as a client sees it: one method per request, errors as `ClientError`."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import Any

import httpx
import orjson

from causerie.client.conversation import Json
from causerie.client.errors import Disconnected, Refused, Unanswered

Query = Mapping[str, str | int]
REST_TIMEOUT_SECONDS = 10.0


class Rest:
    """Requests of one user to the API; several addresses are used in turn, so that a dead one costs one attempt.

    `http` may be shared by many users: it holds the connections, this only the token.
    """

    def __init__(self, addresses: Sequence[str], token: Callable[[], str], http: httpx.AsyncClient) -> None:
        self._addresses = cycle(addresses)
        self._token = token
        self._http = http

    async def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = REST_TIMEOUT_SECONDS,
    ) -> Any:
        """Ask once; the answer's JSON, or None when it has none.

        Raises:
            Refused: the server answered with an error.
            Unanswered: it did not answer; whether it did anything is unknown.
        """
        _, answer = await self.exchange(
            method, path, body, query=query, headers=headers, timeout_seconds=timeout_seconds
        )
        return answer

    async def exchange(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = REST_TIMEOUT_SECONDS,
    ) -> tuple[httpx.Response, Any]:
        """As `request`, with the response for who wants status and headers."""
        sent = {"Authorization": f"Bearer {self._token()}", **(headers or {})}
        if body is not None:
            sent["Content-Type"] = "application/json"
        try:
            async with asyncio.timeout(timeout_seconds):
                response = await self._http.request(
                    method,
                    f"{next(self._addresses)}/v1{path}",
                    params=dict(query) if query else None,
                    headers=sent,
                    content=None if body is None else orjson.dumps(body),
                    timeout=timeout_seconds,
                )
        except (TimeoutError, httpx.TimeoutException) as error:
            raise Unanswered(f"{method} {path} was not answered in {timeout_seconds} s") from error
        except httpx.TransportError as error:
            raise Disconnected(f"{method} {path}: {error!r}") from error
        if response.is_success:
            return response, orjson.loads(response.content) if response.content else None
        raise _refusal(response)

    async def pages(self, path: str, query: Query | None = None) -> list[Json]:
        """All items of a list."""
        items: list[Json] = []
        asked = {"limit": 100, **(query or {})}
        while True:
            page = await self.request("GET", path, query=asked)
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            asked = {**asked, "cursor": page["next_cursor"]}

    async def conversations(self, **query: str | int) -> list[Json]:
        return await self.pages("/conversations", query)

    async def open(self, type_: str, member_ids: Sequence[str] = (), *, key: str | None = None, **fields: Any) -> Json:
        """Open a conversation, or find the existing one of the same people or context."""
        headers = {"Idempotency-Key": key} if key else None
        body = {"type": type_, "member_ids": list(member_ids), **fields}
        opened: Json = await self.request("POST", "/conversations", body, headers=headers)
        return opened

    async def view(self, conversation_id: str) -> Json:
        seen: Json = await self.request("GET", f"/conversations/{conversation_id}")
        return seen

    async def change(self, conversation_id: str, **changes: Any) -> Json:
        changed: Json = await self.request("PATCH", f"/conversations/{conversation_id}", changes)
        return changed

    async def members(self, conversation_id: str) -> list[Json]:
        return await self.pages(f"/conversations/{conversation_id}/members")

    async def add_member(self, conversation_id: str, user_id: str, role: str = "member") -> Json:
        body = {"user_id": user_id, "role": role}
        member: Json = await self.request("POST", f"/conversations/{conversation_id}/members", body)
        return member

    async def change_member(self, conversation_id: str, user_id: str, **changes: Any) -> Json:
        member: Json = await self.request("PATCH", f"/conversations/{conversation_id}/members/{user_id}", changes)
        return member

    async def remove_member(self, conversation_id: str, user_id: str) -> None:
        await self.request("DELETE", f"/conversations/{conversation_id}/members/{user_id}")

    async def join(self, conversation_id: str) -> Json:
        member: Json = await self.request("POST", f"/conversations/{conversation_id}/join")
        return member

    async def leave(self, conversation_id: str) -> None:
        await self.request("POST", f"/conversations/{conversation_id}/leave")

    async def history(self, conversation_id: str, **query: str | int) -> Json:
        """One page of messages, newest first unless `after_seq`: `{items, next_cursor}`."""
        page: Json = await self.request("GET", f"/conversations/{conversation_id}/messages", query=query)
        return page

    async def post(
        self, conversation_id: str, content: str, *, timeout_seconds: float = REST_TIMEOUT_SECONDS, **fields: Any
    ) -> Json:
        """Post once; see `Client.send` for what happens when there is no answer."""
        body = {"content": content, **fields}
        path = f"/conversations/{conversation_id}/messages"
        message: Json = await self.request("POST", path, body, timeout_seconds=timeout_seconds)
        return message

    async def edit(self, message_id: str, content: str, version: int | None = None) -> Json:
        body = {"content": content} if version is None else {"content": content, "version": version}
        message: Json = await self.request("PUT", f"/messages/{message_id}", body)
        return message

    async def delete(self, message_id: str) -> None:
        await self.request("DELETE", f"/messages/{message_id}")

    async def read(self, conversation_id: str, seq: int) -> Json:
        mark: Json = await self.request("POST", f"/conversations/{conversation_id}/read", {"seq": seq})
        return mark

    async def mark_unread(self, conversation_id: str) -> None:
        await self.request("DELETE", f"/conversations/{conversation_id}/read")

    async def unread(self) -> Json:
        answer: Json = await self.request("GET", "/unread")
        return answer

    async def events(self, conversation_id: str, after_seq: int, epoch: str | None, limit: int = 100) -> Json:
        query: dict[str, str | int] = {"after_seq": after_seq, "limit": limit}
        if epoch is not None:
            query["epoch"] = epoch
        page: Json = await self.request("GET", f"/conversations/{conversation_id}/events", query=query)
        return page

    async def sync(self, cursor: str | None, limit: int = 100) -> Json:
        query: dict[str, str | int] = {"limit": limit}
        if cursor is not None:
            query["cursor"] = cursor
        page: Json = await self.request("GET", "/sync", query=query)
        return page

    async def who_types(self, conversation_id: str) -> list[str]:
        answer = await self.request("GET", f"/conversations/{conversation_id}/typing")
        return list(answer["user_ids"])

    async def check_online(self, user_ids: Sequence[str]) -> dict[str, Json]:
        answer = await self.request("POST", "/users/check-online", {"user_ids": list(user_ids)})
        return {item["user_id"]: item for item in answer["items"]}

    async def ticket(self) -> str:
        answer = await self.request("POST", "/tickets")
        return str(answer["ticket"])


def _refusal(response: httpx.Response) -> Refused:
    try:
        problem = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    retry_after = response.headers.get("Retry-After", "")
    return Refused(
        problem.get("code", f"http_{response.status_code}"),
        problem.get("detail") or problem.get("title") or response.reason_phrase,
        retryable=bool(problem.get("retryable", response.status_code in (429, 502, 503, 504))),
        unknown=response.status_code >= 500,
        retry_after_seconds=float(retry_after) if retry_after.replace(".", "", 1).isdigit() else None,
        details=problem,
    )
