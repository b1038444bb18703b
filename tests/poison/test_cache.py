"""What Redis keeps is not what we wrote: it is dropped, the answer comes from elsewhere, and it is built again."""

import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from causerie.cache import history, rates, tickets
from causerie.client import Client
from causerie.domain.ids import ConversationId, UserId, uuid_of
from tests.gateway.client import Client as RawClient
from tests.gateway.client import token_of
from tests.poison.lab import Lab
from tests.support.waiting import eventually

Spoil = Callable[[Lab, str], Awaitable[Any]]


async def wrong_type(lab: Lab, key: str) -> None:
    await lab.cache.command("DEL", key)
    await lab.cache.command("GEOADD", key, 1, 2, "nonsense")


async def junk(lab: Lab, key: str) -> None:
    await lab.cache.command("SET", key, b"\x00\xff not what we wrote")


@pytest.mark.parametrize("spoil", [wrong_type, junk])
async def test_a_spoilt_history_is_dropped_and_built_again(lab: Lab, spoil: Spoil) -> None:
    async with lab.clients("ann", "ben") as (ann, ben):
        group = (await ann.open("group", [ben.user]))["id"]
        for number in range(5):
            await ann.send(group, f"text {number}")
        wanted = [f"text {number}" for number in range(5)]
        assert await read(lab, ann, group) == wanted
        counted = await lab.count('causerie_dead_letters_total{kind="cache"}', lab.api)

        await spoil(lab, history.key(id_of(group)))

        assert await read(lab, ann, group) == wanted
        await eventually(lambda: is_hit(lab, ann, group))
        assert await read(lab, ann, group) == wanted
        assert await lab.count('causerie_dead_letters_total{kind="cache"}', lab.api) > counted


@pytest.mark.parametrize("spoil", [wrong_type, junk])
async def test_a_spoilt_bucket_lets_pass_and_counts_again(lab: Lab, spoil: Spoil) -> None:
    async with lab.clients("ann") as (ann,):
        for bucket in (rates.SENDS, rates.REQUESTS):
            await spoil(lab, rates.key(bucket, UserId(ann.user)))

        left = [int((await get(lab, ann, "/v1/unread")).headers["X-RateLimit-Remaining"]) for _ in range(3)]

        assert left[-1] < rates.REQUESTS.burst


@pytest.mark.parametrize("spoil", [wrong_type, junk])
async def test_spoilt_typing_marks_are_made_anew(lab: Lab, spoil: Spoil) -> None:
    async with lab.clients("ann", "ben") as (ann, ben):
        group = (await ann.open("group", [ben.user]))["id"]
        await ann.send(group, "hello")
        for key in (f"causerie:{{{group}}}:typing", f"causerie:{{{group}}}:typing:told"):
            await spoil(lab, key)

        assert (await get(lab, ben, f"/v1/conversations/{group}/typing")).status_code == 200
        await ann.type(group)
        await ben.until(lambda model: ann.user in model.typing.get(group, ()))
        await ann.type(group)

        assert ann.user in await ben.rest.who_types(group)


async def test_a_name_that_is_no_text_hides_nobody_else_who_types(lab: Lab) -> None:
    async with lab.clients("ann", "ben") as (ann, ben):
        group = (await ann.open("group", [ben.user]))["id"]
        await ann.type(group)
        soon = int(time.time() * 1000) + 10_000
        await lab.cache.command("ZADD", f"causerie:{{{group}}}:typing", soon, b"\xff\xfe")

        assert ann.user in await ben.rest.who_types(group)


TICKETS = {
    "no json": b"\xff{",
    "no object": b"[1]",
    "nobody": b"{}",
    "a stranger's fields": json.dumps({"user": "ann", "expires_at": 2**40, "is_root": True}).encode(),
    "a number for a name": json.dumps({"user": 7, "expires_at": 2**40}).encode(),
    "no end": json.dumps({"user": "ann", "expires_at": "never"}).encode(),
}


@pytest.mark.parametrize("kept", TICKETS.values(), ids=TICKETS.keys())
async def test_a_spoilt_ticket_lets_nobody_in(lab: Lab, kept: bytes) -> None:
    await lab.cache.command("SET", tickets.key("spoilt"), kept)

    async with connect(lab.gateway.ws_url + "/ws?ticket=spoilt") as socket:
        assert await RawClient(socket).closed() == 4001


async def test_a_ticket_of_another_type_is_dropped_and_lets_nobody_in(lab: Lab) -> None:
    await wrong_type(lab, tickets.key("spoilt"))

    codes = []
    for _ in range(2):
        async with connect(lab.gateway.ws_url + "/ws?ticket=spoilt") as socket:
            codes.append(await RawClient(socket).closed())

    assert codes == [1013, 4001]


@pytest.mark.parametrize("spoil", ["user", "leases", "fields", "set"])
async def test_spoilt_presence_is_right_again_with_the_next_renewal(lab: Lab, spoil: str) -> None:
    """A gateway renews its lease every ten seconds; what it finds lost it writes anew."""
    async with lab.clients("ann", "ben") as (ann, ben):
        await eventually(lambda: is_online(ann, ben.user))
        bucket = await bucket_of(lab, ben.user)
        match spoil:
            case "user":
                await wrong_type(lab, f"{bucket}:user:{ben.user}")
            case "leases":
                await wrong_or_text(lab, f"{bucket}:nodes")
            case "set":
                await wrong_type(lab, f"{bucket}:node:{await lab.name_of('gateway')}")
            case "fields":
                key = f"{bucket}:user:{ben.user}"
                name = await lab.name_of("gateway")
                await lab.cache.command("HSET", key, f"node:{name}", "nonsense", "seen", "x", "rest", "y", "z", "z")

        assert (await ann.rest.check_online([ben.user]))[ben.user]["status"] in ("online", "offline")
        await eventually(lambda: is_online(ann, ben.user), timeout_seconds=15)
        async with lab.clients("eve") as (eve,):
            await eventually(lambda: is_online(ann, eve.user))


async def wrong_or_text(lab: Lab, key: str) -> None:
    await lab.cache.command("DEL", key)
    await lab.cache.command("SET", key, "text")


async def bucket_of(lab: Lab, user: str) -> str:
    for number in range(16):
        name = f"causerie:{{presence:{number}}}"
        if await lab.cache.command("EXISTS", f"{name}:user:{user}"):
            return name
    raise AssertionError(f"{user} is nowhere")


async def is_online(asking: Client, user: str) -> bool:
    return bool((await asking.rest.check_online([user]))[user]["status"] == "online")


async def get(lab: Lab, client: Client, path: str) -> httpx.Response:
    async with httpx.AsyncClient() as http:
        answer = await http.get(lab.api.url + path, headers={"Authorization": f"Bearer {token_of(client.user)}"})
    assert answer.status_code == 200, answer.text
    return answer


async def is_hit(lab: Lab, client: Client, group: str) -> bool:
    return (await get(lab, client, f"/v1/conversations/{group}/messages")).headers["X-Cache"] == "hit"


async def read(lab: Lab, client: Client, group: str) -> list[str]:
    items = (await get(lab, client, f"/v1/conversations/{group}/messages")).json()["items"]
    return [message["content"] for message in reversed(items)]


def id_of(text: str) -> ConversationId:
    found = uuid_of(text)
    assert found is not None
    return ConversationId(found)
