"""The people of the matrix and the conversation they meet in, made anew for each attempt."""

import asyncio
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx

from causerie.domain.ids import UserId
from causerie.tokens import issue
from tests.conftest import JWT_SECRET

_numbers = count(1)
SECRET = "what-was-said-in-a-"


def token_for(user: str) -> str:
    return issue(JWT_SECRET, UserId(user), admin=user == "scope", ttl_seconds=600)


def headers_of(user: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token_for(user)}"}


def credentials(who: str) -> dict[str, str]:
    """What somebody of the matrix shows at the door."""
    if who == "nobody":
        return {}
    if who == "forger":
        forged = issue(JWT_SECRET[::-1], UserId("owner"), admin=True, ttl_seconds=600)
        return {"Authorization": f"Bearer {forged}"}
    return headers_of(who)


@dataclass(frozen=True)
class Stage:
    """A conversation with one message, by `ben`."""

    conversation_id: str
    message_id: str
    user_id: str = "ben"


async def a_stage(http: httpx.AsyncClient, type: str) -> Stage:
    async def do(user: str, method: str, path: str, body: Any = None) -> Any:
        answer = await http.request(method, path, json=body, headers=headers_of(user))
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    members = ["ada", "ben", "former", "member", "admin"]
    name = f"stage {next(_numbers)}"
    made = await do("owner", "POST", "/v1/conversations", {"type": type, "member_ids": members, "name": name})
    path = f"/v1/conversations/{made['id']}"
    await asyncio.gather(
        *(do("owner", "PATCH", f"{path}/members/{one}", {"role": "admin"}) for one in ("ada", "admin"))
    )
    await do("former", "POST", f"{path}/leave")
    message = await do("ben", "POST", f"{path}/messages", {"content": SECRET + type})
    return Stage(made["id"], message["id"])
