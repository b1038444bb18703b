"""Open the conversations of a test over the API before anybody comes, each by its first member."""

import asyncio
from collections.abc import Sequence
from functools import partial

import httpx

from causerie.client.errors import ClientError
from causerie.client.rest import Rest
from loadtest.swarm.crowd import Crowd
from loadtest.trouble import Trouble

AT_ONCE = 8


async def found(crowd: Crowd, apis: Sequence[str], circles: Sequence[tuple[str, Sequence[int]]]) -> list[str]:
    """The ids of conversations of these kinds and members, in order.

    Raises:
        Trouble: one could not be opened.
    """
    ids = [""] * len(circles)
    left = iter(enumerate(circles))

    async def open_some(http: httpx.AsyncClient) -> None:
        for place, (kind, members) in left:
            body: dict[str, object] = {"type": kind, "member_ids": [crowd.name(other) for other in members[1:]]}
            if kind != "direct":
                body["name"] = f"{kind} {place}"
            rest = Rest(apis, partial(crowd.token, members[0]), http)
            ids[place] = str((await rest.request("POST", "/conversations", body, timeout_seconds=30.0))["id"])

    async with httpx.AsyncClient(trust_env=False) as http:
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(AT_ONCE):
                    group.create_task(open_some(http))
        except BaseExceptionGroup as errors:
            first = errors.exceptions[0]
            if isinstance(first, ClientError):
                raise Trouble(f"a conversation could not be opened: {first}") from None
            raise first from None
    return ids
